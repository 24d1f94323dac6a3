"""Two people's signatures on a gate plan: who may, what is refused and why.

One signature covers every gate of the plan that is up for approval, yet each gate keeps its own command. The
first signature proposes and approves; the second, of another person, approves and gives the order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, cast

from callbacks import as_of, response
from callbacks.tickets import Tickets
from geodata.words import Text
from twin.access import Act, User
from twin.approval import same_person
from twin.errors import RefusedError, TwinError, UnavailableError
from twin.model import AuditLine, Command, CommandState, Event, GatePlan, GateState, Order, to_json
from twin.records_past import READ_ONLY

WRONG = Text("账号或口令不对，什么也没有记录", "Name or password is wrong; nothing was recorded")
NO_REASON = Text("请写明理由", "Give a reason")
NO_NAME = Text("请填账号和口令", "Give name and password")
MAY_NOT = Text("{who} 无权{act}，须值班长或指挥", "{who} may not {act}; a duty officer or commander must")
ACTS = {
    "approve": Text("批准", "approve"),
    "flood": Text("动用防汛锁定", "touch a flood lock"),
    "propose": Text("推演或确认", "try closings or confirm them"),
    "incident": Text("记入事件", "add to an incident"),
}
SAME = Text("{who} 已经批准过，须由另一人批准", "{who} has approved already; a second person must")
CHANGED = Text(
    "方案刚刚更新为{do} {gates}，请看过再签", "The plan has just become: {do} {gates}. Look at it, then sign"
)
OPEN = Text("开到 {p}", "open to {p}:")
NOTHING = Text("没有待批准的闸", "No gate is waiting for approval")
FIRST_DONE = Text(
    "{who} 已拟定并批准 {gates}，待第二人", "{who} proposed and approved {gates}; a second person must"
)
SECOND_DONE = Text("{who} 已批准，已下发{do} {gates}", "{who} approved; the order to {do} {gates} is out")
NOT_SENT = Text(
    "已批准，但指令未能发出，请重新下发", "Approved, but the order could not be sent; send it again"
)
HELD = Text(
    "{g} 防汛锁定中，须先由两人（含指挥）越过锁定",
    "{g} under flood lock: two people, a commander among them, must override it first",
)
SENT_BACK = Text("{who} 已退回 {gates}", "{who} sent back {gates}")
AWAY = Text("记录库没有应答，未记录批准", "The records do not answer; nothing was approved")
RULE = Text("规则不允许：{why}", "Not allowed: {why}")


class Book(Protocol):
    """What of the records a signature needs."""

    def commands(self, incident: str | None = None) -> list[Command]: ...
    def propose(self, command: Command) -> Command: ...
    def approve(self, command_id: str, user: str, reason: str, at: datetime) -> Command: ...
    def set_command(self, command: Command) -> None: ...
    def audit(self, line: AuditLine) -> None: ...


class Person(Protocol):
    """Someone who has said who they are."""

    @property
    def name(self) -> str: ...
    @property
    def display(self) -> Text: ...


class Door(Protocol):
    """Tells who somebody is and what they may do."""

    def authenticate(self, name: str, password: str) -> Any: ...
    def may(self, user: Any, act: str) -> bool: ...


class Post(Protocol):
    """Where orders go."""

    def append(self, name: Any, body: bytes) -> str: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """The doors a signature goes through."""

    records: Book
    access: Door
    stream: Post


@dataclass(frozen=True, slots=True)
class Matter:
    """What a signature is about: an incident, and the plan where there is one.

    `others` are the ids of the incident's other plans, `flood` the gates a flood lock holds open now.
    """

    incident: str
    plan: GatePlan | None
    others: tuple[str, ...] = ()
    flood: frozenset[str] = frozenset()

    def round(self, commands: Sequence[Command], gates: Mapping[str, GateState]) -> Round:
        """Tell where its approval stands."""
        return round_of(self.plan, commands, gates, self.others)


@dataclass(frozen=True, slots=True)
class Signature:
    """One person's word, as typed."""

    user: str
    password: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, in a sentence for the person who signed."""

    done: bool
    text: Text


@dataclass(frozen=True, slots=True)
class Round:
    """Where the approval of a plan stands.

    Attributes
    ----------
    commands : tuple of Command
        The newest command of each gate of the plan that has one.
    waiting : tuple of Command
        Those of them that wait for a signature.
    fresh : tuple of str
        Gates of the plan nobody has proposed yet and that can still be closed: in time, or, where none of
        them is in time, for the tail of the plume.
    target : float
        Where they are to stand: 0 closed .. 1 open.
    late : bool
        Whether all of the plan's gates are too late for the front.
    """

    commands: tuple[Command, ...]
    waiting: tuple[Command, ...]
    fresh: tuple[str, ...]
    target: float = 0.0
    late: bool = False

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates the next signature is about."""
        return tuple(c.gate for c in self.waiting) or self.fresh

    @property
    def percent(self) -> int:
        """Where they are to stand as people read it; a whole number comes back from a browser as it went."""
        return round(self.target * 100)

    @property
    def approvals(self) -> int:
        """How many people have signed for what is waiting, or for what has been sent."""
        counted = self.waiting or (() if self.fresh else self.commands)
        return min((len(c.approvals) for c in counted), default=0)


def round_of(
    plan: GatePlan | None,
    commands: Sequence[Command],
    gates: Mapping[str, GateState],
    others: Collection[str] = (),
) -> Round:
    """Tell where the approval of a plan stands.

    What waits for a second signature is what the first one was about, even if the plan has changed since, or
    is gone.

    Parameters
    ----------
    plan : GatePlan or None
        None where no plan is left, as after the plume was held.
    commands : sequence of Command
        Of this incident.
    others : collection of str
        Ids of the other plans there are now: what waits for them is not shown here.
    """
    order = {m.gate: n for n, m in enumerate(plan.moves)} if plan else {}
    newest = [c for c in response.latest(commands, gates).values() if c.plan not in others or c.gate in order]
    proposed = [c for c in newest if c.state is CommandState.PROPOSED and c.plan not in others]
    waiting = tuple(sorted(proposed, key=lambda c: (order.get(c.gate, len(order)), c.gate)))
    fresh = (
        () if waiting or plan is None else tuple(m.gate for m in response.open_moves(plan, commands, gates))
    )
    wanted = [c.target for c in waiting] or [
        m.target for m in (plan.moves if plan else ()) if m.gate in fresh
    ]
    late = plan is not None and response.is_late(plan)
    return Round(tuple(newest), waiting, fresh, wanted[0] if wanted else 0.0, late)


def verb(target: float) -> Text:
    """Return what is asked of the gates: close, or open so far."""
    return Text("关闭", "close") if target <= response.SHUT else OPEN.fill(p=f"{target:.0%}")


def listed(gates: Sequence[str]) -> Text:
    """Return gates as a list in words."""
    return Text("、".join(gates), ", ".join(gates))


def ticketed(tickets: Tickets, shown: object, reader: str) -> Outcome | None:
    """Refuse a form that does not come from a page of ours, or was altered on its way."""
    try:
        tickets.check(shown if isinstance(shown, Mapping) else {}, reader)
    except RefusedError as error:
        return Outcome(False, error.text)
    return None


def identified(
    desk: Desk, mark: Signature, act: str, about: str, at: datetime, *, reason: bool = True
) -> Any:
    """Return the person, or the outcome that says why there is none."""
    if as_of.moment() is not None:  # before the password is looked at: a try could not go on record
        return Outcome(False, READ_ONLY)
    if not mark.user.strip() or not mark.password:
        return Outcome(False, NO_NAME)
    if reason and not mark.reason.strip():
        return Outcome(False, NO_REASON)
    try:
        person = desk.access.authenticate(mark.user.strip(), mark.password)
    except RefusedError as error:
        return Outcome(False, RULE.fill(why=error.text))
    if person is None:
        detail = Text("账号或口令不对", "name or password wrong")
        desk.records.audit(AuditLine(at, mark.user.strip()[:64], "sign.failed", about, detail))
        return Outcome(False, WRONG)
    if not desk.access.may(person, act):
        text = MAY_NOT.fill(who=person.display, act=ACTS.get(act, ACTS["approve"]))
        desk.records.audit(AuditLine(at, person.name, "sign.refused", about, text))
        return Outcome(False, text)
    return person


def known(
    desk: Desk, mark: Signature, reader: User | None, act: Act, about: str, at: datetime
) -> Person | Outcome:
    """Return who acts: the reader signed in where no password was typed; or why nobody may."""
    if reader is None or mark.password:
        return cast("Person | Outcome", identified(desk, mark, act, about, at, reason=False))
    if as_of.moment() is not None:
        return Outcome(False, READ_ONLY)
    if desk.access.may(reader, act):
        return reader
    return Outcome(False, MAY_NOT.fill(who=reader.display, act=ACTS[act]))


def _proposed(desk: Desk, plan: GatePlan, gates: Sequence[str], user: str, at: datetime) -> list[Command]:
    """Put up a command for each gate; its id counts the tries at that gate, so signing twice makes no two."""
    before = desk.records.commands(plan.incident)
    targets = {m.gate: m.target for m in plan.moves}
    made = []
    for gate in gates:
        tries = sum(c.gate == gate and c.plan == plan.id for c in before)
        command = Command(
            id=f"{plan.id}/{gate}/{tries + 1}",
            incident=plan.incident,
            plan=plan.id,
            gate=gate,
            target=targets[gate],
            proposed_by=user,
            proposed_at=at,
            approvals=(),
            state=CommandState.PROPOSED,
        )
        made.append(desk.records.propose(command))
    return made


def sign(
    desk: Desk,
    matter: Matter,
    gates: Mapping[str, GateState],
    mark: Signature,
    at: datetime,
    seen: Sequence[str] | None = None,
    spend: Callable[[], None] = lambda: None,
    percent: int | None = None,
) -> Outcome:
    """Take one person's signature under a plan; the second one's gives the order.

    Parameters
    ----------
    seen : sequence of str, optional
        The gates the person had before their eyes; a signature counts for those and no others.
    at : datetime
        Park time of the signature.
    spend : callable
        Uses up the page's ticket just before anything is written; raises `RefusedError` if it was used.
    percent : int, optional
        How far open the person had before their eyes that the gates are to stand (`Round.percent`).

    Returns
    -------
    Outcome
        Whether it counts, and the sentence to show; every refusal says what the rule is.
    """
    try:
        person = identified(desk, mark, "approve", matter.incident, at)
        if isinstance(person, Outcome):
            return person
        now = matter.round(desk.records.commands(matter.incident), gates)
        if any(same_person(a.user, person.name) for c in now.waiting for a in c.approvals):
            text = SAME.fill(who=person.display)
            desk.records.audit(AuditLine(at, person.name, "sign.refused", matter.incident, text))
            return Outcome(False, text)
        if (seen is not None and set(seen) != set(now.gates)) or percent not in (None, now.percent):
            return Outcome(
                False, CHANGED.fill(gates=listed(now.gates), do=verb(now.target)) if now.gates else NOTHING
            )
        held = _held(desk, matter, now)
        if held is not None:
            return held
        if now.gates:
            spend()
        waiting = list(now.waiting)
        if not waiting and matter.plan is not None:
            waiting = _proposed(desk, matter.plan, now.fresh, person.name, at)
        if not waiting:
            return Outcome(False, NOTHING)
        return _approved(desk, matter.incident, waiting, person, mark.reason.strip(), at)
    except RefusedError as error:
        return Outcome(False, RULE.fill(why=error.text))
    except UnavailableError:
        return Outcome(False, AWAY)


def _held(desk: Desk, matter: Matter, now: Round) -> Outcome | None:
    """Say which of the gates a flood lock holds, whatever the plan said when it was made."""
    if not matter.flood or now.target > 0:  # a lock holds gates open
        return None
    held = [g for g in now.gates if g in matter.flood]
    return Outcome(False, HELD.fill(g=listed(held))) if held else None


def _approved(
    desk: Desk, incident: str, waiting: Sequence[Command], person: Person, reason: str, at: datetime
) -> Outcome:
    after = [desk.records.approve(c.id, person.name, reason, at) for c in waiting]
    ready = [c for c in after if c.state is CommandState.APPROVED]
    names = listed([c.gate for c in after])
    said = Text("批准{do} {g}：{r}", "approved: {do} {g}: {r}").fill(
        g=names, r=reason, do=verb(after[0].target)
    )
    first = not ready
    desk.records.audit(
        AuditLine(at, person.name, "command.proposed" if first else "command.approved", incident, said)
    )
    announce(desk.stream, after, at)
    if first:
        return Outcome(True, FIRST_DONE.fill(who=person.display, gates=names))
    return _ordered(desk, incident, ready, person, at)


def _ordered(desk: Desk, incident: str, ready: Sequence[Command], person: Person, at: datetime) -> Outcome:
    names = listed([c.gate for c in ready])
    try:
        send(desk.stream, ready, person.name, at)
    except UnavailableError:
        desk.records.audit(AuditLine(at, person.name, "command.unsent", incident, NOT_SENT))
        return Outcome(True, NOT_SENT)
    order = Text("下发：{do} {g}", "order: {do} {g}").fill(g=names, do=verb(ready[0].target))
    desk.records.audit(AuditLine(at, person.name, "command.ordered", incident, order))
    return Outcome(True, SECOND_DONE.fill(who=person.display, gates=names, do=verb(ready[0].target)))


def send(stream: Post, ready: Sequence[Command], by: str, at: datetime) -> None:
    """Give the order for commands that two people have approved; giving it twice changes nothing."""
    for command in ready:
        stream.append("commands", to_json(Order("gate.execute", at, by, about=command.id)))


def announced(desk: Desk, kind: str, about: str, at: datetime) -> None:
    """Tell every page that something changed; who misses it is only late."""
    with suppress(UnavailableError):
        desk.stream.append("events", to_json(Event(kind, at, about)))


def announce(stream: Post, commands: Sequence[Command], at: datetime) -> None:
    """Tell every page that commands changed. What counts is on record; who misses this is only late."""
    with suppress(UnavailableError):
        for command in commands:
            stream.append("events", to_json(Event("command.changed", at, command.id)))


def send_back(
    desk: Desk, matter: Matter, gates: Mapping[str, GateState], mark: Signature, at: datetime
) -> Outcome:
    """Refuse what is waiting for a second signature."""
    try:
        person = identified(desk, mark, "approve", matter.incident, at)
        if isinstance(person, Outcome):
            return person
        now = matter.round(desk.records.commands(matter.incident), gates)
        if not now.waiting:
            return Outcome(False, NOTHING)
        text = SENT_BACK.fill(who=person.display, gates=listed(now.gates))
        for command in now.waiting:
            desk.records.set_command(refused(command, text))
        reason = Text("{t}：{r}", "{t}: {r}").fill(t=text, r=mark.reason.strip())
        desk.records.audit(AuditLine(at, person.name, "command.refused", matter.incident, reason))
        announce(desk.stream, now.waiting, at)
        return Outcome(True, text)
    except UnavailableError:
        return Outcome(False, AWAY)
    except TwinError as error:
        return Outcome(False, RULE.fill(why=error))


def refused(command: Command, why: Text) -> Command:
    """Return the command as sent back."""
    return replace(command, state=CommandState.REFUSED, message=why)
