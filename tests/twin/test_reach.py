"""Travel times on demand say what a table of all of them would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geodata.network import Network
from geodata.places import Park
from tests.geodata import parks
from tests.twin.parks import tiny_park
from twin import reach as module
from twin.reach import FAST, SLACK_S, SLOW, TAIL_S, Reach


@pytest.fixture(scope="module")
def demo_park() -> Park:
    return parks.demo_park()


@pytest.fixture(scope="module")
def network(demo_park: Park) -> Network:
    return Network.from_park(demo_park)


def test_every_row_is_that_of_the_whole_table(demo_park: Park, network: Network) -> None:
    reach = Reach.of(demo_park, network)
    stations, outlets = reach.stations, reach.outlets
    table = network.travel_times([*stations, *outlets], reversing=True)[:, stations]
    n = len(network.node_ids)
    slow_first = np.argsort(-network.travel_s, kind="stable")
    fastest = {(int(network.tail[k]), int(network.head[k])): network.travel_s[k] for k in slow_first}
    row, column = np.array(list(fastest)).T
    around = csr_array((np.array(list(fastest.values())), (row, column)), shape=(n, n))
    round_about = dijkstra(around, directed=False, indices=stations)[:, stations]
    for a in range(0, len(stations), 7):
        assert np.array_equal(reach.after(a), table[a])
        assert reach.sources(a) == pytest.approx(table[len(stations) :, a])
        assert reach.around(a) == pytest.approx(round_about[a])
        assert np.array_equal(reach.reached_by(a), np.flatnonzero(np.isfinite(table[len(stations) :, a])))


def test_judgements_follow_the_rows(demo_park: Park, network: Network) -> None:
    reach = Reach.of(demo_park, network)
    a = next(k for k in range(len(reach.stations)) if np.isfinite(reach.after(k)).sum() > 2)
    travel = reach.after(a)
    b = int(np.flatnonzero(np.isfinite(travel) & (travel > 4 * SLACK_S))[0])
    latest = SLOW * travel[b] + TAIL_S
    assert reach.follows(a, b, travel[b])
    assert reach.follows(a, b, latest)
    assert not reach.follows(a, b, latest + 1)
    assert not reach.follows(a, b, FAST * travel[b] - SLACK_S - 1)
    assert reach.along(b, a, -float(travel[b]))
    ahead = travel[np.isfinite(travel) & (np.arange(len(travel)) != a)]
    assert reach.next_s([a], np.inf) == pytest.approx(ahead.max())
    assert reach.next_s(np.flatnonzero(np.isfinite(travel)).tolist(), np.inf) >= 0


def test_water_turns_at_a_station_beside_a_reach_that_often_reverses() -> None:
    park = tiny_park()
    ids = [s.id for s in park.stations]
    assert not any(_turning(park))
    tidal = park.links.assign(reversal=park.links["reversal"].where(park.links["id"] != "LC2", 0.4))
    assert [ids[k] for k in np.flatnonzero(_turning(replace(park, links=tidal)))] == ["S02"]


def _turning(park: Park) -> list[bool]:
    reach = Reach.of(park, Network.from_park(park))
    return [reach.turns(k) for k in range(len(park.stations))]


def test_rows_are_worked_out_once_and_the_oldest_forgotten(
    demo_park: Park, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    asked: list[int] = []

    def work(k: int) -> np.ndarray:
        asked.append(k)
        return np.array([0.0, np.inf, 5.0])

    rows = module._Rows(work)
    for k in (0, 1, 0, 2, 0, 3, 0, 1):
        assert rows.of(k).to(2) == 5.0
        assert rows.of(k).to(1) == np.inf
    assert asked == [0, 1, 2, 3, 1]
