"""Plans for a stated release: deadlines from cards, and the engine's own choice against trying everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest

from tests.twin.plan.canal import GATES, canal
from twin.config import Config
from twin.errors import ConfigError, MissingError
from twin.hydraulics.runner import Runners
from twin.plan.by_hand import Made
from twin.plan.cards import Card, read_cards
from twin.plan.deadlines import Spill, deadline
from twin.plan.outlook import LAG_S, OWN_SD, PROBES, Band, Mark, Outlook, marks
from twin.plan.search import Question, Trials
from twin.plan.waters import Waters, moment, of_model

STARTED = datetime(2026, 11, 21, 2, tzinfo=UTC)
CONFIG = Config(data=Path("unused"), park=Path("unused"), decision_s=300, margin_s=120, margin_share=0.1)
TIMES = (3000.0, 3600.0, 2500.0, 3100.0)  # fronts at usual, low, high flow, and with rough beds
SPILL = Spill(STARTED, 1800.0, 0.1, STARTED + timedelta(minutes=5))


def water(tmp_path: Path, node: str, flow: float = 1.0, roughness: float = 0.03) -> Waters:
    path = tmp_path / f"canal-{flow}.inp"
    path.write_text(canal(flow, roughness), "utf-8")
    return of_model(path, node, STARTED)


def test_close_by_is_early_less_stroke_dispatch_decision_and_margin() -> None:
    card = Card("G", "G", stroke_s=240.0, dispatch_s=60.0)
    band = Band(3000.0, 3600.0, 4200.0, 0.8)
    found = deadline(card, band, SPILL, CONFIG)
    early = STARTED + timedelta(seconds=3000)
    margin = 0.1 * (3000 - 300)
    assert found.close_by == early - timedelta(seconds=240 + 60 + 300 + margin)
    assert found.slack_s == pytest.approx(3000 - 300 - 240 - 60 - 300 - margin)
    assert found.usable
    late = deadline(replace(card, stroke_s=3000.0), band, SPILL, CONFIG)
    assert late.slack_s is not None
    assert late.slack_s < 0
    assert not late.usable
    assert not deadline(replace(card, usable=False), band, SPILL, CONFIG).usable
    own = deadline(replace(card, decision_s=0.0, margin_s=0.0), band, SPILL, CONFIG)
    assert own.close_by == early - timedelta(seconds=300)
    assert deadline(card, None, SPILL, CONFIG).close_by is None


def test_cards_from_a_table_change_only_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "gates.csv"
    path.write_text("gate,stroke_s,usable,owner,colour\nGA1,420,是,Water board,red\nGX,,no,,\n", "utf-8")
    cards = read_cards(path, (Card(g, g) for g in GATES))
    assert (cards["GA1"].stroke_s, cards["GA1"].owner, cards["GA1"].usable) == (420.0, "Water board", True)
    assert (cards["GX"].stroke_s, cards["GX"].usable) == (Card("GX", "GX").stroke_s, False)
    assert cards["GB1"] == Card("GB1", "GB1")
    for text, words in (
        ("gate,stroke_s\nGA9,1\n", "row 2, column gate: there is no gate 'GA9'"),
        ("gate,stroke_s\nGA1,soon\n", "row 2, column stroke_s: 'soon' is not a number"),
        ("gate,usable\nGA1,perhaps\n", "row 2, column usable"),
        ("name\nGA1\n", "no column gate"),
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(ConfigError, match=words):
            read_cards(path, (Card(g, g) for g in GATES))
    with pytest.raises(MissingError):
        read_cards(tmp_path / "none.csv", ())


def test_a_time_without_a_zone_is_utc() -> None:
    assert moment("2026-11-22T03:42:00+08:00") == moment("2026-11-21T19:42:00") == moment("2026-11-21T19:42Z")
    with pytest.raises(ConfigError, match="ISO 8601"):
        moment("tonight")


def test_bands_hold_the_truth_of_other_flows_and_narrow_when_a_station_has_seen_it(tmp_path: Path) -> None:
    """Inside the band where flows differ much; after a reading on the way, well inside a narrower one."""
    scene = water(tmp_path, "A0")
    release = scene.release(STARTED, 1800.0, 0.1)
    with Runners(2) as runners:
        tasks = [scene.task(release, 40_000.0, flow=q, roughness=n) for q, n in (*PROBES, (0.8, 1.1))]
        *probes, true = [marks(c, scene, release, ["A3"]) for c in runners.map(tasks)]
    share = dict.fromkeys((*scene.cards, *scene.receptors), 0.5)
    before = Outlook.of(probes, {}).bands(share)
    assert set(before) == {"GA1", "GA2", "GA3", "SEA"}
    for place, band in before.items():
        assert band.early_s < band.middle_s < band.late_s
        assert band.early_s <= band.half_s[0] <= band.tail_s[1]
        assert band.peak_s[0] < band.peak_s[2]
        if place in true:
            assert band.early_s < true[place].front_s < band.late_s * 1.05
    assert before["GA1"].middle_s < before["GA2"].middle_s < before["GA3"].middle_s
    seen = Outlook.of(probes, {"A3": true["@A3"].front_s})
    after = seen.bands(share)
    assert seen.members.middle[0] < 0.9  # the flow is lower than thought: it came late
    expected, at = seen.deviations()["A3"]
    assert at == true["@A3"].front_s > expected
    for place in ("GA3", "SEA"):
        was, is_ = before[place], after[place]
        assert is_.late_s - is_.early_s < 0.7 * (was.late_s - was.early_s)
        assert is_.early_s < true[place].front_s < is_.late_s
        assert abs(is_.middle_s - true[place].front_s) < abs(was.middle_s - true[place].front_s)


def test_a_station_that_has_read_nothing_yet_tells_that_water_is_slow() -> None:
    probes = [{"@S": Mark(t, t, t, t, 1.0), "G": Mark(2 * t, 2 * t, 2 * t, 2 * t, 1.0)} for t in TIMES]
    thought = Outlook.of(probes, {}).bands({"G": 1.0})["G"]
    slow = Outlook.of(probes, {}, {"S"}, now_s=4000.0).bands({"G": 1.0})["G"]
    assert thought.middle_s == pytest.approx(6000.0, rel=0.05)
    assert slow.middle_s > 1.15 * thought.middle_s
    late = Outlook.of(probes, {"S": 30_000.0}).members  # a reading no flow explains is not believed blindly
    assert 0.6 < late.middle[0] < 1.0


def test_what_no_run_knows_evens_out_along_a_way_and_a_reading_comes_after_its_front() -> None:
    # Times that answer neither flow nor roughness leave nothing but what no run knows.
    still = {n: Mark(t, t, t, t, 1.0) for n, t in (("@S", 300.0), ("NEAR", 3900.0), ("FAR", 14_700.0))}
    bands = Outlook.of([still] * len(PROBES), {"S": 300.0}).bands({"NEAR": 1.0, "FAR": 1.0})
    near, far = bands["NEAR"], bands["FAR"]
    assert (near.late_s - near.early_s) / 3600 == pytest.approx(2 * 1.645 * OWN_SD, rel=0.1)
    assert (far.late_s - far.early_s) / 14_400 == pytest.approx(1.645 * OWN_SD, rel=0.1)
    assert near.middle_s == pytest.approx(3900 - LAG_S / 2, abs=5)


def test_a_gate_too_late_for_the_front_is_told_by_when_the_greater_half_can_be_held() -> None:
    card = Card("G", "G", stroke_s=600.0)
    band = Band(1200.0, 1500.0, 1800.0, 0.8, half_s=(4200.0, 4500.0, 4800.0))
    found = deadline(card, band, SPILL, CONFIG)
    assert found.rest
    assert found.usable
    margin = 0.1 * (4200 - 300)
    assert found.slack_s == pytest.approx(4200 - 300 - 600 - 300 - margin)
    over = deadline(card, replace(band, half_s=(1300.0, 1600.0, 1900.0)), SPILL, CONFIG)
    assert not over.usable
    assert not over.rest
    assert over.slack_s == pytest.approx(1200 - 300 - 600 - 300 - 120)


@pytest.mark.slow
def test_the_choice_keeps_what_trying_everything_keeps(tmp_path: Path) -> None:
    """Six gates, every set of them at two close times, in water other than the planner's."""
    node = "A2"
    truth = water(tmp_path, node, 0.85, 0.034)
    with Runners(2) as runners:
        made = Made.of(water(tmp_path, node), SPILL, runners, CONFIG, 100)
        assert made.best is not None
        assert made.best.overtops_s is None
        chosen = made.best.gates
        for gate in chosen:
            slack = made.deadlines[gate].slack_s
            assert slack is None or slack >= 0
        q = made.trials.question
        tries: list[tuple[tuple[str, ...], Trials]] = []
        for wait in (0.0, 1200.0):
            orders = {g: s + wait for g, s in q.order_s.items()}
            asked = Question(truth, truth.release(STARTED, 1800.0, 0.1), orders, q.seconds)
            nothing = runners.map([truth.task(asked.release, q.seconds)])[0]
            trials = Trials(asked, runners, nothing)
            every = [s for n in range(1, 7) for s in combinations(sorted(GATES), n)]
            trials.look(every if not wait else [chosen, *combinations(sorted(GATES), 1)])
            tries.append((chosen, trials))
    first = tries[0][1]
    best = min(t.lost_kg for _, ts in tries for t in ts.tried.values() if t.gates and t.overtops_s is None)
    nothing_kg = first.nothing.lost_kg
    mine = first.tried[chosen]
    assert mine.overtops_s is None
    assert nothing_kg - mine.lost_kg >= 0.95 * (nothing_kg - best)
    waited = [ts.tried[chosen].lost_kg for _, ts in tries]
    assert waited == sorted(waited)  # waiting never helps
