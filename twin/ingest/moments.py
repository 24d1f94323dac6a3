"""Moments as machines and tables write them, to epoch milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from geodata import zone
from twin.ingest.hj212.times import epoch_ms as digits_ms

FIRST_MS, LAST_MS = 946_684_800_000, 4_102_444_800_000  # 2000 to 2100: outside it is no moment of a park
_MILLISECONDS_FROM = 100_000_000_000  # a number from here on counts milliseconds, below it seconds
_NUMBER = re.compile(r"\d{9,13}(?:\.\d+)?")
_DAY = r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
_HOUR = r"[ T]+(\d{1,2})[:时](\d{1,2})分?(?::?(\d{1,2})秒?(?:\.(\d+))?)?"
_TABLE = re.compile(f"{_DAY}(?:{_HOUR})?")


def moment_ms(value: object) -> int | None:
    """Read a moment.

    Parameters
    ----------
    value : object
        A datetime; a number of seconds or milliseconds since 1970; a text with such a number, with 14 or 17
        digits as HJ 212 writes them, of ISO 8601, or as tables write it (2026/11/22 8:05). What names no zone
        is the park's own time.

    Returns
    -------
    int or None
        Epoch milliseconds; None where it is no moment between 2000 and 2100.
    """
    found = _read(value)
    return found if found is not None and FIRST_MS <= found < LAST_MS else None


def _read(value: object) -> int | None:
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=zone.here())
        return round(aware.timestamp() * 1000)
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _counted(float(value))
    text = str(value).strip()
    if _NUMBER.fullmatch(text):
        return _counted(float(text))
    if text.isdigit():
        return digits_ms(text)
    try:
        return _read(datetime.fromisoformat(text))
    except ValueError:
        return _written(text)


def _counted(number: float) -> int | None:
    if not abs(number) < 1e15:
        return None
    return round(number if number >= _MILLISECONDS_FROM else number * 1000)


def _written(text: str) -> int | None:
    match = _TABLE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        at = datetime(year, month, day, 0, minute, second, tzinfo=zone.here()) + timedelta(hours=hour)
    except ValueError:
        return None
    if hour > 24 or (hour == 24 and (minute or second)):  # "24:00" ends a day in Chinese tables
        return None
    return round(at.astimezone(UTC).timestamp() * 1000)
