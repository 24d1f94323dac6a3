"""Which files become one: neighbours only, whole days when they are over, and not for a few late rows."""

from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from twin.history import compaction
from twin.history.catalogue import EMPTY, Catalogue, File
from twin.history.compaction import DAY, DAY_QUIET_MS, FAN, MONTH, MONTH_QUIET_MS

HOUR = 3_600_000


def file(n: int, tier: int = 0, rows: int = 100, period: str = "2026-11-22", size: int = 1000) -> File:
    """File number n: received in the n-th second."""
    at = n * 1000
    return File("readings", f"{n}", period, tier, rows, size, 0, 0, 0, (at, 0), (at + 999, 0))


def hold(*files: File) -> Catalogue:
    return EMPTY._replace(files=files)


def test_as_many_neighbours_of_one_tier_become_one_of_the_next() -> None:
    assert compaction.task(hold(*(file(n) for n in range(FAN - 1))), 0) is None
    found = compaction.task(hold(file(0, 2), *(file(n) for n in range(1, FAN + 3))), 0)
    assert found is not None
    assert found.tier == 1
    assert [f.name for f in found.files] == [str(n) for n in range(1, FAN + 1)]


@given(st.lists(st.integers(0, 2), max_size=60))
def test_nothing_received_in_between_is_left_out(tiers: list[int]) -> None:
    files = [file(n, tier) for n, tier in enumerate(tiers)]
    found = compaction.task(hold(*files), 0)
    if found is None:
        runs = [len(list(run)) for tier, run in groupby(tiers) if tier < 2]
        assert max(runs, default=0) < FAN
        return
    names = [int(f.name) for f in found.files]
    assert names == list(range(names[0], names[-1] + 1))
    assert found.tier > max(tiers[n] for n in names)


def test_files_do_not_pile_up() -> None:
    """A year of parts: however long it goes on, a day has few files at any time."""
    files: list[File] = []
    for n in range(4320):
        files.append(file(n))
        while (found := compaction.task(hold(*files), n * 1000)) is not None:
            names = {f.name for f in found.files}
            last = found.files[-1]
            one = last._replace(tier=found.tier, rows=sum(f.rows for f in found.files))
            files = sorted([f for f in files if f.name not in names] + [one], key=lambda f: f.last)
        assert len(files) <= 3 * FAN
    assert sum(f.rows for f in files) == 4320 * 100


def test_a_day_is_put_together_when_nothing_comes_for_it_any_more() -> None:
    it = hold(file(0), file(1, 1), file(2))
    late = it.files[-1].last[0] + DAY_QUIET_MS
    assert compaction.task(it, late - 1) is None
    found = compaction.task(it, late)
    assert found is not None
    assert (found.tier, len(found.files)) == (DAY, 3)


def test_a_few_late_rows_do_not_have_a_day_written_again() -> None:
    day = file(0, DAY, rows=100_000)
    assert compaction.task(hold(day, file(1, rows=50)), 9 * HOUR) is None
    assert compaction.task(hold(day, file(1, rows=20_000)), 9 * HOUR) is not None
    some = [file(n, DAY - 1, rows=1) for n in range(1, FAN + 1)]
    assert compaction.task(hold(day, *some), 9 * HOUR) is not None


def test_days_become_a_month_unless_they_are_too_large() -> None:
    days = [file(n, DAY, period=f"2026-10-{n + 1:02d}") for n in range(31)]
    late = days[-1].last[0] + MONTH_QUIET_MS
    found = compaction.task(hold(*days), late)
    assert found is not None
    assert (found.period, found.tier, len(found.files)) == ("2026-10", MONTH, 31)
    assert compaction.task(hold(*days), late - 1) is None
    large = [f._replace(size=compaction.MONTH_BYTES // 30) for f in days]
    assert compaction.task(hold(*large), late) is None
    month = file(40, MONTH, rows=10**6, period="2026-10")
    assert compaction.task(hold(month, file(50, DAY, rows=9, period="2026-10-03")), late * 9) is None


def test_what_is_kept_counts_from_its_receipt() -> None:
    it = hold(file(0), file(86_400))
    day = 86_400_000
    assert compaction.expired(it, "readings", 1.0, day + 5000) == [it.files[0]]
    assert compaction.expired(it, "readings", 0.0, 99 * day) == []
    assert compaction.expired(it, "frames", 1.0, 99 * day) == []


def test_a_large_part_starts_higher() -> None:
    assert [compaction.first_tier(n) for n in (1, 499_999, 500_000, 8_000_000)] == [0, 0, 1, 2]
