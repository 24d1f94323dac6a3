"""Which values count, what follows from them for an hour, a day and a load, and by which rule."""
