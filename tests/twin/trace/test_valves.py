"""What an outlet's own valves and pumps say: closed all along, opened against their habit, or nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from geodata.network import Network
from geodata.places import Device, DeviceKind, Outlet, OutletKind
from geodata.words import Text
from tests.twin.parks import tiny_park
from tests.twin.trace import scene
from twin.model import GateState, Ranking
from twin.trace.rank import rank
from twin.trace.valves import AFTER_S, BEFORE_S, OPENED, SHUT, Stood, Valve, valve

T0 = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
START, LONG = T0.timestamp() + 3600, 1800.0
Rows = list[tuple[datetime, list[GateState]]]


def device(id: str, kind: DeviceKind = DeviceKind.RAIN_VALVE, usual: float = 1.0) -> Device:
    outlets = ("E02-YS001",)
    return Device(id, Text(id, id), kind, "E02", outlets, 0.0, 0.0, True, 60.0, 0.0, "", usual, 1)


def outlet() -> Outlet:
    return next(o for o in tiny_park().outlets if o.id == "E02-YS001")


def rows(minutes: range, **position: float | None) -> Rows:
    """One row each ten minutes."""
    found: Rows = []
    for m in minutes[::10]:
        at = T0 + timedelta(minutes=m)
        found.append((at, [GateState(d, p, False, False, at) for d, p in position.items()]))
    return found


V, P = device("V"), device("P", DeviceKind.PUMP)
ALL = range(180)


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        (rows(ALL, V=0.0), Valve(SHUT, "shut")),
        (rows(ALL, V=1.0), Valve(0.0)),
        (rows(ALL, V=0.0, P=1.0), Valve(SHUT, "shut")),  # one of two is enough
        (rows(ALL, V=0.0, P=None), Valve(SHUT, "shut")),
        (rows(ALL, V=None), Valve(0.0)),  # not known is not closed
        (rows(range(60), V=0.0), Valve(0.0)),  # believed for a quarter of an hour, then not known
        (rows(range(70), V=1.0) + rows(range(70, 180), V=0.0), Valve(0.0)),  # closed only afterwards
        ([], Valve(0.0)),
    ],
)
def test_what_was_closed_all_along_speaks_against_and_what_is_not_known_says_nothing(
    kept: Rows, found: Valve
) -> None:
    devices = (V, P)
    assert valve(Stood.of(kept, devices), devices, outlet(), START, LONG) == found


def test_what_usually_is_closed_and_stood_open_speaks_for() -> None:
    usual = replace(V, normal_position=0.0)
    opened = rows(range(60), V=0.0) + rows(range(60, 80), V=0.9) + rows(range(80, 180), V=0.0)
    assert valve(Stood.of(opened, (usual,)), (usual,), outlet(), START, LONG) == Valve(OPENED, "opened")
    shut = Stood.of(rows(ALL, V=0.0), (usual,))
    assert valve(shut, (usual,), outlet(), START, LONG) == Valve(SHUT, "shut")


def test_devices_of_another_outlet_and_no_record_at_all_say_nothing() -> None:
    stood = Stood.of(rows(ALL, V=0.0), (V,))
    other = replace(outlet(), id="E02-DW001", kind=OutletKind.WASTEWATER)
    assert valve(stood, (V,), other, START, LONG) == Valve(0.0)
    assert valve(None, (V,), outlet(), START, LONG) == Valve(0.0)


def test_shares_of_a_time_are_those_that_a_watch_would_have_counted() -> None:
    rng = np.random.default_rng(3)
    at = np.sort(rng.uniform(0, 180, 30))
    position = rng.choice([0.0, 1.0, np.nan], 30)
    kept = [
        (
            T0 + timedelta(minutes=float(m)),
            [GateState("V", None if np.isnan(p) else float(p), False, False, T0)],
        )
        for m, p in zip(at, position, strict=True)
    ]
    stood = Stood.of(list(reversed(kept)), (V,))
    known, shut, passed = stood.within((V,), START - BEFORE_S, START + LONG + AFTER_S)
    seconds = np.arange(START - BEFORE_S, START + LONG + AFTER_S) + 0.5
    last = np.searchsorted(stood.t_s, seconds, side="right") - 1
    fresh = (last >= 0) & (seconds - stood.t_s[last] <= 900)
    seen = np.where(fresh, stood.position[0][last], np.nan)
    assert shut == pytest.approx(np.mean(seen == 0), abs=1e-3)
    assert passed == pytest.approx(np.mean(seen == 1), abs=1e-3)
    assert known == pytest.approx(shut + passed)


def test_a_digest_is_that_of_the_record_whatever_its_order() -> None:
    kept = rows(ALL, V=0.0, P=1.0)
    one, other = Stood.of(kept, (V, P)).digest(), Stood.of(kept[::-1], (P, V)).digest()
    assert one == other != ""
    assert Stood.of(rows(ALL, V=0.5, P=1.0), (V, P)).digest() != one
    assert Stood.of([], (V, P)).digest() == ""


@pytest.fixture(scope="module")
def twice() -> dict[str, Ranking]:
    """One event ranked with nothing known, with a closed valve, and with a past."""
    park = replace(tiny_park(), devices=(V,))
    obs = scene.observations(park, scene.fingerprint(park, "E02"), "N2")
    incident, anomalies = scene.incident(("S01", "S02"), ("w01018", "w21003", "w01014"), 25)
    now = datetime.fromtimestamp(scene.RELEASE + 7200, UTC)
    begin = datetime.fromtimestamp(scene.BEGIN, UTC)
    kept: Rows = []
    for m in range(0, 361, 10):
        at = begin + timedelta(minutes=m)
        kept.append((at, [GateState("V", 0.0, False, False, at)]))
    given = {"nothing": {}, "shut": {"stood": Stood.of(kept, park.devices)}, "past": {"before": {"E01": 3}}}
    network = Network.from_park(park)
    return {k: rank(park, network, obs, incident, anomalies, now, **g) for k, g in given.items()}  # type: ignore[arg-type]


def test_a_closed_valve_takes_from_its_enterprise_and_says_so(twice: dict[str, Ranking]) -> None:
    share = {k: {s.enterprise: s.probability for s in r.suspects} for k, r in twice.items()}
    assert share["shut"]["E02"] < share["nothing"]["E02"]
    leader = twice["shut"].suspects[0]
    assert (leader.enterprise, leader.outlet) == ("E02", "E02-YS001")
    (said,) = (r for r in leader.reasons if r.kind == "valve")
    assert said.nats == SHUT
    assert "一直关着" in said.text.zh
    assert "shut all the time" in said.text.en
    assert twice["shut"].basis is not None
    assert twice["nothing"].basis is not None
    assert twice["shut"].basis.valves != "" == twice["nothing"].basis.valves


def test_a_past_adds_little_and_is_said(twice: dict[str, Ranking]) -> None:
    share = {k: {s.enterprise: s.probability for s in r.suspects} for k, r in twice.items()}
    assert share["nothing"]["E01"] < share["past"]["E01"] < 2.3 * share["nothing"]["E01"]
    said = [
        r for s in twice["past"].suspects if s.enterprise == "E01" for r in s.reasons if r.kind == "history"
    ]
    assert [(r.nats, r.text.zh) for r in said] == [(0.8, "此前有 3 起事件查实为其所致")]
    assert twice["past"].basis is not None
    assert twice["past"].basis.before == {"E01": 3}
