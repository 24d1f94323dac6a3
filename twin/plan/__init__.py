"""When the plume arrives where, which gates to close by when, and what that keeps from the receptors."""
