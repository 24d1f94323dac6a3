"""The wall: what it shows when the park is well, and what takes its place when an incident does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from callbacks import firms, wall, wall_incident, wall_quiet
from callbacks.dossier import Dossier
from geodata.words import Text
from tests.callbacks import story
from tests.callbacks.words import classed, prop, text, walk
from twin.curves import Window
from twin.indicators import Transfer
from twin.model import Approval, Command, CommandState, GateState, Level
from twin.quality import rules

LANGS = ("zh", "en")
RULES = rules.load()


def _case(told: story.Story, commands: tuple[Command, ...] = ()) -> Dossier:
    return Dossier(told.incident, told.anomalies, (told.ranking,), told.planset, (told.whatif,), commands, ())


def _command(gate: str, state: CommandState, people: int) -> Command:
    said = tuple(Approval(n, story.NOW, "r") for n in ("duty", "office")[:people])
    return Command(
        f"{story.ID}/A/{gate}/1", story.ID, f"{story.ID}/A", gate, 0.0, "duty", story.NOW, said, state
    )


def _next(told: story.Story, lang: Any, commands: tuple[Command, ...] = (), gates: Any = None) -> Any:
    return wall_incident.next_action(
        told.planset,
        told.planset.plans[0],
        commands,
        told.gates if gates is None else gates,
        {g.id: g for g in told.park.gates},
        {"duty": Text("李泽远", "Li Zeyuan")},
        lang,
    )


@pytest.mark.parametrize("lang", LANGS)
def test_next_action_is_the_nearest_gate_with_its_approvals(told: story.Story, lang: Any) -> None:
    panel = _next(told, lang, (_command("G05", CommandState.PROPOSED, 1),))
    first = classed(panel, "act")[0]
    assert "G05" in text(first)
    assert "1  / 2" in text(first)
    assert ("李泽远" if lang == "zh" else "Li Zeyuan") in text(first)
    assert [n for n in walk(first) if prop(n, "data-countdown")]


def test_gates_under_way_then_closed_replace_the_countdown(told: story.Story) -> None:
    going = tuple(_command(g, CommandState.MOVING, 2) for g in ("G05", "G10"))
    panel = _next(told, "zh", going)
    assert len(classed(panel, "act")) == 1
    assert "正在关闭" in text(panel)
    shut = told.gates | {g: GateState(g, 0.0, False, False, story.NOW) for g in ("G05", "G10")}
    panel = _next(told, "zh", tuple(replace(c, state=CommandState.DONE) for c in going), shut)
    assert "G05、G10 已关闭" in text(panel)


def test_a_plan_too_late_says_so(told: story.Story) -> None:
    late = replace(
        told.planset.plans[0], moves=tuple(replace(m, too_late=True) for m in told.planset.plans[0].moves)
    )
    panel = wall_incident.next_action(told.planset, late, (), told.gates, {}, {}, "zh")
    assert "没有来得及的闸" in text(panel)
    assert "方案计算中" in text(wall_incident.next_action(None, None, (), {}, {}, {}, "zh"))


@pytest.mark.parametrize("lang", LANGS)
def test_suspects_on_the_wall_keep_a_reason_against(told: story.Story, lang: Any) -> None:
    panel = wall_incident.who(told.ranking, {e.id: e for e in told.park.enterprises}, lang)
    rows = [n for n in walk(panel) if str(getattr(n, "className", "")).startswith("sus-")]
    assert len(rows) == 3
    for row in rows:
        assert classed(row, "f")
        assert classed(row, "a")
    assert "88%" in text(panel)


@pytest.mark.parametrize("lang", LANGS)
def test_doing_nothing_stands_beside_the_plans(told: story.Story, lang: Any) -> None:
    cards = wall_incident.cards(_case(told), told.planset.plans[0], lang)
    assert len(cards) == 3
    assert "275 kg" in text(cards[-1])
    assert "on" in cards[0].className


def _no_chinese(shown: Any) -> bool:
    return not [c for c in text(shown) if "\u4e00" <= c <= "\u9fff"]


def test_english_wall_has_no_chinese(told: story.Story) -> None:
    park = told.park
    empty = Window((), np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint8))
    counted = firms.count(park, firms.Day(empty, 60.0, empty, 0, 1), told.anomalies, RULES)
    shown = [
        wall_quiet.verdict("en"),
        wall_quiet.stations(park, "en"),
        wall_quiet.transmission(0.97, [0.9, float("nan")], 3.0, 0.95, "en"),
        wall_quiet.exceedances(told.anomalies, park, story.NOW, "en"),
        wall_quiet.works(wall.flows(park, empty).works, "en"),
        wall_quiet.water(None, 0, 3.0, "en"),
        wall_quiet.alarms(told.anomalies, park, story.NOW, "en"),
        wall_quiet.loads(counted, park.enterprises, "en"),
        wall_quiet.gates(park, {}, "en"),
        wall_quiet.storage(park.pools, "en"),
        _next(told, "en"),
        wall_incident.head(_case(told), "en"),
    ]
    assert _no_chinese(shown)


def test_every_station_and_gate_has_its_live_mark(told: story.Story) -> None:
    marks = [prop(n, "data-live-station") for n in walk(wall_quiet.stations(told.park, "zh"))]
    assert {m for m in marks if m} == {s.id for s in told.park.stations}
    many = replace(told.park, stations=told.park.stations * 3)
    assert not [n for n in walk(wall_quiet.stations(many, "zh")) if prop(n, "data-live-station")]
    gates = [prop(n, "data-live-gate") for n in walk(wall_quiet.gates(told.park, {}, "zh"))]
    assert {g for g in gates if g} == {g.id for g in told.park.gates}


def test_nothing_known_is_never_shown_as_zero_or_normal(told: story.Story) -> None:
    panel = wall_quiet.transmission(None, [], 24.0, 0.95, "zh")
    assert "—" in text(panel)
    assert "offline" in [prop(n, "data-lv") for n in walk(panel)]
    assert "—" in text(wall_quiet.works([wall_quiet.Works(Text("甲", "A"), None, 1000.0)], "zh"))
    assert "还没有足够的读数" in text(wall_quiet.loads({}, told.park.enterprises, "zh"))


def test_exceedances_count_only_since_midnight(told: story.Story) -> None:
    yesterday = replace(told.anomalies[0], id="x", since=story.NOW - timedelta(hours=4))
    panel = wall_quiet.exceedances([*told.anomalies, yesterday], told.park, story.NOW, "zh")
    assert len(classed(panel, "at")) == 2  # COD and ammonia of today; the conductivity is no exceedance
    assert "1 处" in text(panel)
    assert "今日无超标" in text(wall_quiet.exceedances([], told.park, story.NOW, "zh"))


def test_flows_are_what_the_meters_say() -> None:
    park = story.demo_park()
    inflow = next(s for s in park.stations if s.node == "WW1-IN")
    outlet = next(s for s in park.stations if s.enterprise)
    window = Window(
        ((inflow.mn, "w00000"), (outlet.mn, "w00000")),
        np.array([0, 1, 2], np.int64),
        np.zeros(2, np.int64),
        np.array([100.0, 10.0]),
        np.zeros(2, np.uint8),
    )
    flow = wall.flows(park, window)
    assert flow.works[0].flow_m3d == pytest.approx(8640.0)
    assert flow.works[1].flow_m3d is None
    assert (flow.outlets, flow.metered) == (pytest.approx(864.0), 1)


def test_firm_level_is_the_worst_it_has_and_offline_without_readings() -> None:
    good = Transfer(100, 100, 100)
    assert firms.Firm("E", 0.5, 0.5, 1.0, good, 0, RULES).level is Level.NORMAL
    assert firms.Firm("E", 0.9, 0.5, 1.0, good, 0, RULES).level is Level.WARNING
    assert firms.Firm("E", 0.5, 1.2, 1.0, good, 0, RULES).level is Level.ALARM
    assert firms.Firm("E", 0.5, 0.5, 1.0, Transfer(100, 80, 80), 0, RULES).level is Level.WARNING
    assert firms.Firm("E", 0.5, 0.5, 1.0, good, 1, RULES).level is Level.ALARM
    assert firms.Firm("E", None, None, 0.0, None, 0, RULES).level is Level.OFFLINE
