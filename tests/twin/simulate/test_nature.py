"""Nature in its own process: the release is seen where it flows, gates work, and its death is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from geodata import park as park_file
from geodata.places import Park
from tests.geodata.parks import demo_park
from twin.errors import TwinError, UnavailableError
from twin.simulate.nature import PH_CLEAN, Nature, Setting
from twin.simulate.scenarios import draw


@pytest.fixture(scope="module")
def park() -> Park:
    return demo_park()


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("warm")


@pytest.fixture
def nature(park: Park, warm: Path) -> Iterator[Nature]:
    play = draw(park, "night-discharge", 1)
    it = Nature(Setting(park_file.demo_path(), warm, play.injections, ph=play.ph))
    yield it
    it.close()


@pytest.mark.slow
async def test_a_release_reaches_the_station_below_it_and_no_other(nature: Nature, park: Park) -> None:
    before = await nature.begin()
    gates = {g.id: g.normal_position for g in park.gates}
    after = await nature.advance(25 * 60, gates)
    assert after.at_s == pytest.approx(25 * 60, abs=10)
    risen = {s for s in after.stations if after.stations[s]["w01018"] > 1.5 * before.stations[s]["w01018"]}
    assert risen == {"S61"}
    assert abs(after.stations["S61"]["w01001"] - PH_CLEAN) > 1.0
    assert after.stations["S33"]["w01001"] == pytest.approx(PH_CLEAN, abs=0.05)
    assert set(after.stations["S01"]) == set(park.station("S01").factors)
    assert after.stations["S01"]["w00000"] == pytest.approx(park_flow(park, "E01-DW001"), rel=0.05)


@pytest.mark.slow
async def test_a_closed_gate_holds_the_water(nature: Nature, park: Park) -> None:
    await nature.begin()
    gates = {g.id: g.normal_position for g in park.gates}
    open_ = await nature.advance(600, gates)
    shut = await nature.advance(1200, {**gates, "G05": 0.0, "G07": 0.0})
    assert open_.gates.keys() == shut.gates.keys() == {g.id for g in park.gates}
    assert shut.at_s == pytest.approx(1200, abs=10)


@pytest.mark.slow
async def test_a_valve_at_the_enterprise_ends_the_release(park: Park, warm: Path) -> None:
    play = draw(park, "night-discharge", 1)
    seen = {}
    for valve in (1.0, 0.0):
        setting = Setting(park_file.demo_path(), warm, play.injections, 1.0, play.ph, play.outlet)
        it = Nature(setting)
        try:
            before = await it.begin()
            stands = {m.id: m.normal_position for m in park.movables}
            after = await it.advance(25 * 60, {**stands, f"{play.outlet}-V": valve})
        finally:
            it.close()
        seen[valve] = after.stations["S61"]["w01018"] / before.stations["S61"]["w01018"]
    assert seen[1.0] > 1.5
    assert seen[0.0] < 1.0 + 0.2 * (seen[1.0] - 1.0)  # it leaks a little


@pytest.mark.slow
async def test_death_is_told(nature: Nature) -> None:
    await nature.begin()
    nature._process.kill()
    with pytest.raises(UnavailableError):
        await nature.advance(600, {})


async def test_a_missing_park_is_told(tmp_path: Path) -> None:
    it = Nature(Setting(tmp_path / "none.gpkg", tmp_path))
    with pytest.raises(TwinError):
        await it.begin()
    it.close()


def park_flow(park: Park, node: str) -> float:
    return float(park.nodes.set_index("id")["inflow_m3s"][node]) * 1000
