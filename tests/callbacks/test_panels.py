"""Panels of the desk: what a person reads, from nouns alone, in both languages and in every state."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from callbacks import arrivals, incidents, plans, response, suspects, timeline
from geodata.words import Text
from tests.callbacks import story
from tests.callbacks.words import classed, prop, text, walk
from twin.clock import as_ms
from twin.model import AuditLine, Bounds, Change, Command, CommandState, GateState, IncidentState, Second

LANGS = ("zh", "en")


def _enterprises(told: story.Story) -> dict[str, Any]:
    return {e.id: e for e in told.park.enterprises}


@pytest.mark.parametrize("lang", LANGS)
def test_suspects_show_probability_evidence_both_ways_and_the_unknown(told: story.Story, lang: Any) -> None:
    panel = suspects.show(told.ranking, _enterprises(told), lang)
    said = text(panel)
    for who, share in (("E19", "61"), ("E20", "19"), ("E05", "8")):
        assert told.park.enterprise(who).short.say(lang) in said
        assert share in said
    assert ("未列明来源 7%" if lang == "zh" else "unlisted source 7%") in said
    assert len(classed(panel, "for")) > 5
    assert len(classed(panel, "against")) > 3
    assert "YQ09-14" in said
    assert "88%" in said


def test_suspect_columns_add_up_reasons_of_a_kind_and_leave_a_dash(told: story.Story) -> None:
    first, second = told.ranking.suspects[:2]
    assert suspects.weights(first)["fingerprint"] == pytest.approx(1.8)
    assert "meter" not in suspects.weights(second)
    assert "—" in text(suspects.evidence_bar(None, 1, "zh"))
    assert "−0.5" in text(suspects.evidence_bar(-0.5, 2, "zh"))


def test_bounds_a_second_source_a_change_and_what_to_measure_are_told(told: story.Story) -> None:
    first = told.ranking.suspects[0]
    at = first.release_from
    within = Bounds(at, at + timedelta(minutes=9), 12.0, 33.0, 40.0, 95.0)
    ranking = replace(
        told.ranking,
        suspects=(replace(first, bounds=within), *told.ranking.suspects[1:]),
        second=Second("E05", 4.0, ("S33",), Text("还有一处", "one more")),
        samples=tuple(replace(s, factor="w01018", minutes=25.0) for s in told.ranking.samples),
    )
    change = Change("E20", "E19", "onset", Text("因为到达时间", "because of arrivals"))
    said = text(suspects.show(ranking, _enterprises(told), "en", 0, change))
    for words in ("9 in 10", "12–33 min", "40.0–95.0 kg", "one more", "because of arrivals", "about 25 min"):
        assert words in said


def test_a_change_of_the_first_suspect_is_on_the_timeline(told: story.Story) -> None:
    change = Change("E20", "E19", "onset", Text("因为到达时间", "because of arrivals"))
    lines = timeline.lines(
        told.incident,
        anomalies=(),
        rankings=[replace(told.ranking, change=change)],
        planset=None,
        whatifs=(),
        commands=(),
        audits=(),
        users={},
        names={},
        stations={},
    )
    assert "because of arrivals" in [line.text.en for line in lines]


def test_group_is_named_by_rank_and_reads_best_first(told: story.Story) -> None:
    said = suspects.group_texts(told.ranking, _enterprises(told))
    assert said[0].zh.startswith("1 ")
    far = replace(told.ranking, groups=(("E30", "E31"),))
    assert suspects.group_texts(far, _enterprises(told)) == []


def test_choosing_the_second_suspect_shows_its_own_sentences(told: story.Story) -> None:
    panel = suspects.show(told.ranking, _enterprises(told), "zh", 1)
    assert "指纹相似 0.38" in text(panel)
    assert "指纹相似 0.91" not in text(panel)


def test_shares_shown_add_up_to_one(told: story.Story) -> None:
    r = told.ranking
    assert sum(s.probability for s in r.suspects[:3]) + suspects.others(r) + r.unknown == pytest.approx(1)


@pytest.mark.parametrize("lang", LANGS)
def test_panels_say_when_there_is_nothing_yet(told: story.Story, lang: Any) -> None:
    assert text(suspects.show(None, {}, lang))
    assert prop(classed(suspects.show(None, {}, lang), "waiting")[0], "aria-busy") == "true"
    empty = replace(told.ranking, suspects=(), unknown=1.0)
    assert "100%" in text(suspects.show(empty, {}, lang))
    cards = plans.show(
        None, picked=None, names={}, receptors={}, gates={}, commands=[], whatifs=[], lang=lang
    )
    assert classed(cards, "waiting")
    none = replace(told.planset, plans=())
    cards = plans.show(
        none, picked=None, names={}, receptors={}, gates={}, commands=[], whatifs=[], lang=lang
    )
    assert classed(cards, "failed")
    assert classed(incidents.listing([], "", story.NOW, lang), "empty")


def _cards(told: story.Story, lang: Any, gates: Any = None, commands: Any = ()) -> Any:
    return plans.show(
        told.planset,
        picked=None,
        names={g.id: g for g in told.park.gates},
        receptors={r.id: r for r in told.park.receptors},
        gates=gates or told.gates,
        commands=commands,
        whatifs=[told.whatif],
        lang=lang,
    )


@pytest.mark.parametrize("lang", LANGS)
def test_plans_stand_side_by_side_with_deadline_and_cost(told: story.Story, lang: Any) -> None:
    cards = _cards(told, lang)
    assert len(cards) == 2
    said = text(cards[0])
    assert "02:59" in said
    assert "97%" in said
    assert "71%" in said
    assert "62%" in said  # 48 000 of 77 400 m³
    deadlines = [prop(n, "data-countdown") for n in walk(cards[0]) if prop(n, "data-countdown")]
    assert deadlines[0] == str(as_ms(told.planset.plans[0].moves[0].close_by))
    assert "275" in said  # kg if nothing is done: 214 + 61
    assert "3.5 kg" in said


def _command(told: story.Story, gate: str, state: CommandState, people: int = 0) -> Command:
    from twin.model import Approval

    said = tuple(Approval(n, story.NOW, "r") for n in ("duty", "office")[:people])
    return Command(
        f"{story.ID}/A/{gate}/1", story.ID, f"{story.ID}/A", gate, 0.0, "duty", story.NOW, said, state
    )


def test_gate_under_way_closed_or_too_late_has_no_countdown(told: story.Story) -> None:
    shut = told.gates | {"G05": GateState("G05", 0.0, False, False, story.NOW)}
    card = _cards(told, "zh", gates=shut, commands=[_command(told, "G10", CommandState.MOVING, 2)])[0]
    assert not [n for n in walk(card) if prop(n, "data-countdown")]
    assert "已关" in text(card)
    assert "正在动作" in text(card)
    plan = told.planset.plans[0]
    late = replace(plan, moves=(replace(plan.moves[0], too_late=True), plan.moves[1]))
    card = _cards(replace(told, planset=replace(told.planset, plans=(late,))), "zh")[0]
    assert "来不及" in text(card)
    assert classed(card, "gone")


def test_next_action_passes_on_to_the_next_gate(told: story.Story) -> None:
    plan = told.planset.plans[0]
    assert [a.gate for a in response.actions(plan, [], told.gates)] == ["G05", "G10"]
    proposed = [_command(told, "G05", CommandState.PROPOSED, 1)]
    waits = response.actions(plan, proposed, told.gates)
    assert [(a.gate, a.approvals) for a in waits] == [("G05", 1), ("G10", 0)]
    sent = [_command(told, "G05", CommandState.SENT, 2)]
    assert [a.gate for a in response.actions(plan, sent, told.gates)] == ["G10"]
    failed = [_command(told, "G05", CommandState.FAILED, 2)]
    assert [a.gate for a in response.actions(plan, failed, told.gates)] == ["G05", "G10"]
    assert response.actions(None, [], {}) == ()


def test_a_plan_nobody_is_waited_for_is_under_way_done_or_too_late(told: story.Story) -> None:
    plan, made = told.planset.plans[0], told.planset
    done = [_command(told, "G05", CommandState.DONE, 2)]
    assert response.outcome(None, None, [], {}) == "none"
    assert response.outcome(made, plan, [_command(told, "G05", CommandState.SENT, 2)], told.gates) == "moving"
    assert response.outcome(made, plan, done, told.gates) == "held"
    assert response.outcome(replace(made, plans=()), None, done, told.gates) == "held"
    shut = {"G10": GateState("G10", 0.0, False, False, story.NOW)}
    assert response.outcome(made, plan, [], shut) == "held"
    assert response.shut(plan, done, shut) == ["G05", "G10"]
    assert response.outcome(made, plan, [], told.gates) == "late"
    again = [replace(done[0], target=0.1)]
    assert response.outcome(made, plan, again, told.gates) == "opened"
    none = replace(told, planset=replace(made, plans=()))
    assert "不再需要别的闸" in text(_cards(none, "zh", commands=done))


def test_a_gate_measured_open_after_it_was_closed_waits_again(told: story.Story) -> None:
    plan, made = told.planset.plans[0], told.planset
    gate = plan.moves[0].gate
    done = replace(_command(told, gate, CommandState.DONE, 2), done_at=story.NOW)

    def measured(seconds: float, position: float, stated: bool = False) -> dict[str, GateState]:
        at = story.NOW + timedelta(seconds=seconds)
        return told.gates | {gate: GateState(gate, position, False, False, at, stated)}

    for same in (measured(10, 0.6), measured(60, 0.0), measured(60, 0.6, stated=True)):
        assert gate in response.shut(plan, [done], same)
    opened = measured(60, 0.6)
    assert gate not in response.shut(plan, [done], opened)
    assert gate in [m.gate for m in response.open_moves(plan, [done], opened)]
    assert gate in [a.gate for a in response.actions(plan, [done], opened)]
    assert response.outcome(made, plan, [done], opened) != "held"


def test_close_by_is_reckoned_in_words(told: story.Story) -> None:
    said = plans.reckoning(told.planset.plans[0].moves[0], "zh")
    assert said.startswith("02:59 前下令 = 最早到达 03:24 − 行程")
    assert "决策 10 分" in said
    move = replace(told.planset.plans[0].moves[0], margin_s=1077.0)
    assert plans.reckoning(move, "en").endswith("margin 18 min")


@pytest.mark.parametrize(
    ("early", "late", "within", "where"),
    [
        (50, 70, True, "when"),
        (60, 95, True, "when in"),
        (60, 95, False, "when left"),
        (88, 95, True, "when left"),
    ],
)
def test_words_of_a_band_stand_where_they_cover_no_close_by(
    early: float, late: float, within: bool, where: str
) -> None:
    assert arrivals._when("06:29 – 10:41", early, late, 80.0, within=within).className == where


@pytest.mark.parametrize("lang", LANGS)
def test_head_counts_down_to_every_open_gate_in_turn(told: story.Story, lang: Any) -> None:
    waits = response.actions(told.planset.plans[0], [], told.gates)
    head = incidents.head(told.incident, story.ONSET, waits, "late", lang)
    acts = classed(head, "act")
    assert len(acts) == 3  # two gates, and what stands there when both are past
    assert "last" in acts[-1].className
    assert story.ID in text(head)
    assert told.incident.title.say(lang) in text(head)


def test_closed_incident_has_no_clock_and_no_alarm(told: story.Story) -> None:
    closed = replace(told.incident, state=IncidentState.CLOSED)
    head = incidents.head(closed, story.ONSET, (), "held", "zh")
    assert not [n for n in walk(head) if prop(n, "data-countdown")]
    assert prop(head, "data-level") == "normal"


def test_incident_list_marks_what_is_on_the_desk(told: story.Story) -> None:
    other = replace(told.incident, id="EV-20261121-03", state=IncidentState.FAULT)
    rows = [
        n
        for n in walk(incidents.listing([told.incident, other], told.incident.id, story.NOW, "zh"))
        if type(n).__name__ == "Li"
    ]
    assert [r.className for r in rows] == ["on", ""]
    assert incidents.pick([other, told.incident], "") is told.incident
    assert incidents.pick([other, told.incident], other.id) is other
    assert incidents.pick([], "x") is None


def test_a_gate_that_closes_for_water_at_another_has_its_own_name(told: story.Story) -> None:
    plan = told.planset.plans[0]
    first, second = plan.moves[:2]
    joint = replace(plan, moves=(first, replace(second, arrival=first.arrival)))
    chart = arrivals.chart(
        told.planset,
        joint,
        gates={g.id: g for g in told.park.gates},
        receptors={},
        states=told.gates,
        now=story.NOW,
        lang="en",
    )
    rows = [text(row) for row in classed(chart, "arr-r")]
    assert [row.split()[0][:3] for row in rows] == [first.gate, second.gate]


@pytest.mark.parametrize("lang", LANGS)
def test_arrival_chart_keeps_everything_on_the_axis(told: story.Story, lang: Any) -> None:
    chart = arrivals.chart(
        told.planset,
        told.planset.plans[0],
        gates={g.id: g for g in told.park.gates},
        receptors={r.id: r for r in told.park.receptors},
        states=told.gates,
        now=story.NOW,
        lang=lang,
    )
    assert len(classed(chart, "arr-r")) == 4  # two gates of the plan, two receptors
    assert len(classed(chart, "slack")) == 3  # two rows and the legend
    for band in classed(chart, "band"):
        if band.to_plotly_json()["props"].get("style"):
            left, width = (float(band.style[k].rstrip("%")) for k in ("left", "width"))
            assert 0 <= left <= 100
            assert left + width <= 100.01


def test_axis_has_round_ticks_and_keeps_order() -> None:
    axis = arrivals.axis_of([story.NOW, story.NOW + timedelta(hours=4)])
    ticks = axis.ticks()
    assert 4 <= len(ticks) <= 10
    assert all(t.minute % 30 == 0 and t.second == 0 for t in ticks)
    assert 0 < axis.at(story.NOW) < axis.at(story.NOW + timedelta(hours=4)) < 100
    assert axis.at(story.NOW - timedelta(days=1)) == 0
    single = arrivals.axis_of([story.NOW])
    assert single.end - single.start >= timedelta(minutes=10)


@pytest.mark.parametrize("lang", LANGS)
def test_timeline_is_newest_first_and_tells_estimates_from_facts(told: story.Story, lang: Any) -> None:
    users = {"duty": Text("值班长 李泽远", "Li Zeyuan")}
    lines = timeline.lines(
        told.incident,
        anomalies=told.anomalies,
        rankings=[told.ranking],
        planset=told.planset,
        whatifs=[told.whatif],
        commands=[],
        audits=[
            AuditLine(story.NOW, "duty", "command.proposed", story.ID, Text("批准关闭 G05", "close G05"))
        ],
        users=users,
        names={e.id: e.short for e in told.park.enterprises},
        stations={s.id: s for s in told.park.stations},
    )
    assert [line.at for line in lines] == sorted((line.at for line in lines), reverse=True)
    assert {line.tone for line in lines} >= {"a", "k", "e"}
    shown = timeline.show(lines, story.NOW, lang)
    assert users["duty"].say(lang) in text(shown)
    assert "186" in text(shown)


def test_no_panel_mixes_languages(told: story.Story) -> None:
    """An English desk holds Chinese only in names that have no English; this story has none."""
    park = told.park
    panels = [
        suspects.show(told.ranking, _enterprises(told), "en"),
        _cards(told, "en"),
        incidents.head(
            told.incident, story.ONSET, response.actions(told.planset.plans[0], [], told.gates), "late", "en"
        ),
        incidents.listing([told.incident], story.ID, story.NOW, "en"),
        arrivals.strip(
            told.planset,
            told.ranking.suspects[0],
            story.ONSET,
            receptors={r.id: r for r in park.receptors},
            now=story.NOW,
            lang="en",
        ),
    ]
    said = text(panels)
    assert not [c for c in said if "\u4e00" <= c <= "\u9fff"]


def test_what_the_engine_said_of_an_earlier_plan_of_the_same_letter_is_left_out(told: story.Story) -> None:
    said = replace(told.whatif, at=told.planset.at)
    assert response.checks(told.planset, [said]) == {said.plan: said}
    later = replace(told.planset, at=told.planset.at + timedelta(hours=1))
    assert response.checks(later, [said]) == {}
    checked = replace(later, plans=tuple(replace(p, checked=True) for p in later.plans))
    assert response.checks(checked, [said]) == {said.plan: said}, "the same plan, made again"
    assert response.checks(None, [said]) == {}
