"""Hour values against a reading-by-reading count; every reason an hour has no value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.curves import EMPTY, Curve
from twin.quality import rules
from twin.quality.hours import FLOW, HOUR_MS, PH, Hours, Verdict, hours

RULES = rules.load()
COD = "w01018"
T0 = 1_795_276_800_000
TEN = 600_000


def curve(rows: list[tuple[int, float, str]]) -> Curve:
    rows = sorted({at: (at, v, f) for at, v, f in rows}.values())
    return Curve(
        np.array([r[0] for r in rows], np.int64),
        np.array([r[1] for r in rows], np.float64),
        np.array([ord(r[2]) if r[2] else 0 for r in rows], np.uint8),
    )


def tens(values: str, level: float = 10.0) -> Curve:
    """A value every ten minutes: N, D, x for an impossible one, a space for none."""
    rows = [
        (T0 + i * TEN, -5.0 if c == "x" else level, "N" if c == "x" else c)
        for i, c in enumerate(values)
        if c != " "
    ]
    return curve(rows)


def of(values: str, code: str = COD, flow: Hours | None = None, level: float = 10.0) -> Hours:
    return hours(tens(values, level), code, flow, 600.0, T0, T0 + len(values) * TEN, RULES)


@pytest.mark.parametrize(
    ("sent", "verdict"),
    [
        ("NNNNNN", Verdict.VALID),
        ("NNNNN ", Verdict.VALID),
        ("NNNN  ", Verdict.TOO_FEW),
        ("NDDDDD", Verdict.MARKED),
        ("NxxxxN", Verdict.IMPOSSIBLE),
        ("xxxDDD", Verdict.MARKED),
        ("      ", Verdict.MISSING),
    ],
)
def test_an_hour_says_why_it_has_no_value(sent: str, verdict: Verdict) -> None:
    got = of(sent)
    assert got.verdict.tolist() == [verdict]
    assert math.isnan(got.value[0]) == (verdict is not Verdict.VALID)


def test_without_flow_a_concentration_means_nothing_but_the_flow_stays() -> None:
    flow = of("NNNNNN" * 2, FLOW, level=0.0)
    assert flow.verdict.tolist() == [Verdict.VALID] * 2
    assert of("NNNNNN" * 2, flow=flow).verdict.tolist() == [Verdict.NO_FLOW] * 2
    unknown = of("      " * 2, FLOW)
    assert of("NNNNNN" * 2, flow=unknown).verdict.tolist() == [Verdict.VALID] * 2


def test_ph_is_averaged_by_its_hydrogen_ions() -> None:
    rows = [(T0 + i * TEN, 6.0 if i % 2 else 8.0, "N") for i in range(6)]
    got = hours(curve(rows), PH, None, 600.0, T0, T0 + HOUR_MS, RULES)
    assert got.value[0] == pytest.approx(-math.log10((1e-6 + 1e-8) / 2))
    assert (got.low[0], got.high[0]) == (6.0, 8.0)


def test_only_whole_hours_are_counted() -> None:
    got = hours(tens("NNNNNN" * 3), COD, None, 600.0, T0 + 1, T0 + 3 * HOUR_MS - 1, RULES)
    assert got.start_ms.tolist() == [T0 + HOUR_MS]
    assert len(hours(EMPTY, COD, None, 600.0, T0, T0 + 5, RULES)) == 0


def test_a_station_of_four_hours_owes_nothing_in_between() -> None:
    rows = [(T0 + 4 * HOUR_MS * i, 3.0, "N") for i in range(2)]
    got = hours(curve(rows), COD, None, 4 * 3600.0, T0, T0 + 8 * HOUR_MS, RULES)
    assert got.due.tolist() == [1, 0, 0, 0] * 2
    assert got.verdict.tolist() == [Verdict.VALID, *[Verdict.NOT_DUE] * 3] * 2


value = st.floats(-20, 500, allow_nan=False)
reading = st.tuples(st.integers(-70, 260), value, st.sampled_from(["N", "N", "N", "D", "C", ""]))


@settings(deadline=None)
@given(st.lists(reading, max_size=60), st.sampled_from([300, 600, 1200, 3600]), st.sampled_from([COD, PH]))
def test_hours_are_what_counting_one_by_one_gives(
    rows: list[tuple[int, float, str]], interval: int, code: str
) -> None:
    it = curve([(T0 + minute * 60_000, v, f) for minute, v, f in rows])
    got = hours(it, code, None, float(interval), T0, T0 + 3 * HOUR_MS, RULES)
    for h in range(3):
        low, high = T0 + h * HOUR_MS, T0 + (h + 1) * HOUR_MS
        slots: dict[int, list[tuple[float, str]]] = {}
        inside = []
        for at, v, f in zip(it.at_ms.tolist(), it.value.tolist(), it.flag.tolist(), strict=True):
            if low <= at < high:
                slots.setdefault(at // (interval * 1000), []).append((v, chr(f)))
                inside.append((v, chr(f)))
        good = [v for v, f in inside if f in "N\0" and 0 <= v <= (14 if code == PH else 1e300)]
        n_good = sum(
            any(f in "N\0" and 0 <= v <= (14 if code == PH else 1e300) for v, f in s) for s in slots.values()
        )
        due = 3600 // interval
        assert (got.due[h], got.received[h], got.valid[h]) == (due, len(slots), n_good)
        assert (got.verdict[h] == Verdict.VALID) == (n_good >= 0.75 * due)
        assert (got.verdict[h] == Verdict.MISSING) == (not slots)
        if got.verdict[h] == Verdict.VALID:
            plain = sum(good) / len(good)
            ions = -math.log10(sum(10**-v for v in good) / len(good)) if code == PH else plain
            assert got.value[h] == pytest.approx(ions)
        if good:
            assert (got.low[h], got.high[h]) == (min(good), max(good))
