"""The demo park, read once for all tests of a process."""

from __future__ import annotations

from functools import cache

from geodata import park as parks
from geodata.places import Park


@cache
def demo_park() -> Park:
    """The demo park. Whoever changes something makes a copy first; `tests/conftest.py` looks at the end."""
    return parks.read(parks.demo_path())
