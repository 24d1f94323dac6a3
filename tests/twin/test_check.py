"""The referee's judgement: every promise broken is told, none is invented, and the object has its shape."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from geodata.words import Text
from twin.check import judge, report
from twin.clock import as_ms
from twin.hydraulics.engine import Injection
from twin.model import (
    Arrival,
    Command,
    CommandState,
    GateMove,
    GatePlan,
    Incident,
    IncidentState,
    Level,
    PlanSet,
    Point,
    Ranking,
    Suspect,
)
from twin.simulate.lines import Counts
from twin.simulate.reckoning import Reckoning
from twin.simulate.referee import Story
from twin.simulate.truth import Truth

BEGIN = datetime(2026, 11, 21, 17, 50, tzinfo=UTC)
SOME = Text("某", "some")


def later(minutes: float) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


TRUTH = Truth(
    "night-discharge",
    1,
    "E19",
    "E19-YS001",
    as_ms(BEGIN),
    as_ms(later(5)),
    as_ms(later(90)),
    (Injection("N1", 300.0, 3000.0, 0.03, {"COD": 3000.0}),),
    1.0,
    "COD",
    {},
    (),
    Counts(made=100, sent=104, answered=100),
    0,
)
COMMAND = Command("c", "EV", "EV/A", "G05", 0.0, "duty", later(12), (), CommandState.DONE, done_at=later(25))
NOTHING = Reckoning({"R1": 80.0, "R2": 20.0}, {"G05": as_ms(later(51))})
ACTED = Reckoning({"R1": 3.0, "R2": 1.0}, {})


def suspects(*names: str) -> Ranking:
    found = tuple(Suspect(n, 0.4 / (i + 1), "", (), (), BEGIN, BEGIN) for i, n in enumerate(names))
    return Ranking("EV", later(10), found, 0.05, (), (), "p", "c", 100)


def story() -> Story:
    arrival = Arrival("G05", later(50), later(60), later(90), 0.9)
    move = GateMove("G05", later(30), arrival, 400.0, 600.0, 300.0, False, False, SOME)
    plan = GatePlan("EV/A", "EV", SOME, (move,), 0.9, 0.8, 1e4, 5e4, 8.0, (), True)
    incident = Incident("EV", later(10), IncidentState.OPEN, Level.ALARM, SOME, (), (), (), later(10))
    return Story(
        incident=incident,
        ranking=suspects("E20", "E19", "E21"),
        plan=PlanSet("EV", later(11), (plan,), (), (), "p"),
        commands=[COMMAND],
        incidents=1,
        accused=1,
        gateway={"frames": 100, "readings": 700, "rejects": 4},
        answered=100,
    )


def test_all_as_promised() -> None:
    assert judge(TRUTH, story(), NOTHING, ACTED) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"lost": 2}, "not in the history"),
        ({"answered": 0}, "no frame"),
        ({"crashes": {"watch": 2}}, "watch ended 2 times"),
        ({"ranking": suspects("E20", "E21", "E22", "E19")}, "not among the first 3"),
        ({"ranking": None}, "not among the first 3"),
        ({"commands": []}, "no gate"),
        ({"commands": [replace(COMMAND, state=CommandState.FAILED, done_at=None)]}, "not confirmed"),
        ({"commands": [replace(COMMAND, done_at=later(53))]}, "2 min after"),
    ],
)
def test_every_broken_promise_is_told(change: dict[str, object], complaint: str) -> None:
    wrong = judge(TRUTH, replace(story(), **change), NOTHING, ACTED)  # type: ignore[arg-type]
    assert len(wrong) == 1
    assert complaint in wrong[0]


def test_doing_harm_is_told() -> None:
    assert "more reached" in judge(TRUTH, story(), NOTHING, Reckoning({"R1": 500.0}, {}))[0]


def test_nobody_may_be_accused_for_a_lying_instrument() -> None:
    quiet = replace(TRUTH, enterprise="", outlet="", injections=(), lying=("S40", "w01018"))
    clean = Story(answered=100, odd={Point("S40", "w01018")})
    assert judge(quiet, clean, NOTHING, ACTED) == []
    assert "accused" in judge(quiet, replace(clean, accused=1), NOTHING, ACTED)[0]
    assert "S40 w01018 lies" in judge(quiet, replace(clean, odd=set()), NOTHING, ACTED)[0]


def test_the_object_has_its_shape() -> None:
    told = report(TRUTH, story(), ACTED, NOTHING, 61.23)
    assert told == {
        "scenario": "night-discharge",
        "seed": 1,
        "truth": {"enterprise": "E19", "started": "2026-11-21T17:55:00+00:00"},
        "frames": {"sent": 104, "accepted": 100, "rejected": 4},
        "readings": 700,
        "detected_after_s": 300.0,
        "incidents": 1,
        "suspects": [
            {"enterprise": "E20", "probability": 0.4},
            {"enterprise": "E19", "probability": 0.2},
            {"enterprise": "E21", "probability": 0.1333},
        ],
        "unknown_share": 0.05,
        "plan": [{"gate": "G05", "close_by": "2026-11-21T18:20:00+00:00", "slack_s": 1140.0}],
        "command": {"gate": "G05", "state": "done"},
        "reached_receptors_kg": 4.0,
        "reached_receptors_kg_if_nothing_done": 100.0,
        "seconds": 61.2,
    }
    empty = report(replace(TRUTH, enterprise=""), Story(), ACTED, NOTHING, 1.0)
    assert empty.keys() == told.keys()
    assert (empty["truth"], empty["command"], empty["plan"]) == (
        {"enterprise": None, "started": "2026-11-21T17:55:00+00:00"},
        None,
        [],
    )
