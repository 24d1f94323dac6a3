"""Which files should become one, and which are too old to keep.

Parts of some seconds become parts of minutes, then days, then months, so that a year of one point is a
dozen files. A day or month is put together when nothing has come for it for a while; what comes later lies
beside it until it is enough to be worth writing the whole again. The catalogue changes once, when the new
file is there: a reader sees the many or the one, never both and never neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from twin.history.catalogue import Catalogue, File, Kind

FAN = 16  # files of one tier that become one of the next
DAY, MONTH = 3, 4  # tiers
DAY_QUIET_MS = 3_600_000  # wall time without anything new for it, from which a day counts as over
MONTH_QUIET_MS = 36 * 3_600_000
MONTH_BYTES = 1 << 30  # of days that are left as days because together they are too large to write again
WORTH = 8  # late rows are merged into a day when they are this part of it
TIER_ROWS = (500_000, 8_000_000)  # rows from which a part starts as tier 1, as tier 2


class Task(NamedTuple):
    """Files that become one."""

    kind: Kind
    period: str
    tier: int
    files: tuple[File, ...]


def first_tier(rows: int) -> int:
    """Return the tier of a part as it comes from the stream: a large one need not be merged so often."""
    return sum(rows >= least for least in TIER_ROWS)


def task(it: Catalogue, now_ms: int) -> Task | None:
    """Return what should be merged next; None while there is nothing to do.

    Parameters
    ----------
    now_ms : int
        Wall time.
    """
    for kind, files in _periods(it).items():
        found = _small(kind[0], kind[1], files) or _quiet(kind[0], kind[1], files, now_ms)
        if found is not None:
            return found
    return _month(it, now_ms)


def expired(it: Catalogue, kind: Kind, keep_days: float, now_ms: int) -> list[File]:
    """Return the files of a kind of which nothing was received within the time it is kept.

    Time of receipt counts, not the moment the readings are for: a logger whose clock is years ahead must not
    make everything else look old.
    """
    if keep_days <= 0:
        return []
    before = now_ms - round(keep_days * 86_400_000)
    return [f for f in it.of(kind) if f.last[0] < before]


def _periods(it: Catalogue) -> dict[tuple[Kind, str], list[File]]:
    found: dict[tuple[Kind, str], list[File]] = {}
    for file in it.files:
        if file.tier <= DAY:
            found.setdefault((file.kind, file.period), []).append(file)
    return found


def _small(kind: Kind, period: str, files: Sequence[File]) -> Task | None:
    for tier in range(DAY - 1):
        run: list[File] = []  # neighbours: what was received in between goes with them
        for file in files:
            run = [*run, file] if file.tier <= tier else []
            if sum(f.tier == tier for f in run) >= FAN:
                return Task(kind, period, tier + 1, tuple(run))
    return None


def _quiet(kind: Kind, period: str, files: Sequence[File], now_ms: int) -> Task | None:
    if len(files) > 1 and now_ms - max(f.last[0] for f in files) >= DAY_QUIET_MS and worth(files, DAY):
        return Task(kind, period, DAY, tuple(files))
    return None


def _month(it: Catalogue, now_ms: int) -> Task | None:
    months: dict[tuple[Kind, str], list[File]] = {}
    for file in it.files:
        months.setdefault((file.kind, file.period[:7]), []).append(file)
    for (kind, month), files in months.items():
        quiet = now_ms - max(f.last[0] for f in files) >= MONTH_QUIET_MS
        if len(files) > 1 and quiet and sum(f.size for f in files) <= MONTH_BYTES and worth(files, MONTH):
            return Task(kind, month, MONTH, tuple(files))
    return None


def worth(files: Iterable[File], tier: int) -> bool:
    """Tell whether there is enough beside the large file to write it all again."""
    files = list(files)
    late = [f for f in files if f.tier < tier]
    rows = sum(f.rows for f in late)
    return len(late) == len(files) or len(late) >= FAN or rows * WORTH >= sum(f.rows for f in files)
