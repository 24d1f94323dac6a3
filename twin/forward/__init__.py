"""Forwarding: frames of a park's loggers relayed to upper platforms, in order, nothing lost or doubled."""
