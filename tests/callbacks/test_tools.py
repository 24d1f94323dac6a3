"""Flood lock, call sheet, own closings, score, and what stands before gate plans: in words and on record."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from callbacks import as_of, calls, firsts, flood, own, score, tools
from callbacks.signing import Desk, Signature
from callbacks.tickets import USED
from geodata.words import Text
from tests.callbacks import story
from tests.callbacks.test_emergency import Stream
from tests.callbacks.words import classed, text
from tests.twin.plan.test_plans import CONFIG
from tests.twin.test_photos import picture
from twin import photos
from twin.access import Access
from twin.errors import RefusedError
from twin.floodlock import FloodBook, FloodLock
from twin.model import Command, CommandState, GateState, WhatIf
from twin.plan import source
from twin.plan.afterwards import Came, Review
from twin.plan.own_plan import DRAFT, Closing, Draft, DraftState, Told, due, own_plans
from twin.records import Records
from twin.records_past import READ_ONLY

LANGS = ("zh", "en")
NOW = story.NOW
CJK = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    """Records with the demo's people: their passwords take a while to hash."""
    records = Records(f"sqlite:///{tmp_path_factory.mktemp('r') / 'r.sqlite'}")
    records.create()
    Access(records).add_demo_users()
    yield records
    records.close()


@pytest.fixture
def desk(kept: Records, tmp_path: Path, told: story.Story) -> Iterator[Desk]:
    records = Records(f"sqlite:///{tmp_path / 'r.sqlite'}")
    records.create()
    for account in kept.accounts():
        records.put_account(account)
    story.put(records, told)
    yield Desk(records, Access(records), Stream(told))
    records.close()


def mark(who: str, reason: str = "台风红色预警") -> Signature:
    return Signature(who, f"demo-{who}", reason)


def command(gate: str, state: CommandState, **more: Any) -> Command:
    at = NOW - timedelta(minutes=6)
    body = Command(f"{story.ID}/A/{gate}/1", story.ID, f"{story.ID}/A", gate, 0.0, "duty", at, (), state)
    return replace(body, **more)


def ordered(records: Records, gate: str) -> Command:
    """Put a command on record that two people have approved and that was given to people on site."""
    made = records.propose(command(gate, CommandState.PROPOSED))
    for who in ("duty", "office"):
        records.approve(made.id, who, "agreed", NOW - timedelta(minutes=5))
    sent = replace(made, state=CommandState.SENT, sent_at=NOW - timedelta(minutes=5))
    records.set_command(replace(sent, approvals=records.command(made.id).approvals))  # type: ignore[union-attr]
    return sent


# flood lock -----------------------------------------------------------------------------------------------


def test_a_lock_is_set_overridden_and_lifted_by_name(desk: Desk) -> None:
    records: Any = desk.records

    def press(act: str, gate: str, who: str, reason: str = "台风") -> Any:
        return flood.press(desk, records, act, gate, story.ID, mark(who, reason), NOW)

    assert "无权动用防汛锁定" in press("set", "*", "viewer").text.zh
    assert not press("set", "*", "duty", " ").done
    assert press("set", "*", "duty").done
    assert "已在生效" in press("set", "*", "office").text.zh
    assert "pick it" in press("override", "*", "duty").text.en
    assert "second person" in press("override", "G05", "duty").text.en
    assert "agreed already" in press("override", "G05", "duty").text.en
    assert "overridden by two people" in press("override", "G05", "office").text.en
    book = FloodBook(records)
    assert book.locked(["G05", "G10"], story.ID) == {"G10"}
    assert press("lift", "*", "office").done
    assert not press("lift", "*", "office").done
    assert book.standing() == []
    said = [a.what for a in records.audits(limit=50)]
    assert {"flood.locked", "flood.override", "flood.lifted", "sign.refused"} <= set(said)


def test_a_lock_is_found_behind_many_later_ones_and_no_override_comes_alive_again(
    desk: Desk,
) -> None:
    records: Any = desk.records
    access: Any = desk.access
    book, duty, office = FloodBook(records), access.known("duty")[0], access.known("office")[0]
    book.set("G05", duty, "tide", NOW)
    later = NOW + timedelta(minutes=1)
    for n in range(205):
        old = FloodLock(f"FL-{n}", "G10", "duty", later, "tide", "duty", later, "over")
        records.put_paper("flood_lock", old.id, "G10", later, old)
    assert book.locked(["G05"], story.ID) == {"G05"}
    for person in (duty, office):
        book.override("G05", story.ID, person, "intake", NOW)
    assert book.locked(["G05"], story.ID) == set()
    book.lift(book.standing()[0].id, duty, "over", NOW)
    book.set("G05", duty, "again", NOW)  # park time stood still
    assert book.locked(["G05"], story.ID) == {"G05"}


def test_in_a_replay_no_password_is_even_looked_at(desk: Desk) -> None:
    records: Any = desk.records
    token = as_of._MOMENT.set(1)
    try:
        for who in ("duty", "nobody"):
            said = flood.press(desk, records, "set", "*", story.ID, mark(who), NOW)
            assert said.text == READ_ONLY
    finally:
        as_of._MOMENT.reset(token)


@pytest.mark.parametrize("lang", LANGS)
def test_a_lock_is_shown_big_with_name_reason_and_time(desk: Desk, lang: Any) -> None:
    records: Any = desk.records
    assert flood.banner((), (), {}, lang) is None
    flood.press(desk, records, "set", "G13", story.ID, mark("duty", "tide 3.6 m"), NOW)
    flood.press(desk, records, "override", "G13", story.ID, mark("duty", "intake"), NOW)
    book = FloodBook(records)
    users = {"duty": Text("李泽远", "Li Zeyuan")}
    bar = text(flood.banner(book.standing(), book.overrides(story.ID), users, lang))
    assert "G13" in bar
    assert ("李泽远" if lang == "zh" else "Li Zeyuan") in bar
    assert "02:46 tide 3.6 m" in bar
    rows = text(flood.show(book.standing(), book.overrides(story.ID), users, lang))
    assert ("越过待 1 人" if lang == "zh" else "1 more must agree") in rows
    assert lang == "zh" or not CJK.search(bar + rows)


# call sheet -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGS)
def test_a_call_says_whom_to_phone_and_what_to_say_by_when(told: story.Story, lang: Any) -> None:
    gate = told.park.gate("G03")
    assert not gate.remote
    move = replace(told.planset.plans[0].moves[0], gate="G03", close_by=NOW + timedelta(minutes=3))
    plan = replace(told.planset.plans[0], moves=(move,))
    sent = command("G03", CommandState.SENT, sent_at=NOW - timedelta(minutes=5))
    found = calls.calls(told.park, [sent, command("G05", CommandState.SENT)], [plan], NOW, True)
    assert [(c.gate.id, c.overdue) for c in found] == [("G03", False)]
    later = calls.calls(told.park, [sent], [plan], NOW + timedelta(minutes=4), False)
    assert later[0].overdue
    sheet = calls.show(found, (), {}, lang)
    words = text(sheet)
    assert gate.phone in words
    assert ("这是演练" if lang == "zh" else "This is a drill") in words
    assert "03:24" in words  # 02:49, ten minutes to decide, twenty-five to crank it down
    assert lang == "zh" or not CJK.search(words)
    assert ("逾期" if lang == "zh" else "overdue") in text(calls.show(later, (), {}, lang))


def attached(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def test_a_confirmation_closes_by_statement_and_is_told_apart(desk: Desk, tmp_path: Path) -> None:
    records: Any = desk.records
    sent = ordered(records, "G03")
    form = calls.Form("G03", "王强", 4, 0, "已上锁", attached(jpeg := picture()))

    def confirm(form: calls.Form, who: str = "duty") -> Any:
        return calls.confirm(desk, records, story.ID, form, mark(who, ""), NOW, tmp_path / "photos")

    assert "无权" in confirm(form, "viewer").text.zh
    assert confirm(replace(form, percent=tools.number("x"))).text == calls.NUMBERS
    assert confirm(replace(form, photo=attached(b"no photo"))).text == photos.NO_PHOTO
    assert photos.found(tmp_path / "photos", hashlib.sha256(jpeg).hexdigest()) is None
    assert [tools.number(v, 7.0) for v in ("", None, " 12 ", 3)] == [7.0, 7.0, 12.0, 3.0]
    assert confirm(form).text.zh == "已记录：G03 按陈述为关闭"
    after = records.command(sent.id)
    assert after.state is CommandState.DONE
    assert "王强" in after.message.zh
    assert after.done_at == NOW - timedelta(minutes=4)
    assert not confirm(form).done
    assert [o.kind for o in desk.stream.orders] == ["gate.stated"]  # type: ignore[attr-defined]
    said = records.papers("statement", calls.Statement, story.ID)
    sha256 = hashlib.sha256(jpeg).hexdigest()
    assert (said[0].photo, said[0].by) == (sha256, "duty")
    assert photos.found(tmp_path / "photos", sha256).read_bytes() == jpeg  # type: ignore[union-attr]
    sheet = calls.show((), said, {"G03": GateState("G03", 0.6, False, False, NOW)}, "zh")
    assert f"/photos/{sha256}/small" in str(sheet)
    shown = text(sheet)
    assert "非实测" in shown
    assert "实测 60%，与陈述不符" in shown
    assert "不符" not in text(calls.show((), said, {}, "zh"))
    assert not confirm(replace(form, gate="G05")).done


# own closings ---------------------------------------------------------------------------------------------


def test_own_closings_are_asked_for_by_who_may_and_numbered(desk: Desk, told: story.Story) -> None:
    records: Any = desk.records

    def ask(minutes: dict[str, float | None], who: str = "duty", reader: Any = None) -> Any:
        return own.ask(
            desk, records, told.park, story.ID, minutes, mark(who, "") if who else Signature("", "", ""),
            reader, NOW,
        )  # fmt: skip

    assert ask({"G04": None}).text == own.NOTHING
    assert ask({"G04": -1.0}).text == own.BAD
    assert "无权" in ask({"G04": 0.0}, "viewer").text.zh
    assert not ask({"G04": 0.0}, "").done
    assert ask({"G04": 0.0, "G10": 20.0, "S": 1.0}).done
    duty = Access(records).user("duty")
    assert ask({"G07": 5.0}, "", duty).done
    drafts = records.papers(DRAFT, Draft, story.ID)
    assert {d.id for d in drafts} == {f"{story.ID}/U1", f"{story.ID}/U2"}
    first = next(d for d in drafts if d.id.endswith("U1"))
    assert [c.gate for c in first.closings] == ["G04", "G10", "E19-YS001-V"]
    assert [o.kind for o in desk.stream.orders] == ["draft.try"] * 2  # type: ignore[attr-defined]


def test_a_run_is_cancelled_by_who_asked_or_may_and_on_record(desk: Desk, told: story.Story) -> None:
    records: Any = desk.records
    spent: list[str] = []
    closing = (Closing("G04", NOW),)
    records.add_paper(
        DRAFT, f"{story.ID}/U1", story.ID, NOW, Draft(f"{story.ID}/U1", story.ID, "duty", NOW, closing)
    )

    def cancel(id: str, who: str = "", reader: Any = None) -> Any:
        signed = mark(who, "") if who else Signature("", "", "")
        return own.cancel(desk, records, f"{story.ID}/{id}", signed, reader, NOW, lambda: spent.append(id))

    people = Access(records)
    assert cancel("U9", "duty").text == own.NO_DRAFT
    assert not cancel("U1").done  # nobody in particular
    assert not cancel("U1", reader=people.user("viewer")).done
    assert not spent
    assert desk.stream.orders == []  # type: ignore[attr-defined]
    assert cancel("U1", reader=people.user("duty")).done
    assert cancel("U1", "office").done
    assert spent == ["U1", "U1"]
    assert {a.who for a in records.audits(story.ID) if a.what == "draft.cancelled"} == {"duty", "office"}


def test_a_page_asks_once_and_own_times_are_signed_when_they_come(desk: Desk, told: story.Story) -> None:
    records: Any = desk.records

    def used() -> None:
        raise RefusedError(USED)

    asked = own.ask(desk, records, told.park, story.ID, {"G04": 0.0}, mark("duty", ""), None, NOW, used)
    assert asked.text == USED
    assert not records.papers(DRAFT, Draft, story.ID)
    later = NOW + timedelta(minutes=20)
    closings = (Closing("G04", NOW), Closing("G10", later))
    draft = Draft(f"{story.ID}/U1", story.ID, "duty", NOW, closings, DraftState.DONE)
    (plan,) = own_plans([draft])
    assert [m.gate for m in plan.moves] == ["G04", "G10"]
    assert [m.gate for m in due(plan, NOW).moves] == ["G04"]
    assert [m.gate for m in due(plan, later).moves] == ["G04", "G10"]
    assert "到时签字" in plan.moves[1].why.zh


@pytest.mark.parametrize("lang", LANGS)
def test_a_comparison_is_a_table_and_plainly_a_simulation(told: story.Story, lang: Any) -> None:
    rows = (
        Told("own", f"{story.ID}/U1", ("G04",), {"R1": 8.0}, 0.97, 7.1),
        Told("plan", f"{story.ID}/A", ("G05", "G10"), {"R1": 3.1}, 0.99, None),
        Told("nothing", "", (), {"R1": 214.0}, 0.0, None),
    )
    closings = (Closing("G04", NOW),)
    done = Draft(f"{story.ID}/U1", story.ID, "duty", NOW, closings, DraftState.DONE, rows, "w01018", 8.0)
    runs = replace(done, id=f"{story.ID}/U2", state=DraftState.RUNNING, told=())
    receptors = {r.id: r for r in told.park.receptors}
    part = own.show([done, runs], receptors, lang)
    assert len(classed(part, "sim")) == 2
    words = text(part)
    assert "97%" in words
    assert "7.1 h" in words
    assert lang == "zh" or not CJK.search(words)
    plan = own_plans([done, runs])
    assert [(p.id, p.contained, [m.gate for m in p.moves]) for p in plan] == [
        (f"{story.ID}/U1", 0.97, ["G04"])
    ]


# before the plans, and after ------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGS)
def test_a_gate_that_failed_offers_the_second_best_at_once(told: story.Story, lang: Any) -> None:
    stuck = command(
        "G05", CommandState.FAILED, message=Text("卡在开度 60%", "stuck at 60% open"), position=0.6
    )
    rows = firsts.failures(told.planset, [stuck], {}, lang)
    words = text(rows)
    assert ("改用方案 B：关 G10、G13" if lang == "zh" else "take plan B: close G10, G13") in words
    assert lang == "zh" or not CJK.search(words)
    shut = {"G05": GateState("G05", 0.0, False, False, NOW)}
    assert firsts.failures(told.planset, [stuck], shut, lang) == []
    every = replace(stuck, gate="G10")
    assert firsts.NONE_LEFT.say(lang) in text(firsts.failures(told.planset, [every], {}, lang))


@pytest.mark.parametrize("lang", LANGS)
def test_the_source_comes_first_with_its_valve_and_what_it_saves(told: story.Story, lang: Any) -> None:
    first = replace(told.ranking.suspects[0], release_to=NOW)
    plan = source.plan(
        told.park, replace(told.ranking, suspects=(first,)), story.ID, replace(CONFIG, decision_s=0.0), NOW
    )
    assert plan is not None
    whatif = WhatIf(story.ID, plan.id, NOW, 6.0, "w01018", {"R1": 214.0}, {"R1": 120.0}, 0.0, 1.0)
    movables = {m.id: m for m in told.park.movables}
    row = text(firsts.source(plan, plan.id, movables, {}, [], whatif, lang))
    assert ("雨水排口阀" if lang == "zh" else "rain-outlet valve") in row
    assert ("停源少排 40%" if lang == "zh" else "stops 40%") in row
    assert "214 → 120" in row
    shut = {plan.moves[0].gate: GateState(plan.moves[0].gate, 0.0, False, False, NOW)}
    assert ("已关" if lang == "zh" else "closed") in text(
        firsts.source(plan, None, movables, shut, [], None, lang)
    )


@pytest.mark.parametrize("lang", LANGS)
def test_the_score_tells_foretold_against_what_came(told: story.Story, lang: Any) -> None:
    receptors = {r.id: r for r in told.park.receptors}
    gates = {g.id: g for g in told.park.gates}
    came = Came("G05", NOW - timedelta(minutes=9), NOW, NOW + timedelta(minutes=9), NOW, 1500.0)
    review = Review(
        story.ID, (came,), 1, 0, 1, 275.0, 3.5, (), NOW, False, 380.0, 412.0, {"R1": 4.2}
    )  # fmt: skip
    part = score.show(review, story.ID, gates, receptors, lang)
    words = text(part)
    assert str(review.score) in words
    for said in ("100%", "1 / 0 / 1", "275 → 3.5 kg", "R1 4.2 kg", "380 → 412 kg", "02:46"):
        assert said in words, said
    assert lang == "zh" or not CJK.search(words)
    before = score.show(None, story.ID, gates, receptors, lang)
    assert classed(before, "empty")
    assert f"/export/incident/{story.ID}.json" in str(before)
