"""The SWMM text says what the park says."""

import pytest

from geodata.places import LinkKind, Park
from tests.geodata.parks import demo_park
from twin.hydraulics import pollutants
from twin.hydraulics.inp import Injection, Setup, opening, to_inp


@pytest.fixture(scope="module")
def park() -> Park:
    return demo_park()


def section(text: str, name: str) -> list[list[str]]:
    body = text.split(f"[{name}]\n", 1)[1].split("\n[", 1)[0]
    return [line.split() for line in body.splitlines() if line.strip()]


def test_every_link_is_written_once(park: Park) -> None:
    text = to_inp(park, Setup(hours=1))
    kinds = {
        "CONDUITS": (LinkKind.PIPE, LinkKind.CHANNEL, LinkKind.REACH),
        "ORIFICES": (LinkKind.GATE,),
        "PUMPS": (LinkKind.PUMP,),
        "WEIRS": (LinkKind.WEIR,),
    }
    for name, wanted in kinds.items():
        written = [row[0] for row in section(text, name)]
        assert sorted(written) == sorted(park.links.loc[park.links["kind"].isin(wanted), "id"])


def test_pools_are_storage(park: Park) -> None:
    names = {row[0] for row in section(to_inp(park, Setup(hours=1)), "STORAGE")}
    assert {"P01", "P02", "PS1-WELL", "PS2-WELL"} <= names


def test_factors_are_applied(park: Park) -> None:
    plain = {r[0]: float(r[2]) for r in section(to_inp(park, Setup(hours=1)), "DWF") if r[1] == "FLOW"}
    wet = to_inp(park, Setup(hours=1, flow_factor=1.5))
    changed = {r[0]: float(r[2]) for r in section(wet, "DWF") if r[1] == "FLOW"}
    system = dict(zip(park.nodes["id"], park.nodes["system"], strict=True))
    for node, flow in plain.items():
        factor = 1.0 if system[node] == "sewage" else 1.5
        assert changed[node] == pytest.approx(factor * flow, rel=1e-4)


def test_unknown_node_is_refused(park: Park) -> None:
    with pytest.raises(ValueError, match="no node X"):
        to_inp(park, Setup(hours=1, injections=(Injection("X", 0, 1, 1, {}),)))


def test_injections_at_one_node_are_added(park: Park) -> None:
    both = (
        Injection("H2V2", 0, 200, 0.1, {"COD": 100.0}),
        Injection("H2V2", 100, 200, 0.3, {"COD": 500.0}),
    )
    rows = section(to_inp(park, Setup(hours=1, injections=both)), "TIMESERIES")
    flow = [float(r[2]) for r in rows if r[0] == "INJ0-Q"]
    cod = [float(r[2]) for r in rows if r[0] == "INJ0-COD"]
    assert flow == pytest.approx([0.1, 0.1, 0.4, 0.4, 0.3, 0.3, 0.0])
    assert cod == pytest.approx([100, 100, 400, 400, 500, 500, 0])


def test_opening_never_goes_under_the_leak() -> None:
    assert opening(1.0, 0.02) == 1.0
    assert opening(0.5, 0.02) == 0.5
    assert 0 < opening(0.0, 0.02) < 0.02


def test_conductivity_is_carried_as_salt() -> None:
    assert pollutants.to_mg_l({"w01014": 1600.0, "w01001": 7.0}) == {"SALT": 1000.0}
    assert pollutants.to_factors({"SALT": 1000.0}) == {"w01014": 1600.0}


def test_water_to_the_works_is_within_what_they_accept(park: Park) -> None:
    for firm in park.enterprises:
        water = pollutants.pretreated_water(park, firm.id)
        raw = pollutants.raw_water(park, firm.id)
        assert set(water) == set(pollutants.POLLUTANTS)
        assert water["COD"] < 0.8 * 500  # the contract limit, and its warning at 80 %
        assert water["NH3N"] < 0.8 * 35
        assert all(water[p] < raw[p] for p in water)
