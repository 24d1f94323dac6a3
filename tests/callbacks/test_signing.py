"""Two people, one rule: every refusal is a sentence, every step is on record, the order goes out once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from callbacks import approval, signing
from callbacks.signing import Desk, Matter, Signature, round_of, send_back, sign
from geodata.words import Text
from tests.callbacks import story
from tests.callbacks.words import classed, prop, text
from twin.errors import UnavailableError
from twin.model import CommandState, Event, GateState, Order, from_json
from twin.records import Records

LATER = timedelta(seconds=40)


@dataclass(frozen=True)
class Somebody:
    name: str
    display: Text
    role: str


class Porter:
    """Knows three people; the viewer may nothing."""

    people: ClassVar[dict[str, Somebody]] = {
        "duty": Somebody("duty", Text("值班长 李泽远", "Li Zeyuan"), "duty_officer"),
        "office": Somebody("office", Text("应急办 陈屿", "Chen Yu"), "commander"),
        "viewer": Somebody("viewer", Text("参观", "Viewer"), "viewer"),
    }

    def authenticate(self, name: str, password: str) -> Any:
        return self.people.get(name) if password == f"demo-{name}" else None

    def may(self, user: Somebody, act: str) -> bool:
        return user.role != "viewer"


@dataclass
class Post:
    """A stream that keeps what was posted, and may be away."""

    sent: list[tuple[str, bytes]] = field(default_factory=list)
    away: bool = False

    def append(self, name: str, body: bytes) -> str:
        if self.away:
            raise UnavailableError("away")
        self.sent.append((name, body))
        return "1-0"

    @property
    def orders(self) -> list[Order]:
        return [from_json(b, Order) for n, b in self.sent if n == "commands"]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    records = Records(f"sqlite:///{tmp_path / 'r.sqlite'}")
    records.create()
    yield Desk(records, Porter(), Post())
    records.close()


def mark(who: str, password: str | None = None, reason: str = "COD 超标，同意") -> Signature:
    return Signature(who, f"demo-{who}" if password is None else password, reason)


def put(desk: Desk, who: str, after: int = 0, **more: Any) -> signing.Outcome:
    plan = story.planset().plans[0]
    return sign(desk, Matter(story.ID, plan), {}, mark(who, **more), story.NOW + after * LATER)


def test_two_people_close_every_gate_of_the_plan_with_two_signatures(desk: Desk) -> None:
    first = put(desk, "duty")
    assert first.done
    assert "第二人" in first.text.zh
    waiting = desk.records.commands(story.ID)
    assert {c.gate for c in waiting} == {"G05", "G10"}
    assert all(c.state is CommandState.PROPOSED and len(c.approvals) == 1 for c in waiting)
    assert desk.stream.orders == []

    second = put(desk, "office", 1)
    assert second.done
    after = desk.records.commands(story.ID)
    assert all(c.state is CommandState.APPROVED for c in after)
    assert {o.about for o in desk.stream.orders} == {c.id for c in after}
    assert all(o.kind == "gate.execute" and o.by == "office" for o in desk.stream.orders)


def test_one_person_cannot_be_both(desk: Desk) -> None:
    put(desk, "duty")
    again = put(desk, "duty", 1)
    assert not again.done
    assert "另一人" in again.text.zh
    assert "second person" in again.text.en
    assert desk.stream.orders == []
    assert all(len(c.approvals) == 1 for c in desk.records.commands(story.ID))


@pytest.mark.parametrize(
    ("who", "more", "said"),
    [
        ("duty", {"password": "demo-office"}, "口令不对"),
        ("nobody", {}, "口令不对"),
        ("viewer", {}, "无权"),
        ("duty", {"reason": "  "}, "理由"),
        ("", {}, "账号和口令"),
    ],
)
def test_refusals_are_sentences_and_leave_no_command(
    desk: Desk, who: str, more: dict[str, str], said: str
) -> None:
    outcome = put(desk, who, **more)
    assert not outcome.done
    assert said in outcome.text.zh
    assert outcome.text.en != outcome.text.zh
    assert desk.records.commands(story.ID) == []


def test_every_step_is_in_the_audit(desk: Desk) -> None:
    put(desk, "duty", 0, password="wrong")
    put(desk, "duty", 1)
    put(desk, "office", 2)
    assert {line.what for line in desk.records.audits(story.ID)} == {
        "sign.failed",
        "command.proposed",
        "command.approved",
        "command.ordered",
    }
    assert "wrong" not in " ".join(line.detail.zh for line in desk.records.audits(story.ID))


def test_a_signature_counts_only_for_the_gates_that_were_on_screen(desk: Desk) -> None:
    plan = story.planset().plans[0]
    outcome = sign(desk, Matter(story.ID, plan), {}, mark("duty"), story.NOW, seen=["G05"])
    assert not outcome.done
    assert "G05、G10" in outcome.text.zh
    assert desk.records.commands(story.ID) == []


def test_second_signature_is_about_what_the_first_was_even_if_the_plan_has_changed(desk: Desk) -> None:
    put(desk, "duty")
    plan = story.planset().plans[0]
    changed = replace(plan, moves=(*plan.moves, *story.planset().plans[1].moves[1:]))
    outcome = sign(desk, Matter(story.ID, changed), {}, mark("office"), story.NOW + LATER)
    assert outcome.done
    assert {c.gate for c in desk.records.commands(story.ID)} == {"G05", "G10"}
    assert round_of(changed, desk.records.commands(story.ID), {}).fresh == ("G13",)


def test_gates_already_shut_too_late_or_locked_are_not_commanded(desk: Desk) -> None:
    plan = story.planset().plans[0]
    shut = {"G05": GateState("G05", 0.0, False, False, story.NOW)}
    assert round_of(plan, [], shut).fresh == ("G10",)
    late = replace(plan, moves=(replace(plan.moves[0], too_late=True), plan.moves[1]))
    assert round_of(late, [], {}).fresh == ("G10",)
    locked = replace(plan, moves=(replace(plan.moves[0], flood_lock=True), plan.moves[1]))
    assert round_of(locked, [], {}).fresh == ("G10",)


def test_when_nothing_closes_in_time_the_tail_can_still_be_saved(desk: Desk) -> None:
    plan = story.planset().plans[0]
    late = replace(plan, moves=tuple(replace(m, too_late=True) for m in plan.moves))
    now = round_of(late, [], {})
    assert now.fresh == ("G05", "G10")
    assert "前锋已过" in approval.button_text(now, "zh")
    assert "前锋已过" not in approval.button_text(round_of(plan, [], {}), "zh")
    locked = replace(late, moves=(replace(late.moves[0], flood_lock=True), late.moves[1]))
    assert round_of(locked, [], {}).fresh == ("G10",)


def test_what_is_sent_back_can_be_proposed_anew(desk: Desk) -> None:
    put(desk, "duty")
    plan = story.planset().plans[0]
    back = send_back(desk, Matter(story.ID, plan), {}, mark("office", reason="先复测"), story.NOW + LATER)
    assert back.done
    assert {c.state for c in desk.records.commands(story.ID)} == {CommandState.REFUSED}
    assert put(desk, "office", 2).done
    live = desk.records.commands(story.ID, states=[CommandState.PROPOSED])
    assert {c.id for c in live} == {f"{plan.id}/G05/2", f"{plan.id}/G10/2"}


def test_an_order_that_cannot_be_sent_is_said_and_kept(desk: Desk) -> None:
    put(desk, "duty")
    desk.stream.away = True
    outcome = put(desk, "office", 1)
    assert "未能发出" in outcome.text.zh
    assert all(c.state is CommandState.APPROVED for c in desk.records.commands(story.ID))
    assert "command.unsent" in {line.what for line in desk.records.audits(story.ID)}


def test_other_pages_hear_of_the_first_signature(desk: Desk) -> None:
    put(desk, "duty")
    events = [from_json(b, Event) for n, b in desk.stream.sent if n == "events"]
    assert {e.kind for e in events} == {"command.changed"}
    assert len(events) == 2


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_panel_names_the_act_and_its_gates(desk: Desk, lang: Any) -> None:
    plan = story.planset().plans[0]
    users = {p.name: p.display for p in Porter.people.values()}
    now = round_of(plan, [], {})
    assert "G05" in approval.button_text(now, lang)
    assert len(classed(approval.steps(now, users, {}, lang), "now")) == 1
    put(desk, "duty")
    now = round_of(plan, desk.records.commands(story.ID), {})
    shown = approval.steps(now, users, {}, lang)
    assert Porter.people["duty"].display.say(lang) in text(shown)
    assert len(classed(shown, "ok")) == 1
    put(desk, "office", 1)
    now = round_of(plan, desk.records.commands(story.ID), {})
    gates = {"G05": GateState("G05", 0.62, True, False, story.NOW)}
    shown = approval.steps(now, users, gates, lang)
    assert "62" in [prop(n, "data-pct") for n in classed(shown, "pct")]
    assert now.gates == ()


def test_hint_is_only_for_the_drill_with_demo_users() -> None:
    users = {p.name: p.display for p in Porter.people.values()}
    assert "duty" in text(approval.hint(users, True, "zh"))
    assert approval.hint(users, False, "zh") is None
    assert approval.hint({"wang": Text("王", "Wang")}, True, "zh") is None


def test_second_signature_counts_even_when_the_plan_is_gone(desk: Desk) -> None:
    put(desk, "duty")
    gone = Matter(story.ID, None)
    assert set(gone.round(desk.records.commands(story.ID), {}).gates) == {"G05", "G10"}
    assert sign(desk, gone, {}, mark("office"), story.NOW + LATER).done
    assert len(desk.stream.orders) == 2
    assert not sign(desk, gone, {}, mark("office"), story.NOW + 2 * LATER).done


def test_what_waits_for_one_plan_is_not_signed_with_another(desk: Desk) -> None:
    put(desk, "duty")
    a, b = story.planset().plans
    other = Matter(story.ID, b, (a.id,))
    now = other.round(desk.records.commands(story.ID), {})
    assert now.waiting == ()
    assert now.fresh == ("G13",)  # G10 waits already, under plan A
