"""The desk as a whole: from the records to what is on screen, and from a signature back to the records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dash
import pytest

from callbacks import desk, emergency, panel, response, wall
from callbacks.live import Facts
from callbacks.signing import Signature
from callbacks.tickets import STALE, USED, Tickets
from tests.callbacks import story
from tests.callbacks.words import classed, text
from twin.clock import LIVE, ClockState, as_ms, wall_ms
from twin.errors import UnavailableError
from twin.model import CommandState, IncidentState, Order, from_json, to_json

LANGS = ("zh", "en")


class Stream:
    """A stream with a clock and gates, that keeps what is appended; it may be away."""

    def __init__(self, told: story.Story) -> None:
        self.told, self.sent, self.away = told, [], False

    def clock(self) -> ClockState:
        if self.away:
            raise UnavailableError("away")
        return ClockState(True, "night-discharge", 1.0, as_ms(story.NOW), wall_ms())

    def get(self, name: str) -> bytes:
        return to_json(list(self.told.gates.values()))

    def append(self, name: str, body: bytes) -> str:
        self.sent.append((name, body))
        return "1-0"

    @property
    def orders(self) -> list[Order]:
        return [from_json(b, Order) for n, b in self.sent if n == "commands"]


@pytest.fixture
def web(told: story.Story, tmp_path: Path) -> Iterator[Any]:
    with story.book(tmp_path) as (records, access):
        yield SimpleNamespace(
            park=told.park,
            network=story.network(),
            stream=Stream(told),
            records=records,
            access=access,
            tickets=Tickets("k", records),
            live=SimpleNamespace(facts=Facts(gates=tuple(told.gates.values()), clock=LIVE)),
        )


def _sign(web: Any, who: str, shown: Any, act: str = "em-sign") -> Any:
    return emergency.press(web, act, shown, Signature(who, f"demo-{who}", "超标，同意"))


@pytest.mark.parametrize("lang", LANGS)
def test_desk_is_whole(web: Any, told: story.Story, lang: Any) -> None:
    story.put(web.records, told)
    view = desk.view(web, desk.Choice(), lang)
    assert set(view.parts) == set(emergency.PARTS)
    shown = {k: v for k, v in view.shown.items() if k != "ticket"}
    assert shown == {"incident": story.ID, "plan": f"{story.ID}/A", "gates": ["G05", "G10"], "percent": 0}
    assert view.can_sign
    assert not view.can_refuse
    kinds = {f["properties"]["kind"] for f in view.drawing["features"]}
    assert {"suspect", "trace", "close", "alarm", "receptor"} <= kinds
    assert "duty" in text(view.parts["em-hint"])
    if lang == "en":
        assert not [c for c in text(list(view.parts.values())) if "\u4e00" <= c <= "\u9fff"]


@pytest.mark.parametrize("lang", LANGS)
def test_desk_without_any_incident_is_calm(web: Any, lang: Any) -> None:
    view = desk.view(web, desk.Choice(), lang)
    assert not view.can_sign
    assert view.drawing["features"] == []
    assert classed(view.parts["em-suspects"], "empty")


def test_records_away_is_said_and_nothing_can_be_signed(web: Any, told: story.Story) -> None:
    story.put(web.records, told)

    def away(*_: Any, **__: Any) -> Any:
        raise UnavailableError("the records are away")

    web.records = SimpleNamespace(incidents=away, incident=away)
    view = desk.view(web, desk.Choice(), "zh")
    assert classed(view.parts["em-list"], "failed")
    assert view.drawing is dash.no_update
    assert not view.can_sign
    assert view.button
    kept = desk.view(web, desk.Choice(seen=True), "zh")
    assert list(kept.parts) == ["em-banner"], "what was read stays on screen"
    assert "data-again" in classed(kept.parts["em-banner"], "failed")[0].to_plotly_json()["props"]
    assert not _sign(web, "duty", {"incident": story.ID, "plan": f"{story.ID}/A", "gates": ["G05"]}).done


def test_desk_works_on_while_the_stream_is_away(web: Any, told: story.Story) -> None:
    story.put(web.records, told)
    web.stream.away = True
    view = desk.view(web, desk.Choice(), "zh")
    assert "G05" in text(view.parts["em-cards"])


def test_two_people_sign_through_the_desk(web: Any, told: story.Story) -> None:
    story.put(web.records, told)
    first = desk.view(web, desk.Choice(), "zh")
    assert _sign(web, "duty", first.shown).done
    second = desk.view(web, desk.Choice(), "zh")
    assert second.can_refuse
    assert "批准并下发 关闭 G05、G10" in second.button
    assert not _sign(web, "duty", second.shown).done
    assert not _sign(web, "viewer", second.shown).done
    assert _sign(web, "office", second.shown).done
    assert {o.kind for o in web.stream.orders} == {"gate.execute"}
    assert {c.state for c in web.records.commands(story.ID)} == {CommandState.APPROVED}
    after = desk.view(web, desk.Choice(), "zh")
    assert not after.can_sign
    assert "李泽远" in text(after.parts["em-steps"])
    assert "批准关闭 G05、G10" in text(after.parts["em-timeline"])


def test_signature_is_for_the_incident_and_plan_on_screen(web: Any, told: story.Story) -> None:
    story.put(web.records, told)
    shown = desk.view(web, desk.Choice(plan=f"{story.ID}/B"), "zh").shown
    assert shown["plan"] == f"{story.ID}/B"
    newer = replace(told.incident, id="EV-20261122-02", opened=story.NOW)
    web.records.put_incident(newer)
    assert _sign(web, "duty", shown).done
    assert {c.gate for c in web.records.commands(story.ID)} == {"G10", "G13"}
    assert web.records.commands(newer.id) == []
    assert not _sign(web, "office", {}).done


@pytest.fixture
def shut(web: Any, told: story.Story) -> dict[str, Any]:
    """What a page shows of opening again, after two people had the gates closed and the plume is held."""
    story.put(web.records, told)
    for who in ("duty", "office"):
        assert _sign(web, who, desk.view(web, desk.Choice(), "zh").shown).done
    for c in web.records.commands(story.ID):
        web.records.set_command(replace(c, state=CommandState.SENT, sent_at=story.NOW))
        web.records.set_command(replace(c, state=CommandState.DONE, sent_at=story.NOW, done_at=story.NOW))
    gates = {g: replace(s, position=0.0) if g in ("G05", "G10") else s for g, s in told.gates.items()}
    web.stream.told = replace(told, gates=gates)
    later = as_ms(story.NOW + timedelta(hours=50))
    web.stream.clock = lambda: ClockState(True, "night-discharge", 1.0, later, wall_ms())
    _becomes(web, told, IncidentState.CONTAINED)
    return dict(desk.view(web, desk.Choice(plan=f"{story.ID}/R"), "zh").shown)


def _becomes(web: Any, told: story.Story, state: IncidentState) -> None:
    changed = told.incident.updated + timedelta(minutes=1)
    web.records.put_incident(replace(told.incident, state=state, updated=changed))


@pytest.mark.parametrize("state", [IncidentState.CLOSED, IncidentState.FAULT])
def test_what_has_ended_gives_its_gates_back_and_closes_no_more(
    web: Any, told: story.Story, shut: dict[str, Any], state: IncidentState
) -> None:
    _becomes(web, told, state)
    view = desk.view(web, desk.Choice(story.ID, f"{story.ID}/R"), "en")
    assert view.can_sign
    assert "open to 10%: G05, G10" in view.button
    assert _sign(web, "duty", view.shown).done
    assert _sign(web, "office", desk.view(web, desk.Choice(story.ID, f"{story.ID}/R"), "en").shown).done
    opened = [c for c in web.records.commands(story.ID) if c.target > 0]
    assert {(c.gate, c.state) for c in opened} == {
        ("G05", CommandState.APPROVED),
        ("G10", CommandState.APPROVED),
    }
    other = desk.view(web, desk.Choice(story.ID, f"{story.ID}/B"), "zh")
    assert not other.can_sign
    late = _sign(web, "duty", other.shown)
    assert not late.done
    assert "事件已结束" in late.text.zh


def test_while_it_is_not_held_nothing_opens_and_the_sentence_says_why(
    web: Any, told: story.Story, shut: dict[str, Any]
) -> None:
    _becomes(web, told, IncidentState.OPEN)  # the page was drawn while it was held
    late = _sign(web, "duty", shut)
    assert not late.done
    assert "还没有拦住" in late.text.zh
    assert all(c.target == 0 for c in web.records.commands(story.ID))


def test_a_gate_that_another_incident_needs_closed_stays_closed(
    web: Any, told: story.Story, shut: dict[str, Any]
) -> None:
    (used, *_) = [c for c in web.records.commands(story.ID) if c.gate == "G05"]
    web.records.put_incident(replace(told.incident, id="EV-9"))
    web.records.propose(
        replace(
            used, id="EV-9/A/G05/1", incident="EV-9", plan="EV-9/A", approvals=(), state=CommandState.PROPOSED
        )
    )
    for who in ("duty", "office"):
        web.records.approve("EV-9/A/G05/1", who, "agreed", story.NOW)
    (command,) = web.records.commands("EV-9")
    for state in (CommandState.SENT, CommandState.DONE):
        web.records.set_command(replace(command, state=state, sent_at=story.NOW, done_at=story.NOW))
    late = _sign(web, "duty", shut)
    assert not late.done
    assert late.text.zh.startswith("G05 还在为另一事件关着")
    assert all(c.target == 0 for c in web.records.commands(story.ID))


def test_gates_open_again_a_step_at_a_time_by_two_people(web: Any, told: story.Story) -> None:
    story.put(web.records, told)
    for who in ("duty", "office"):
        assert _sign(web, who, desk.view(web, desk.Choice(), "zh").shown).done
    assert desk.view(web, desk.Choice(plan=f"{story.ID}/R"), "zh").shown["plan"] != f"{story.ID}/R"
    for c in web.records.commands(story.ID):
        web.records.set_command(replace(c, state=CommandState.SENT, sent_at=story.NOW))
        web.records.set_command(replace(c, state=CommandState.DONE, sent_at=story.NOW, done_at=story.NOW))
    held = replace(told.incident, state=IncidentState.CONTAINED, updated=story.NOW + timedelta(minutes=1))
    web.records.put_incident(held)
    later = as_ms(story.NOW + timedelta(hours=50))
    web.stream.clock = lambda: ClockState(True, "night-discharge", 1.0, later, wall_ms())
    shut = {g: replace(s, position=0.0) if g in ("G05", "G10") else s for g, s in told.gates.items()}
    web.stream.told = replace(told, gates=shut)
    stale = desk.view(web, desk.Choice(plan=f"{story.ID}/R"), "zh").shown
    for who, lang, words in (
        ("duty", "zh", "拟定并批准 开到 10% G05、G10"),
        ("office", "en", "open to 10%: G05, G10"),
    ):
        view = desk.view(web, desk.Choice(plan=f"{story.ID}/R"), lang)
        assert words in view.button
        assert "48" in text(view.parts["em-firsts"])
        assert _sign(web, who, view.shown).done
    opened = [c for c in web.records.commands(story.ID) if c.plan.endswith("/R")]
    assert {(c.gate, c.target, c.state) for c in opened} == {
        ("G05", 0.1, CommandState.APPROVED),
        ("G10", 0.1, CommandState.APPROVED),
    }
    for c in opened:
        web.records.set_command(replace(c, state=CommandState.SENT, sent_at=story.NOW))
        web.records.set_command(replace(c, state=CommandState.DONE, sent_at=story.NOW, done_at=story.NOW))
    web.stream.told = replace(told, gates={g: replace(s, position=0.1) for g, s in shut.items()})
    assert "开到 50% G05、G10" in desk.view(web, desk.Choice(plan=f"{story.ID}/R"), "zh").button
    before = len(web.records.commands(story.ID))
    late = _sign(web, "duty", stale)  # this page still said 10 %
    assert not late.done
    assert "开到 50%" in late.text.zh
    assert len(web.records.commands(story.ID)) == before
    now = web.records.commands(story.ID)
    assert response.shut(told.planset.plans[0], now, web.stream.told.gates) == []
    assert response.shut(told.planset.plans[0], now, {}) == []  # what was opened again is not called closed


def test_a_form_counts_once_and_only_as_it_was_shown(web: Any, told: story.Story) -> None:
    story.put(web.records, told)
    shown = dict(desk.view(web, desk.Choice(), "zh").shown)
    other = dict(desk.view(web, desk.Choice(plan=f"{story.ID}/B"), "zh").shown)
    for forged in (
        {k: v for k, v in shown.items() if k != "ticket"},
        {**shown, "gates": ["G13"]},
        {**shown, "plan": f"{story.ID}/B"},
        {**shown, "ticket": other["ticket"]},
        {**shown, "ticket": "1.2.3"},
        {**shown, "ticket": f"0{shown['ticket']}"},
    ):
        said = _sign(web, "duty", forged)
        assert not said.done
        assert said.text == STALE
    assert web.records.commands(story.ID) == []
    assert _sign(web, "duty", shown).done
    for command in web.records.commands(story.ID):  # somebody sends it back; the old request comes again
        web.records.set_command(replace(command, state=CommandState.REFUSED))
    again = _sign(web, "duty", shown)
    assert not again.done
    assert again.text.en.endswith(USED.en)
    assert all(c.state is CommandState.REFUSED for c in web.records.commands(story.ID))


def test_only_what_changed_is_sent_again(web: Any, told: story.Story) -> None:
    story.put(web.records, told)
    view = desk.view(web, desk.Choice(), "zh")
    out, prints = panel.changed(view.parts, None)
    assert all(part is not dash.no_update for part in out.values())
    again, _ = panel.changed(view.parts, prints)
    assert all(part is dash.no_update for part in again.values())
    _sign(web, "duty", view.shown)
    later = desk.view(web, desk.Choice(), "zh")
    third, _ = panel.changed(later.parts, prints)
    assert third["em-steps"] is not dash.no_update
    assert third["em-suspects"] is dash.no_update


def test_incident_takes_the_wall_and_hands_it_back(web: Any, told: story.Story) -> None:
    story.put(web.records, told)
    parts, drawn, owned = wall.view(web, "zh")
    assert owned
    assert set(wall.TAKEN) <= set(parts)
    assert drawn["features"]
    assert not wall.view(web, "zh", yields=False)[2]
    web.records.put_incident(replace(told.incident, state=IncidentState.CLOSED, updated=story.NOW))
    parts, drawn, owned = wall.view(web, "zh")
    assert not owned
    assert set(parts) == set(wall.QUICK)
    assert drawn["features"] == []
