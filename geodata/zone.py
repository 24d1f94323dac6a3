"""The park's own time zone: one for each process, taken over once when it starts.

What people read and write without a zone is in it. HJ 212 has a clock of its own (`twin.ingest.hj212.times`).
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NAME = "Asia/Shanghai"
CHINA = timezone(timedelta(hours=8), NAME)  # without a file of zones; its clocks stand still since 1991

_HERE: dict[str, tzinfo] = {}  # this process's, set once when it starts


def named(name: str) -> tzinfo:
    """Return a zone by its name in the IANA database, such as `Asia/Tokyo`.

    Raises
    ------
    ValueError
        There is none of that name.
    """
    try:
        return CHINA if name == NAME else ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"no time zone is called {name!r}") from error


def live_in(zone: tzinfo) -> None:
    """Let this process read and write moments in a zone."""
    _HERE["park"] = zone


def here() -> tzinfo:
    """Return the park's zone; China's where none was named."""
    return _HERE.get("park", CHINA)


def local(at: datetime) -> datetime:
    """Return an aware moment on the park's clocks."""
    return at.astimezone(here())


def at_s(seconds: float) -> datetime:
    """Return epoch seconds on the park's clocks."""
    return datetime.fromtimestamp(seconds, here())


def ahead_s(seconds: float) -> float:
    """Return how far the park's clocks are ahead of UTC at a moment, seconds."""
    ahead = at_s(seconds).utcoffset()
    return ahead.total_seconds() if ahead else 0.0


def label(zone: tzinfo) -> str:
    """Return a zone's name as browsers know it."""
    return NAME if zone is CHINA else str(zone)
