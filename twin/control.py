"""Commands to gates: the only door to the gate controllers, and the watch over every stroke.

A gate moves only for a command that the records, read again just before sending, show as approved by two
different people. What the controller says back decides what is written; a stroke that does not end where it
should is told as failed within its time and a fifth more, and nothing here waits longer than one timeout.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, replace

from geodata.network import CLOSED_BELOW
from geodata.places import Device, Gate, Park
from geodata.words import Text
from twin.clock import ParkClock, as_ms
from twin.errors import PeerError, RefusedError, UnavailableError
from twin.gatehouse import Feedback, Gatehouse
from twin.model import AuditLine, Command, CommandState, Event, GateState, to_json
from twin.permit import Permit
from twin.records import Records
from twin.statement import Statement, latest_stated
from twin.stream import Stream

GRACE = 1.2  # of the stroke time: then a stroke that has not ended has failed
LEAST_WALL_S = 2.0  # and never sooner than this on the wall clock, so that a fast drill is not unfair
MOVING_WALL_S = 1.5  # a gate that still moves is given so much more on the wall clock, for fast drills
START_SHARE = 0.2  # of the stroke time: so long sending is tried when the controller does not answer
DEVICES_A_ROUND = 8  # valves and pumps looked at a second; there are many, and none moves by itself
ASTRAY = 0.05  # of full opening: a gate so much farther from its target than at the order goes the wrong way
ARRIVED = 0.02  # of full opening
STEP = 0.1  # a position that has moved so far is told
_S = CommandState
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Stroke:
    """A command under way."""

    command: Command
    gate: Gate | Device
    sent_ms: int  # park time
    sent_wall: float  # monotonic
    tried: bool = False
    delivered: bool = False  # the controller has the order
    counter: int | None = None  # what the execute counter was to become
    told: float | None = None  # position last written
    began: float | None = None  # position first seen after the order
    overdue_wall: float = 0.0  # when its time was found to be over
    failed: bool = False  # told as failed, still looked at: a stuck gate may come free

    @property
    def stroke_s(self) -> float:
        """Time from open to closed, s of park time."""
        return self.gate.stroke_s

    @property
    def by_hand(self) -> bool:
        """Whether people on site carry it out; nothing is sent and its end is told by them."""
        return not self.gate.remote


class Control:
    """Sends approved commands and follows every gate.

    One thread calls `step`; `execute` may be called from any.
    """

    def __init__(
        self, park: Park, records: Records, stream: Stream, clock: ParkClock, plc: Gatehouse
    ) -> None:
        self._permit = Permit(park, records)
        self._gates: dict[str, Gate | Device] = {g.id: g for g in park.movables}
        self._devices = deque(d.id for d in park.devices)
        self._records, self._stream, self._clock, self._plc = records, stream, clock, plc
        self._stated: dict[str, Statement] = {}
        self._outdone: set[str] = set()  # statements since which the gate's own position was read
        self._orders: deque[tuple[str, str, int, threading.Event]] = deque()
        self._strokes: dict[str, Stroke] = {}
        self._seen: dict[str, GateState] = {}
        self._told: dict[str, GateState] = {}
        self._published = float("-inf")
        self._lost: dict[str, str] = {}  # connections that gave no answer in the last round, and why
        self._resumed = False
        self._stated_anew = True
        self._next: Park | None = None

    def renew(self, park: Park) -> None:
        """Work with another version of the park from the next `step` on; may be called from any thread."""
        self._next = park

    @property
    def busy(self) -> bool:
        """Whether a stroke is under way or an order waits: then `step` wants calling often."""
        return bool(self._orders) or any(not s.failed and not s.by_hand for s in self._strokes.values())

    @property
    def gates(self) -> tuple[GateState, ...]:
        """How every gate was last seen."""
        return tuple(self._seen.values())

    def execute(self, command_id: str, by: str, ordered_wall_ms: int) -> threading.Event:
        """Take an order to carry out a command; checked and sent by the next `step`.

        Returns
        -------
        threading.Event
            Set when what has become of the order is on record.
        """
        taken = threading.Event()
        self._orders.append((command_id, by, ordered_wall_ms, taken))
        return taken

    def step(self) -> None:
        """Carry out waiting orders, look at the gates once, follow strokes, publish.

        Raises
        ------
        UnavailableError
            The records or the stream are away; nothing is lost, call again.
        """
        self._take_park()
        if self._stated_anew:
            self._stated = latest_stated(self._records)
            self._stated_anew = False
        if not self._resumed:
            self._resume()
        while self._orders:
            command, by, ordered_wall_ms, taken = self._orders[0]
            self._begin(command, by, ordered_wall_ms)
            self._orders.popleft()
            taken.set()
        every = time.monotonic() - self._published >= 1.0
        self._look(self._round() if every else [g for g, s in self._strokes.items() if not s.failed])
        for stroke in list(self._strokes.values()):
            try:
                self._follow(stroke)
            except RefusedError as error:  # somebody else has ended the command
                self._strokes.pop(stroke.gate.id, None)
                why = Text("不再跟踪：{e}", "no longer followed: {e}").fill(e=error)
                self._audit("control", "command.left", stroke.command.id, why)
        self._tell_gates(every)

    def _take_park(self) -> None:
        """Take over the gates of another version; a stroke under way is followed to its end all the same."""
        park, self._next = self._next, None
        if park is None:
            return
        self._permit = Permit(park, self._records)
        under_way = {g: s.gate for g, s in self._strokes.items()}
        self._gates = under_way | {g.id: g for g in park.movables}
        self._devices = deque(d.id for d in park.devices)
        for gone in self._seen.keys() - self._gates.keys():
            del self._seen[gone]
            self._told.pop(gone, None)

    def stated(self) -> None:
        """Take notice that somebody has said where a gate stands; may be called from any thread."""
        self._stated_anew = True

    # orders -----------------------------------------------------------------------------------------------

    def _resume(self) -> None:
        """After a restart, follow what was sent before; nothing is ever sent twice."""
        for command in self._records.commands(states=(_S.SENT, _S.MOVING)):
            gate = self._gates.get(command.gate)
            if gate is not None:
                sent = as_ms(command.sent_at or self._clock.now())
                self._strokes[gate.id] = Stroke(command, gate, sent, time.monotonic(), True, True)
        self._resumed = True

    def _begin(self, id: str, by: str, ordered_wall_ms: int) -> None:
        command = self._records.command(id)
        if command is None:
            self._audit(by, "order.refused", id, Text("没有这条指令", "there is no such command"))
            return
        if command.state is not _S.APPROVED:
            if command.state in (_S.PROPOSED, _S.REFUSED):
                why = Text("指令未获两人批准", "the command is not approved by two people")
                self._audit(by, "order.refused", id, why)
            return  # otherwise the same order a second time
        reason = self._refusal(command, ordered_wall_ms)
        if reason is not None:
            self._set(replace(command, state=_S.REFUSED, message=reason), by)
            return
        gate = self._gates[command.gate]
        old = self._strokes.get(gate.id)
        if old is not None and not old.failed and old.command.id != id:
            why = Text("被指令 {id} 取代", "superseded by command {id}").fill(id=id)
            self._set(replace(old.command, state=_S.FAILED, message=why), by)
        call = None if gate.remote else CALL.fill(phone=gate.phone)
        sent = replace(command, state=_S.SENT, sent_at=self._clock.now(), message=call)
        self._strokes[gate.id] = Stroke(sent, gate, self._clock.now_ms(), time.monotonic())
        try:
            # Written before `_follow` sends it: after a crash in between it is followed, and told as failed.
            self._set(sent, by)
            self._stated.pop(gate.id, None)  # nobody has said where it stands after this order
        except RefusedError as error:
            del self._strokes[gate.id]
            why = Text("未执行：{e}", "not carried out: {e}").fill(e=error)
            self._audit(by, "order.refused", id, why)

    def _refusal(self, command: Command, ordered_wall_ms: int) -> Text | None:
        """Say why an approved command must not be sent all the same, or None."""
        shut = {g for g, s in self._seen.items() if s.position is not None and s.position < CLOSED_BELOW}
        shut |= {g for g, s in self._strokes.items() if s.command.target < CLOSED_BELOW and not s.failed}
        seen = self._seen.get(command.gate)
        position = None if seen is None else seen.position
        return self._permit.refusal(
            command, self._gates.get(command.gate), ordered_wall_ms, position, sorted(shut)
        )

    def _send(self, stroke: Stroke) -> None:
        """Give the order once; after a lost answer look first whether it has arrived."""
        unit, target = stroke.gate.modbus_unit, stroke.command.target
        try:
            held, counter = self._plc.ordered(unit)
            if counter != stroke.counter or abs(held - target) > 1e-3:
                stroke.counter = (counter + 1) & 0xFFFF
                self._plc.move(unit, target, stroke.counter)
            stroke.delivered = True
        except UnavailableError:
            return  # tried again by `_follow`, for a while
        except PeerError as error:
            self._fail(stroke, Text("控制器拒绝：{e}", "the controller refuses: {e}").fill(e=error))

    # strokes ----------------------------------------------------------------------------------------------

    def _follow(self, stroke: Stroke) -> None:
        if stroke.by_hand:
            self._follow_people(stroke)
            return
        if not stroke.tried:  # its time starts when the controller is first spoken to
            stroke.tried, stroke.sent_ms = True, self._clock.now_ms()
            self._send(stroke)
        passed_s = (self._clock.now_ms() - stroke.sent_ms) / 1000
        fair = time.monotonic() - stroke.sent_wall >= LEAST_WALL_S
        if not stroke.delivered:
            if stroke.failed:
                del self._strokes[stroke.gate.id]
            elif passed_s > START_SHARE * stroke.stroke_s and fair:
                self._fail(stroke, Text("控制器无应答，指令未送达", "no answer, the order did not arrive"))
            else:
                self._send(stroke)
            return
        state = self._seen.get(stroke.gate.id)
        if state is not None and as_ms(state.at) >= stroke.sent_ms and self._ended(stroke, state):
            return
        if not stroke.failed and passed_s > GRACE * stroke.stroke_s and fair:
            stroke.overdue_wall = stroke.overdue_wall or time.monotonic()
            waited = time.monotonic() - stroke.overdue_wall
            if state is not None and state.moving and waited < MOVING_WALL_S:
                return
            self._fail(stroke, self._overdue(stroke, state), None if state is None else state.position)

    def _follow_people(self, stroke: Stroke) -> None:
        """A gate worked on site: where it has a position of its own that counts, else what people say."""
        state = self._seen.get(stroke.gate.id)
        if stroke.command.id in {s.command for s in self._stated.values()}:
            del self._strokes[stroke.gate.id]
        elif state is not None and not state.stated and as_ms(state.at) >= stroke.sent_ms:
            at = state.position
            if at is not None and abs(at - stroke.command.target) <= ARRIVED and not state.moving:
                self._ended(stroke, state)

    def _ended(self, stroke: Stroke, state: GateState) -> bool:
        """Judge a stroke by what the gate says; True when there is nothing more to say of it now."""
        position = state.position
        if position is None:
            return False
        if abs(position - stroke.command.target) <= ARRIVED and not state.moving:
            late = Text("超时后到位", "in place after its time") if stroke.failed else None
            done = self._clock.now()
            command = replace(stroke.command, state=_S.DONE, position=position, done_at=done, message=late)
            self._set(command, "control")
            del self._strokes[stroke.gate.id]
            return True
        stroke.began = position if stroke.began is None else stroke.began
        astray = abs(position - stroke.command.target) - abs(stroke.began - stroke.command.target)
        if astray > ASTRAY and not stroke.failed:
            where = f"{position:.0%}"
            self._fail(
                stroke, Text("方向错误，开度 {p}", "moves the wrong way, {p} open").fill(p=where), position
            )
        elif state.failed and not stroke.failed:
            where = f"{position:.0%}"
            self._fail(stroke, Text("卡在开度 {p}", "stuck at {p} open").fill(p=where), position)
        elif state.moving and (stroke.told is None or abs(position - stroke.told) >= STEP):
            stroke.told = position
            if not stroke.failed:
                stroke.command = replace(stroke.command, state=_S.MOVING, position=position)
                self._set(stroke.command, "control")
        return stroke.failed

    def _fail(self, stroke: Stroke, why: Text, position: float | None = None) -> None:
        command = replace(stroke.command, state=_S.FAILED, position=position, message=why)
        self._set(command, "control")
        stroke.command, stroke.failed = command, True

    def _overdue(self, stroke: Stroke, state: GateState | None) -> Text:
        if self._plc.line(stroke.gate.modbus_unit) in self._lost:
            return Text("与控制器的连接中断", "the connection to the controllers is lost")
        if state is None or state.position is None:
            return Text("没有开度反馈", "no position feedback")
        where = f"{state.position:.0%}"
        return Text("限时内未到位，停在开度 {p}", "not in place in time, at {p} open").fill(p=where)

    # gates ------------------------------------------------------------------------------------------------

    def _round(self) -> list[str]:
        """Return what is looked at this second: every gate, what moves, and the next few devices."""
        others = [d for d in self._devices if d in self._strokes]
        for _ in range(min(DEVICES_A_ROUND, len(self._devices))):
            others.append(self._devices[0])
            self._devices.rotate(-1)
        devices = set(self._devices)
        return [g for g in self._gates if g not in devices] + list(dict.fromkeys(others))

    def _look(self, gates: list[str]) -> None:
        """Read these gates; when a connection is lost the rest behind it is not tried in this round."""
        before = self._lost
        if gates:
            self._lost = {}
        for name in gates:
            feedback: Feedback | None = None
            unit = self._gates[name].modbus_unit
            if (line := self._plc.line(unit)) not in self._lost:
                try:
                    feedback = self._plc.read(unit)
                except UnavailableError as error:
                    self._lost[line] = str(error)
                    if before.get(line) != str(error):
                        log.warning("%s: %s", line, error)
                except PeerError:
                    pass  # this unit makes no sense; its gate is unknown
            at = self._clock.now()
            said = self._stated.get(name)
            if said is not None and feedback is not None and feedback.position is not None:
                self._outdone.add(said.id)
            elif said is not None and said.id in self._outdone:
                said = None
            if said is not None and (feedback is None or feedback.position is None):
                self._seen[name] = GateState(name, said.position, False, False, said.at, stated=True)
            elif feedback is None:
                self._seen[name] = GateState(name, None, False, False, at)
            else:
                self._seen[name] = GateState(name, feedback.position, feedback.moving, feedback.failed, at)

    def _tell_gates(self, every: bool) -> None:
        for name, state in self._seen.items():
            if _differs(self._told.get(name), state):
                self._stream.append("events", to_json(Event("gate.changed", state.at, name)))
                self._told[name] = state
        if every:
            devices = set(self._devices)
            seen = list(self._seen.values())
            self._stream.put("gates", to_json([s for s in seen if s.gate not in devices]))
            if devices:
                self._stream.put("devices", to_json([s for s in seen if s.gate in devices]))
            self._published = time.monotonic()

    # records ----------------------------------------------------------------------------------------------

    def _set(self, command: Command, by: str) -> None:
        """Write what has become of a command, say so, and keep a line of it."""
        self._records.set_command(command)
        detail = _WORDS[command.state].fill(
            gate=self._name(command.gate),
            target=f"{command.target:.0%}",
            position="—" if command.position is None else f"{command.position:.0%}",
            why=command.message or Text("", ""),
        )
        self._audit(by, f"command.{command.state}", command.id, detail)
        self._stream.append("events", to_json(Event("command.changed", self._clock.now(), command.id)))

    def _audit(self, who: str, what: str, about: str, detail: Text) -> None:
        self._records.audit(AuditLine(self._clock.now(), who, what, about, detail))

    def _name(self, gate: str) -> Text:
        known = self._gates.get(gate)
        return Text(gate, gate) if known is None else known.name


def _differs(old: GateState | None, new: GateState) -> bool:
    """Tell whether a gate's state is worth an event."""
    if old is None or (old.moving, old.failed) != (new.moving, new.failed):
        return True
    if old.position is None or new.position is None:
        return old.position is not new.position
    moved = abs(old.position - new.position)
    return moved >= STEP or (moved > 0 and not new.moving)


CALL = Text("现场操作，请打电话 {phone}", "worked on site: call {phone}")
_WORDS = {
    _S.SENT: Text("{gate}：已下令到开度 {target}", "{gate}: ordered to {target} open"),
    _S.MOVING: Text("{gate}：动作中，开度 {position}", "{gate}: moving, {position} open"),
    _S.DONE: Text("{gate}：到位，开度 {position} {why}", "{gate}: in place, {position} open {why}"),
    _S.FAILED: Text("{gate}：失败，{why}", "{gate}: failed, {why}"),
    _S.REFUSED: Text("{gate}：未执行，{why}", "{gate}: not carried out, {why}"),
}
