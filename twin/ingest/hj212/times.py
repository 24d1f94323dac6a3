"""Times as HJ 212 writes them: digits, China's local time (UTC+8), no zone marker."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

ZONE = timezone(timedelta(hours=8))
_OFFSET_S = 8 * 3600
_EPOCH = date(1970, 1, 1).toordinal()


def epoch_ms(text: str) -> int | None:
    """Read YYYYMMDDhhmmss (14 digits) or YYYYMMDDhhmmsszzz (17).

    Returns
    -------
    int or None
        Epoch milliseconds; None where the text is not such a moment.
    """
    n = len(text)
    if (n != 14 and n != 17) or not (text.isascii() and text.isdigit()):
        return None
    hour, minute, second = int(text[8:10]), int(text[10:12]), int(text[12:14])
    if hour > 23 or minute > 59 or second > 59:
        return None
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8])).toordinal() - _EPOCH
    except ValueError:
        return None
    seconds = day * 86400 + hour * 3600 + minute * 60 + second - _OFFSET_S
    return seconds * 1000 + (int(text[14:]) if n == 17 else 0)


def stamp(at_ms: int) -> str:
    """Write a DataTime: 14 digits of local time."""
    return _local(at_ms).strftime("%Y%m%d%H%M%S")


def qn(at_ms: int) -> str:
    """Write a QN: 17 digits of local time."""
    return f"{stamp(at_ms)}{at_ms % 1000:03d}"


def _local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(ZONE)
