"""Gates move for two people only, and every stroke that goes wrong is told in time; against a real server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from geodata.places import Device, DeviceKind, Park
from geodata.words import Text
from tests.embedded import Embedded
from tests.twin.parks import tiny_park
from twin import control as module
from twin.access import Role, User
from twin.clock import ClockState, ParkClock, wall_ms
from twin.control import Control
from twin.control_modbus import FAILED, MOVING, REMOTE, UNKNOWN, Plc
from twin.errors import RefusedError, UnavailableError
from twin.floodlock import FloodBook
from twin.model import Approval, Command, CommandState, Event, GateState, from_json
from twin.records import Records
from twin.statement import Statement, differs, latest_stated, state
from twin.stream import Stream
from twin.supervisor import free_port

STROKE_S = 240.0  # of G01 in the tiny park
_S = CommandState


@dataclass
class Gatehouse:
    """A Modbus TCP server with two gates, in a thread; each can be told to misbehave."""

    port: int
    clock_ms: int = 1_795_000_000_000
    mood: dict[int, str] = field(default_factory=dict)  # jams | stops | blind | backwards | refuses
    moves: list[tuple[int, float]] = field(default_factory=list)
    _aim: dict[int, tuple[float, float, int]] = field(default_factory=dict)  # from, to, since
    _loop: Any = None
    _server: Any = None
    _thread: threading.Thread = field(default_factory=threading.Thread)

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(60)

    def stop(self) -> None:
        if self._server is not None:
            asyncio.run_coroutine_threadsafe(self._server.shutdown(), self._loop).result(60)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            self._loop.close()
            self._server = None

    async def _open(self) -> None:
        self._server = ModbusTcpServer([self._device(u) for u in (1, 2)], address=("127.0.0.1", self.port))
        await self._server.serve_forever(background=True)

    def position(self, unit: int) -> float:
        start, aim, since = self._aim.get(unit, (1.0, 1.0, 0))
        way = min((self.clock_ms - since) / 1000 / STROKE_S, abs(aim - start))
        if self.mood.get(unit) in ("jams", "stops"):
            way = min(way, 0.6)
        sign = 1 if aim > start else -1
        return start + way * (-sign if self.mood.get(unit) == "backwards" else sign)

    def _device(self, unit: int) -> SimDevice:
        none = [SimData(0, values=[False] * 16, datatype=DataType.BITS, readonly=True)]
        holding = [SimData(0, values=[1000, 7], datatype=DataType.REGISTERS)]
        inputs = [SimData(0, values=[0, 0, 0, 0], datatype=DataType.REGISTERS, readonly=True)]

        async def action(
            function: int, _start: int, _address: int, _count: int, registers: list[int], values: Any
        ) -> Any:
            if function == 4:
                at, mood = self.position(unit), self.mood.get(unit)
                aim = self._aim.get(unit, (1.0, 1.0, 0))[1]
                halted = mood in ("jams", "stops") and abs(at - 0.4) < 1e-6
                bits = REMOTE | (MOVING if abs(at - aim) > 1e-6 and not halted else 0)
                bits |= FAILED if halted and mood == "jams" else 0
                registers[:] = [UNKNOWN if mood == "blind" else round(at * 1000), bits, 240, 1]
            elif function == 16:
                if self.mood.get(unit) == "refuses":
                    return module_illegal()
                self.moves.append((unit, values[0] / 1000))
                self._aim[unit] = (self.position(unit), values[0] / 1000, self.clock_ms)
            return None

        return SimDevice(unit, (none, none, holding, inputs), action=action)


def module_illegal() -> Any:
    from pymodbus.constants import ExcCodes

    return ExcCodes.ILLEGAL_VALUE


@dataclass
class Bench:
    """Control with everything real around it but the clock."""

    house: Gatehouse
    records: Records
    stream: Stream
    control: Control
    park: Park
    plc: Plc

    def pass_s(self, seconds: float, steps: int = 4) -> None:
        for _ in range(steps):
            self.house.clock_ms += round(seconds * 1000 / steps)
            self.control.step()

    def propose(self, id: str = "C1", *, gate: str = "G01", target: float = 0.0) -> Command:
        now = self.control._clock.now()
        command = Command(id, "", "", gate, target, "duty", now, (), _S.PROPOSED)
        return self.records.propose(command)

    def approve(self, id: str = "C1") -> None:
        now = self.control._clock.now()
        self.records.approve(id, "duty", "plume seen", now)
        self.records.approve(id, "office", "agreed", now)

    def order(self, id: str = "C1") -> None:
        self.control.execute(id, "duty", wall_ms())

    def state(self, id: str = "C1") -> CommandState:
        command = self.records.command(id)
        assert command is not None
        return command.state

    def message(self, id: str = "C1") -> str:
        command = self.records.command(id)
        assert command is not None
        assert command.message is not None
        return command.message.en

    def fresh_control(self) -> Control:
        clock = ParkClock(lambda: ClockState(True, "test", 0.0, self.house.clock_ms, 0))
        self.plc = Plc("127.0.0.1", self.house.port, 5.0)
        return Control(self.park, self.records, self.stream, clock, self.plc)


@pytest.fixture
def bench(embedded: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(module, "LEAST_WALL_S", 0.0)
    monkeypatch.setattr(module, "MOVING_WALL_S", 0.3)
    house = Gatehouse(free_port())
    house.start()
    records = Records(f"sqlite:///{tmp_path / 'r.sqlite'}")
    records.create()
    b = Bench(house, records, embedded.stream(), None, tiny_park(), None)  # type: ignore[arg-type]
    b.control = b.fresh_control()
    yield b
    b.plc.close()
    house.stop()
    records.close()


def test_two_people_and_the_gate_closes_with_feedback_all_the_way(bench: Bench) -> None:
    bench.propose()
    bench.approve()
    bench.order()
    bench.control.step()
    assert bench.state() is _S.SENT
    bench.pass_s(120)
    assert bench.state() is _S.MOVING
    bench.pass_s(125)
    assert bench.state() is _S.DONE
    assert bench.house.moves == [(1, 0.0)]
    command = bench.records.command("C1")
    assert command is not None
    assert command.position == 0.0
    assert command.done_at is not None
    audit = [line.what for line in bench.records.audits("C1")][::-1]
    assert next(w for w in audit if w.startswith("command.")) == "command.sent"
    assert audit[-1] == "command.done"
    kinds = [from_json(e.body, Event) for e in bench.stream.since("events")]
    assert sum(k.kind == "command.changed" for k in kinds) >= 3
    assert [k.about for k in kinds if k.kind == "gate.changed"].count("G01") >= 3
    bench.control._published = 0.0
    bench.control.step()
    gates = from_json(bench.stream.get("gates") or b"", list[GateState])
    assert {g.gate: g.position for g in gates} == {"G01": 0.0, "G02": 1.0}


def test_one_person_alone_moves_nothing(bench: Bench) -> None:
    bench.propose()
    bench.records.approve("C1", "duty", "hurry", bench.control._clock.now())
    with pytest.raises(RefusedError):
        bench.records.approve("C1", " Duty ", "again", bench.control._clock.now())
    bench.order()
    bench.pass_s(300)
    assert bench.house.moves == []
    assert bench.state() is _S.PROPOSED
    assert [line.what for line in bench.records.audits("C1")] == ["order.refused"]


def test_approvals_are_counted_again_before_sending(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a record that says approved is not believed if its two approvals are one person's."""
    command = bench.propose()
    at = bench.control._clock.now()
    twice = (Approval("duty", at, ""), Approval("DUTY ", at, ""))
    forged = replace(command, state=_S.APPROVED, approvals=twice)
    written: list[Command] = []
    monkeypatch.setattr(bench.records, "command", lambda _id: forged)
    monkeypatch.setattr(bench.records, "set_command", written.append)
    bench.order()
    bench.pass_s(300)
    assert bench.house.moves == []
    assert [c.state for c in written] == [_S.REFUSED]


def test_the_same_order_twice_moves_once(bench: Bench) -> None:
    bench.propose()
    bench.approve()
    bench.order()
    bench.order()
    bench.pass_s(300)
    bench.order()
    bench.pass_s(10)
    assert bench.house.moves == [(1, 0.0)]


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("jams", "stuck at 40% open"),
        ("stops", "not in place in time, at 40% open"),
        ("blind", "no position"),
        ("backwards", "moves the wrong way"),
    ],
)
def test_a_stroke_that_goes_wrong_is_told_within_its_time_and_a_fifth(
    bench: Bench, mood: str, words: str
) -> None:
    bench.house.mood[1] = mood
    bench.house._aim[1] = (0.8, 0.8, 0) if mood == "backwards" else (1.0, 1.0, 0)
    bench.propose()
    bench.approve()
    bench.order()
    bench.control.step()
    bench.pass_s(STROKE_S * 1.2 + 1, steps=12)
    assert bench.state() is _S.FAILED
    assert words in bench.message()


def test_a_gate_that_crawls_is_told_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It still says it moves, so it gets a moment of wall time more, and no longer."""
    monkeypatch.setattr(Gatehouse, "position", lambda self, unit: 0.8 if unit == 1 else 1.0)
    monkeypatch.setattr(module, "MOVING_WALL_S", 3600.0)
    bench.propose()
    bench.approve()
    bench.order()
    bench.control.step()
    bench.pass_s(STROKE_S * 1.2 + 10, steps=4)
    assert bench.state() is _S.MOVING
    monkeypatch.setattr(module, "MOVING_WALL_S", 0.0)
    bench.control.step()
    assert bench.state() is _S.FAILED
    assert "not in place in time, at 80% open" in bench.message()


def test_a_lost_connection_is_told_in_time_and_never_hangs(bench: Bench) -> None:
    bench.propose()
    bench.approve()
    bench.order()
    bench.control.step()
    bench.pass_s(60)
    bench.house.stop()
    bench.pass_s(STROKE_S * 1.2 - 59, steps=6)
    assert bench.state() is _S.FAILED
    assert "connection" in bench.message()
    bench.control._published = 0.0
    bench.control.step()
    told = from_json(bench.stream.get("gates") or b"", list[GateState])
    assert all(g.position is None for g in told)


def test_no_controller_at_all(bench: Bench) -> None:
    bench.house.stop()
    bench.propose()
    bench.approve()
    bench.order()
    bench.control.step()
    assert bench.state() is _S.SENT
    bench.pass_s(STROKE_S * 0.2 + 5)
    assert bench.state() is _S.FAILED
    assert "did not arrive" in bench.message()
    bench.house.start()
    bench.pass_s(60)
    assert bench.house.moves == []  # what was told as failed is not sent later behind people's backs


def test_a_refusing_controller(bench: Bench) -> None:
    bench.house.mood[1] = "refuses"
    bench.propose()
    bench.approve()
    bench.order()
    bench.pass_s(10)
    assert bench.state() is _S.FAILED
    assert "refuses" in bench.message()


def test_a_stuck_gate_that_comes_free_is_reported_late(bench: Bench) -> None:
    bench.house.mood[1] = "jams"
    bench.propose()
    bench.approve()
    bench.order()
    bench.pass_s(STROKE_S)
    assert bench.state() is _S.FAILED
    bench.house.mood[1] = "good"
    bench.control._published = 0.0
    bench.pass_s(STROKE_S)
    bench.control._published = 0.0
    bench.pass_s(1)
    assert bench.state() is _S.DONE


def test_a_restarted_control_follows_and_does_not_send_again(bench: Bench) -> None:
    bench.propose()
    bench.approve()
    bench.order()
    bench.pass_s(60)
    bench.plc.close()
    bench.control = bench.fresh_control()
    bench.pass_s(STROKE_S)
    assert bench.state() is _S.DONE
    assert bench.house.moves == [(1, 0.0)]


def test_a_later_command_for_the_same_gate_takes_over(bench: Bench) -> None:
    for name, target in (("C1", 0.0), ("C2", 1.0)):
        bench.propose(name, target=target)
        bench.approve(name)
    bench.order("C1")
    bench.pass_s(60)
    bench.order("C2")
    bench.pass_s(100)
    assert bench.state("C1") is _S.FAILED
    assert "superseded" in bench.message("C1")
    assert bench.state("C2") is _S.DONE
    assert bench.house.moves == [(1, 0.0), (1, 1.0)]


def test_orders_that_must_not_be_carried_out(bench: Bench) -> None:
    bench.propose("C1", gate="G99")
    bench.approve("C1")
    bench.order("C1")
    bench.propose("C2", target=1.7)
    bench.approve("C2")
    bench.order("C2")
    bench.propose("C3")
    bench.approve("C3")
    bench.control.execute("C3", "duty", wall_ms() - 3_600_000)
    bench.control.execute("C4", "duty", wall_ms())
    bench.control.step()
    assert [bench.state(c) for c in ("C1", "C2", "C3")] == [_S.REFUSED] * 3
    assert "too old" in bench.message("C3")
    assert bench.house.moves == []


def by_hand(bench: Bench) -> None:
    """Order a gate that people close on site."""
    bench.park = replace(bench.park, gates=tuple(replace(g, remote=False) for g in bench.park.gates))
    bench.plc.close()
    bench.control = bench.fresh_control()
    bench.propose()
    bench.approve()
    bench.order()
    bench.control.step()


def said(bench: Bench, at: float, **more: Any) -> Statement:
    now = bench.control._clock.now()
    body = Statement("ST-1", "G01", "C1", "", "Zhang", "duty", now, now, at, "seals intact")
    return replace(body, **more)


def test_a_gate_worked_by_hand_is_called_for_and_closed_by_statement(bench: Bench) -> None:
    bench.house.mood[1] = "blind"
    by_hand(bench)
    assert bench.state() is _S.SENT
    assert "0573-00000100" in bench.message()
    bench.pass_s(4 * 3600)
    assert bench.state() is _S.SENT  # nobody guesses how long people take
    assert not bench.control.busy
    state(bench.records, said(bench, 0.0))
    bench.control.stated()
    bench.control._published = 0.0
    bench.control.step()
    assert bench.state() is _S.DONE
    assert "not measured" in bench.message()
    told = {g.gate: g for g in from_json(bench.stream.get("gates") or b"", list[GateState])}
    assert (told["G01"].position, told["G01"].stated, told["G02"].stated) == (0.0, True, False)
    assert bench.house.moves == []


def test_two_statements_of_the_same_name_are_both_kept(bench: Bench) -> None:
    """Two who speak at the same moment count the same number of statements before theirs."""
    bench.house.mood[1] = "blind"
    by_hand(bench)
    state(bench.records, said(bench, 0.5, who="Zhang"))
    state(bench.records, said(bench, 0.0, who="Wang"))
    kept = bench.records.papers("statement", Statement)
    assert {(s.who, s.position) for s in kept} == {("Zhang", 0.5), ("Wang", 0.0)}
    assert len({s.id for s in kept}) == 2


def test_what_is_measured_goes_before_what_is_said(bench: Bench) -> None:
    by_hand(bench)
    state(bench.records, said(bench, 0.0))
    bench.control.stated()
    bench.control._published = 0.0
    bench.control.step()
    told = {g.gate: g for g in from_json(bench.stream.get("gates") or b"", list[GateState])}
    assert (told["G01"].position, told["G01"].stated) == (1.0, False)
    assert differs(said(bench, 0.0), told["G01"].position)


def test_what_was_said_of_a_gate_ends_with_the_next_order_and_with_the_next_measurement(bench: Bench) -> None:
    def told() -> GateState:
        bench.control._published = 0.0
        bench.control.step()
        gates = from_json(bench.stream.get("gates") or b"", list[GateState])
        return next(g for g in gates if g.gate == "G01")

    bench.house.mood[1] = "blind"
    by_hand(bench)
    state(bench.records, said(bench, 0.0))
    bench.control.stated()
    assert (told().position, told().stated) == (0.0, True)
    del bench.house.mood[1]
    assert (told().position, told().stated) == (1.0, False)
    bench.house.mood[1] = "blind"
    assert told().position is None  # it was seen open since: nobody knows, and nobody calls it closed
    bench.control = bench.fresh_control()
    bench.house.clock_ms += 60_000
    bench.propose("C2", target=1.0)
    bench.approve("C2")
    bench.order("C2")
    assert (told().position, told().stated) == (None, False)
    assert latest_stated(bench.records) == {}


def test_feedback_alone_ends_a_stroke_made_by_hand(bench: Bench) -> None:
    by_hand(bench)
    bench.house._aim[1] = (0.0, 0.0, 0)  # somebody has cranked it down
    bench.pass_s(60)
    assert bench.state() is _S.DONE
    assert bench.house.moves == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"gate": "G02"}, "another gate"),
        ({"who": " "}, "who stands"),
        ({"position": 1.2}, "between 0 and 1"),
        ({"done_at": datetime(2020, 1, 1, tzinfo=UTC)}, "at that time"),
    ],
)
def test_statements_that_make_no_sense_change_nothing(bench: Bench, more: Any, words: str) -> None:
    by_hand(bench)
    with pytest.raises(RefusedError, match=words):
        state(bench.records, said(bench, 0.0, **more))
    assert bench.state() is _S.SENT
    state(bench.records, said(bench, 0.5))
    assert bench.state() is _S.FAILED
    state(bench.records, said(bench, 0.0))
    with pytest.raises(RefusedError, match="confirmed already"):
        state(bench.records, said(bench, 0.0))


def test_a_flood_lock_stops_an_approved_command_until_two_people_override_it(bench: Bench) -> None:
    book, now = FloodBook(bench.records), bench.control._clock.now()
    duty, office, chief = (User(n, Text(n, n), r) for n, r in PEOPLE)
    lock = book.set("", duty, "typhoon, level over 3.6 m", now)
    bench.propose("C1")
    bench.approve("C1")
    bench.order("C1")
    bench.control.step()
    assert bench.state("C1") is _S.REFUSED
    assert "flood lock on the whole park (duty: typhoon" in bench.message("C1")
    book.override("G01", "", duty, "plume at the intake", now)
    with pytest.raises(RefusedError, match="already"):
        book.override("G01", "", duty, "again", now)
    with pytest.raises(RefusedError, match="commander"):
        book.override("G01", "", office, "agreed", now)
    assert book.locked(["G01"], "") == {"G01"}
    book.override("G01", "", chief, "agreed with the flood authority", now)
    assert book.locked(["G01", "G02"], "") == {"G02"}
    assert book.locked(["G01"], "EV-2") == {"G01"}  # of another incident
    bench.propose("C2")
    bench.approve("C2")
    bench.order("C2")
    bench.control.step()
    assert bench.state("C2") is _S.SENT
    assert bench.house.moves == [(1, 0.0)]
    book.lift(lock.id, chief, "level falls", now)
    book.set("G01", duty, "second wave", now + timedelta(hours=1))
    assert book.locked(["G01", "G02"], "") == {"G01"}  # an override dies with its lock
    assert {a.what for a in bench.records.audits()} >= {"flood.locked", "flood.lifted", "flood.override"}


def test_an_enterprises_valve_moves_as_a_gate_does_and_no_flood_lock_holds_it(bench: Bench) -> None:
    valve = Device(
        "E01-YS001-V", Text("阀", "valve"), DeviceKind.RAIN_VALVE, "E01", ("E01-YS001",), 0.0, 0.0,
        True, STROKE_S, 0.02, "0573-1", 1.0, 2,
    )  # fmt: skip
    bench.park = replace(bench.park, gates=bench.park.gates[:1], devices=(valve,))
    bench.plc.close()
    bench.control = bench.fresh_control()
    now = bench.control._clock.now()
    FloodBook(bench.records).set("", User("duty", Text("d", "d"), Role.DUTY_OFFICER), "typhoon", now)
    bench.propose("C1", gate=valve.id)
    bench.records.approve("C1", "duty", "stop it", now)
    bench.order("C1")
    bench.control.step()
    assert bench.house.moves == []
    bench.records.approve("C1", "office", "agreed", now)
    bench.order("C1")
    bench.control.step()
    bench.pass_s(STROKE_S + 10, steps=6)
    assert bench.state("C1") is _S.DONE
    assert bench.house.moves == [(2, 0.0)]
    bench.control._published = 0.0
    bench.control.step()
    told = {n: from_json(bench.stream.get(n) or b"", list[GateState]) for n in ("gates", "devices")}
    assert [g.gate for g in told["gates"]] == ["G01"]
    assert [(d.gate, d.position) for d in told["devices"]] == [(valve.id, 0.0)]


def test_a_locked_gate_may_still_open(bench: Bench) -> None:
    bench.house._aim[1] = (0.2, 0.2, 0)
    now = bench.control._clock.now()
    FloodBook(bench.records).set("G01", User("duty", Text("d", "d"), Role.DUTY_OFFICER), "flood", now)
    bench.control.step()
    bench.propose(target=1.0)
    bench.approve()
    bench.order()
    bench.control.step()
    assert bench.house.moves == [(1, 1.0)]


PEOPLE = (("duty", Role.DUTY_OFFICER), ("office", Role.DUTY_OFFICER), ("chief", Role.COMMANDER))


def test_nothing_is_lost_while_the_stream_is_away(bench: Bench, embedded: Embedded) -> None:
    bench.propose()
    bench.approve()
    bench.order()
    embedded.kill()
    with pytest.raises(UnavailableError):
        bench.control.step()
    embedded.start()
    bench.pass_s(400, steps=8)
    assert bench.state() is _S.DONE
    assert bench.house.moves == [(1, 0.0)]


def test_another_version_of_the_park_loses_no_stroke_and_no_order(bench: Bench) -> None:
    bench.propose()
    bench.approve()
    bench.order()
    bench.control.step()
    bench.propose("C2", gate="G02")
    bench.approve("C2")
    bench.order("C2")
    moved = replace(bench.park.gates[1], modbus_unit=2, phone="0573-1")
    bench.control.renew(replace(bench.park, gates=(moved,)))
    bench.pass_s(330, steps=11)
    assert (bench.state("C1"), bench.state("C2")) == (_S.DONE, _S.DONE)
    assert bench.house.moves == [(1, 0.0), (2, 0.0)]
    bench.control.renew(replace(bench.park, gates=(moved,)))
    bench.control._published = 0.0
    bench.control.step()
    gates = from_json(bench.stream.get("gates") or b"", list[GateState])
    assert [g.gate for g in gates] == ["G02"]
    bench.propose("C3", gate="G01")
    bench.approve("C3")
    bench.order("C3")
    bench.control.step()
    assert bench.state("C3") is _S.REFUSED
    assert bench.message("C3") == "there is no such gate"


def test_an_interlock_that_cannot_be_reckoned_is_put_on_record(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no levels")

    monkeypatch.setattr("twin.permit.Interlock", broken)
    bench.propose("C1", gate="G02")
    bench.approve("C1")
    bench.order("C1")
    bench.control.step()
    assert bench.state("C1") in (_S.SENT, _S.MOVING)  # two people have decided
    said = [line.detail.zh for line in bench.records.audits() if line.what == "interlock.unknown"]
    assert len(said) == 1
    assert "未能检查" in said[0]


def test_a_second_gate_that_would_put_the_reach_between_over_its_banks_is_not_sent(bench: Bench) -> None:
    flow = bench.park.links["flow_m3s"]
    for link, wet in (("LC4", -4.26), ("LG2", 4.26)):  # a wet day: much water enters between the gates
        flow = flow.mask(bench.park.links["id"] == link, wet)
    bench.park = replace(bench.park, links=bench.park.links.assign(flow_m3s=flow))
    bench.plc.close()
    bench.control = bench.fresh_control()
    for name, gate in (("C1", "G02"), ("C2", "G01")):
        bench.propose(name, gate=gate)
        bench.approve(name)
        bench.order(name)
        bench.control.step()
    assert bench.state("C1") is _S.MOVING
    assert bench.state("C2") is _S.REFUSED
    assert "interlock" in bench.message("C2")
    bench.pass_s(300)
    assert bench.house.moves == [(2, 0.0)]
