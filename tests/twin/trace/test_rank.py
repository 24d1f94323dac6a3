"""Ranking on the tiny park: who, how sure, in which words, and what must not change it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from geodata.network import Network
from geodata.places import OutletKind, Park
from tests.twin.parks import tiny_park
from tests.twin.trace import scene
from twin.curves import Window
from twin.fingerprints import LEARNED, PERMIT, Library, Print
from twin.model import Ranking, Reason, Suspect, from_json, to_json
from twin.trace import evidence, own, sampling
from twin.trace.carriage import Carriage
from twin.trace.case import lay_out
from twin.trace.observations import Observations
from twin.trace.rank import rank

FACTORS = ("w01018", "w21003", "w01014")


def ranked(
    park: Park,
    obs: Observations,
    stations: tuple[str, ...],
    after_min: float = 25,
    now_min: float = 120,
    library: Library | None = None,
) -> Ranking:
    incident, anomalies = scene.incident(stations, FACTORS, after_min)
    now = datetime.fromtimestamp(scene.RELEASE + now_min * 60, UTC)
    return rank(park, Network.from_park(park), obs, incident, anomalies, now, library=library)


def of(ranking: Ranking, enterprise: str) -> Suspect:
    return next(s for s in ranking.suspects if s.enterprise == enterprise)


@pytest.fixture(scope="module")
def park() -> Park:
    return tiny_park()


@pytest.mark.parametrize(("who", "node"), [("E01", "N1"), ("E02", "N2")])
def test_the_one_whose_water_and_way_fit_leads(park: Park, who: str, node: str) -> None:
    obs = scene.observations(park, scene.fingerprint(park, who), node)
    r = ranked(park, obs, ("S01", "S02"))
    assert r.suspects[0].enterprise == who
    assert r.suspects[0].probability > 0.6
    assert sum(s.probability for s in r.suspects) + r.unknown == pytest.approx(1.0)
    assert of(r, "E03").probability < 0.1
    assert r.suspects[0].outlet == f"{who}-YS001"
    assert r.suspects[0].path[-1] == "LN2"
    # The scene carries water without mixing, which the tracer cannot know, for 45 min to the first station.
    assert abs((r.suspects[0].release_from.timestamp() - scene.RELEASE) / 60) < 30
    assert r.suspects[0].strength_of == "w01018"
    assert r.suspects[0].strength_kg is not None
    assert r.readings_used == obs.readings


def test_reasons_are_sentences_in_both_languages_with_numbers(park: Park) -> None:
    obs = scene.observations(park, scene.fingerprint(park, "E02"), "N2")
    r = ranked(park, obs, ("S01", "S02"))
    leader, other = r.suspects[0], of(r, "E03")
    kinds = {x.kind: x for x in leader.reasons}
    assert kinds["fingerprint"].nats > 0
    assert "指纹" in kinds["fingerprint"].text.zh
    assert "fingerprint" in kinds["fingerprint"].text.en
    assert any(c.isdigit() for c in kinds["onset"].text.en) if "onset" in kinds else True
    against = next(x for x in other.reasons if x.kind == "reach")
    assert against.nats < 0
    for s in r.suspects:
        for x in s.reasons:
            assert x.text.zh
            assert x.text.en
            assert "{" not in x.text.zh + x.text.en
    assert from_json(to_json(r), Ranking) == r


def test_one_alarmed_station_that_water_does_not_reach_is_named(park: Park) -> None:
    obs = scene.observations(park, scene.fingerprint(park, "E02"), "N2")
    other = of(ranked(park, obs, ("S01",)), "E03")
    (said,) = (x.text for x in other.reasons if x.kind == "reach")
    assert said.en.endswith(f"does not reach the alarmed station {park.station('S01').name.en}")
    assert said.zh.endswith(f"的水流不到报警站点{park.station('S01').name.zh}")


def test_water_of_nobodys_make_up_from_where_nobody_is_raises_the_unknown_share(park: Park) -> None:
    known = ranked(park, scene.observations(park, scene.fingerprint(park, "E02"), "N2"), ("S01", "S02"))
    strange = {"w01018": 900.0, "w21003": 2.0, "w21011": 200.0, "w21017": 40.0, "w01014": 2000.0}
    obs = scene.observations(park, strange, "C2", flow=0.2, until_min=300)
    r = ranked(park, obs, ("S02", "S03"), after_min=98, now_min=300)
    assert r.unknown > 5 * known.unknown
    assert r.unknown > r.suspects[0].probability
    assert r.note is not None


def test_what_was_learned_of_an_outlet_is_compared_and_told_with_its_age(park: Park) -> None:
    treated = {"w01018": 60.0, "w21003": 70.0, "w01014": 9000.0}  # nothing like the raw water
    obs = scene.observations(park, treated, "P1", flow=0.3)
    outlet = next(o for o in park.outlets if o.enterprise == "E01" and o.kind is OutletKind.WASTEWATER)
    day = datetime.fromtimestamp(scene.RELEASE, UTC).date() - timedelta(days=12)
    prints = tuple(Print("E01", outlet.id, f, v, 0.1, 400, day, LEARNED) for f, v in treated.items())
    limit = Print("E01", outlet.id, "w21011", 1.0, 1.0, 0, day - timedelta(days=400), PERMIT)
    library = Library(3, datetime.fromtimestamp(scene.RELEASE, UTC), "test", "", (*prints, limit))
    without, known = (ranked(park, obs, ("S04",), after_min=5, library=k) for k in (None, library))

    def told(ranking: Ranking) -> Reason:
        return next(r for r in of(ranking, "E01").reasons if r.kind == "fingerprint")

    assert told(known).nats > told(without).nats
    assert "（12 天前）" in told(known).text.zh  # of the oldest print that was compared; a limit is none
    assert "(12 days old)" in told(known).text.en
    assert "days old" not in told(without).text.en
    assert known.basis is not None
    assert without.basis is not None
    assert (known.basis.library, without.basis.library) == (3, 0)
    assert known.basis.water != without.basis.water


def test_no_sample_is_proposed_where_nobody_on_the_list_is_likely(park: Park) -> None:
    obs = scene.observations(park, scene.fingerprint(park, "E02"), "N2")
    incident, anomalies = scene.incident(("S01", "S02"), FACTORS, 25)
    case = lay_out(park, Network.from_park(park), obs, incident, anomalies, scene.RELEASE + 7200, Carriage())
    h = evidence.hydraulic(case.responses, case.signals, case.alarm_s, evidence.Weights())
    nobody, outlets = np.zeros(len(park.enterprises)), np.zeros(len(park.enterprises), np.int64)
    assert sampling.best(case, h, nobody, 1.0, outlets) == ()


def test_order_of_the_park_changes_nothing(park: Park) -> None:
    turned = replace(
        park,
        enterprises=park.enterprises[::-1],
        outlets=park.outlets[::-1],
        stations=park.stations[::-1],
        fingerprints=park.fingerprints[::-1],
        links=park.links.iloc[::-1].reset_index(drop=True),
        nodes=park.nodes.iloc[::-1].reset_index(drop=True),
    )
    water = scene.fingerprint(park, "E02")
    a = ranked(park, scene.observations(park, water, "N2"), ("S01", "S02"))
    b = ranked(turned, scene.observations(turned, water, "N2"), ("S01", "S02"))
    assert [s.enterprise for s in a.suspects] == [s.enterprise for s in b.suspects]
    for s, t in zip(a.suspects, b.suspects, strict=True):
        assert s.probability == pytest.approx(t.probability, abs=0.02)
        assert {x.kind for x in s.reasons} == {x.kind for x in t.reasons}


def test_the_same_input_gives_the_same_answer(park: Park) -> None:
    obs = scene.observations(park, scene.fingerprint(park, "E01"), "N1")
    assert to_json(ranked(park, obs, ("S01",))) == to_json(ranked(park, obs, ("S01",)))


def test_scaling_every_concentration_changes_nothing_but_strength(park: Park) -> None:
    water = scene.fingerprint(park, "E02")
    obs = scene.observations(park, water, "N2")
    thrice = replace(park, fingerprints=tuple(replace(f, value=3 * f.value) for f in park.fingerprints))
    a = ranked(park, obs, ("S01", "S02"))
    b = ranked(thrice, replace(obs, value=3 * obs.value), ("S01", "S02"))
    for s, t in zip(a.suspects, b.suspects, strict=True):
        assert s.enterprise == t.enterprise
        assert s.probability == pytest.approx(t.probability, abs=1e-3)
        assert (s.release_from, s.release_to) == (t.release_from, t.release_to)
        if s.strength_kg is not None and t.strength_kg is not None:
            assert t.strength_kg == pytest.approx(3 * s.strength_kg, rel=0.01)


def test_a_release_is_told_with_bounds_that_hold_it(park: Park) -> None:
    obs = scene.observations(park, scene.fingerprint(park, "E02"), "N2")
    leader = ranked(park, obs, ("S01", "S02")).suspects[0]
    assert leader.bounds is not None
    assert leader.bounds.from_early <= leader.release_from <= leader.bounds.from_late
    long = (leader.release_to - leader.release_from).total_seconds() / 60
    assert leader.bounds.minutes_least <= long <= leader.bounds.minutes_most
    assert leader.bounds.kg_least is not None
    assert leader.bounds.kg_most is not None
    assert leader.strength_kg is not None
    assert leader.bounds.kg_least <= leader.strength_kg * 1.01 <= leader.bounds.kg_most * 1.02


def test_a_silent_station_and_one_that_is_not_there_rank_alike(park: Park) -> None:
    water = scene.fingerprint(park, "E02")
    silent = ranked(park, scene.observations(park, water, "N2", silent=("S03",)), ("S01", "S02"))
    gone = replace(park, stations=tuple(s for s in park.stations if s.id != "S03"))
    without = ranked(gone, scene.observations(gone, water, "N2"), ("S01", "S02"))
    for s in silent.suspects:
        assert s.probability == pytest.approx(of(without, s.enterprise).probability, abs=0.03)


def test_an_outlet_meter_that_moved_speaks_for_and_one_that_stayed_quiet_against(park: Park) -> None:
    water = scene.fingerprint(park, "E01")
    r = ranked(park, scene.observations(park, water, "P1"), ("S04",), after_min=5)
    leader = r.suspects[0]
    assert leader.enterprise == "E01"
    assert leader.outlet == "E01-DW001"
    assert next(x for x in leader.reasons if x.kind == "meter").nats > 0


def test_without_any_reading_everybody_is_as_likely_as_distance_says(park: Park) -> None:
    nobody = Window((), np.array([0]), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.uint8))
    r = ranked(park, Observations.from_window(nobody, park), ("S01",))
    assert sum(s.probability for s in r.suspects) + r.unknown == pytest.approx(1.0)
    assert r.readings_used == 0
    assert r.suspects[0].probability < 0.9


def test_an_incident_of_stations_that_are_not_there_is_still_ranked(park: Park) -> None:
    obs = scene.observations(park, scene.fingerprint(park, "E02"), "N2")
    r = ranked(park, obs, ("S99",))
    assert r.suspects[0].enterprise in ("E01", "E02")
    assert r.suspects[0].path == ()


def test_samples_are_proposed_where_they_split_the_suspects(park: Park) -> None:
    mixed = {
        f: 0.5 * (v + scene.fingerprint(park, "E02")[f]) for f, v in scene.fingerprint(park, "E01").items()
    }
    obs = scene.observations(park, mixed, "N1", until_min=40, minutes=90)
    r = ranked(park, obs, ("S01",), now_min=40)
    assert r.samples
    pace = [s.gain / s.minutes for s in r.samples]
    assert pace == sorted(pace, reverse=True)
    assert all(s.gain > 0 and s.minutes >= 20 for s in r.samples)
    assert all(s.factor in obs.carried for s in r.samples)
    assert r.samples[0].node in ("N1", "N2", "C3", "P1", "P2")
    assert 0 < r.samples[0].top <= 1
    assert r.samples[0].name.zh
    assert r.samples[0].name.en


def test_whose_own_meter_gives_the_alarm_leads_whoever_else_it_looks_like(park: Park) -> None:
    station = next(s for s in park.stations if s.enterprise == "E01")
    obs = scene.observations(
        park, scene.fingerprint(park, "E02"), station.node
    )  # another's water in its pipe
    r = ranked(park, obs, (station.id,))
    assert r.suspects[0].enterprise == "E01"
    assert r.suspects[0].probability > 0.6
    meter = next(x for x in r.suspects[0].reasons if x.kind == "meter")
    assert meter.nats == max(x.nats for x in r.suspects[0].reasons)
    assert "own meter" in meter.text.en
    assert "自己的在线监测" in meter.text.zh


@pytest.mark.parametrize(("before", "state"), [(1.0, ""), (0.02, "out")])
def test_running_outside_its_hours_counts_only_where_that_is_new(
    park: Park, before: float, state: str
) -> None:
    t = scene.BEGIN + np.arange(360) * scene.STEP
    flow = np.where(t < scene.RELEASE, before, 1.0) * 12.0
    obs = Observations(("S",), ("w00000",), t, flow[None, None, :], 1, 360)
    case: Any = SimpleNamespace(observations=obs, meters={"E03": (0,)})
    assert own.slot(case, park.enterprise("E03"), scene.RELEASE + 1800, 1800).state == state
