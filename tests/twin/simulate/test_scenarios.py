"""Every scenario can be drawn for the demo park, the same each time, and is what its name says."""

from __future__ import annotations

import pytest

from callbacks.drill import SCENARIOS
from geodata.places import OutletKind, Park
from tests.geodata.parks import demo_park
from twin.errors import MissingError
from twin.simulate.scenarios import FLOW_STEPS, KINDS, Kind, draw, kind_of

SEEDS = range(1, 13)


@pytest.fixture(scope="module")
def park() -> Park:
    return demo_park()


def test_names() -> None:
    names = ["night-discharge", "pipe-leak", "tank-overflow", "shared-pipe", "faulty-sensor"]
    assert [k.name for k in KINDS] == names
    with pytest.raises(MissingError, match="night-discharge"):
        kind_of("day-discharge")


def test_the_page_offers_the_same_drills_by_the_same_names() -> None:
    assert {k.name: k.title for k in KINDS} == SCENARIOS


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
def test_every_seed_draws_within_the_kind(park: Park, kind: Kind) -> None:
    nodes = set(park.nodes["id"])
    for seed in SEEDS:
        play = draw(park, kind.name, seed)
        assert play == draw(park, kind.name, seed)
        assert kind.after_s[0] <= play.started_s <= kind.after_s[1]
        assert play.flow_factor in FLOW_STEPS
        for injection in play.injections:
            assert injection.node in nodes
            assert kind.flow_m3s[0] <= injection.flow_m3s <= kind.flow_m3s[1] + 1e-4
            assert kind.minutes[0] - 0.1 <= injection.duration_s / 60 <= kind.minutes[1] + 0.1
            assert max(injection.mg_l.values()) > 100
            assert injection.mg_l[play.factor] == max(v for p, v in injection.mg_l.items() if p != "SALT")
    if kind.sources:
        assert {draw(park, kind.name, s).outlet for s in SEEDS} == set(kind.sources)


def test_sources_are_of_the_right_sort(park: Park) -> None:
    kinds = {o.id: o.kind for o in park.outlets}
    sorts = {
        "night-discharge": OutletKind.RAIN,
        "pipe-leak": OutletKind.CROSSING,
        "tank-overflow": OutletKind.RAIN,
        "shared-pipe": OutletKind.WASTEWATER,
    }
    for name, sort in sorts.items():
        assert {kinds[s] for s in kind_of(name).sources} == {sort}


def test_the_shared_pipe_is_used_in_somebody_elses_hours(park: Park) -> None:
    kind = kind_of("shared-pipe")
    begin = kind.start.strftime("%H:%M")
    for source in kind.sources:
        slots = park.enterprise(source.split("-")[0]).slots
        assert slots
        assert not any(a <= begin < b for a, b in slots)


def test_a_lying_instrument_harms_nobody(park: Park) -> None:
    for seed in SEEDS:
        play = draw(park, "faulty-sensor", seed)
        assert (play.enterprise, play.outlet, play.injections) == ("", "", ())
        (fault,) = play.faults(1_000_000)
        assert fault.factor in park.station(fault.station).factors
        assert fault.from_ms == 1_000_000 + play.started_s * 1000
        assert fault.factor_at(fault.from_ms + 600_000) >= 4.0
        assert fault.factor_at(fault.to_ms) == 1.0
