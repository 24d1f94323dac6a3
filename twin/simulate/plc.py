"""The gate controllers: one Modbus TCP server, one unit a gate, positions that move in park time.

Register map of a unit. Holding 0: target, per mille open; holding 1: execute counter, a change starts the
move. Input 0: position per mille (65535 unknown); input 1: bits (1 moving, 2 failed, 4 remote enabled);
input 2: stroke time, s of park time; input 3: low word of a heartbeat counter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from geodata.places import Device, Gate

MOVING, FAILED, REMOTE = 1, 2, 4
UNKNOWN = 65535
TARGET, EXECUTE = 0, 1
_READ_HOLDING, _READ_INPUT = 3, 4
_WRITE = frozenset({6, 16})


@dataclass(slots=True)
class Drive:
    """One gate's motor, as its controller knows it.

    Attributes
    ----------
    stroke_s : float
        Open to closed, s of park time.
    stuck_at : float or None
        Position (0 closed .. 1 open) at which it jams on its way; for drills of a failing gate.
    """

    gate: str
    unit: int
    stroke_s: float
    remote: bool = True
    stuck_at: float | None = None
    target: float = 1.0
    _from: float = 1.0
    _since_ms: int = 0
    _aim: float = 1.0

    @classmethod
    def of(cls, gate: Gate | Device, at_ms: int) -> Drive:
        """A gate, valve or pump in its normal position at a moment."""
        at = gate.normal_position
        return cls(gate.id, gate.modbus_unit, gate.stroke_s, gate.remote, None, at, at, at_ms, at)

    def execute(self, now_ms: int) -> None:
        """Start moving to the target; a gate that is not on remote stays where it is."""
        if self.remote:
            self._from, self._since_ms, self._aim = self.position(now_ms), now_ms, self.target

    def position(self, now_ms: int) -> float:
        """Opening at a moment, 0 closed .. 1 open."""
        at, _ = self._where(now_ms)
        return at

    def bits(self, now_ms: int) -> int:
        """The status word of input register 1."""
        at, jammed = self._where(now_ms)
        moving = not jammed and abs(at - self._aim) > 1e-6
        return (MOVING if moving else 0) | (FAILED if jammed else 0) | (REMOTE if self.remote else 0)

    def _where(self, now_ms: int) -> tuple[float, bool]:
        way = self._aim - self._from
        done = max(now_ms - self._since_ms, 0) / 1000 / max(self.stroke_s, 1e-3)
        at = self._from + (min(done, abs(way)) if way > 0 else -min(done, abs(way)))
        if self.stuck_at is not None and way and min(self._from, at) <= self.stuck_at <= max(self._from, at):
            return self.stuck_at, True
        return at, False


class Plc:
    """The server, over a set of drives."""

    def __init__(
        self,
        drives: Iterable[Drive],
        now_ms: Callable[[], int],
        on_move: Callable[[Drive, int], None] = lambda drive, now_ms: None,
    ) -> None:
        self.drives = {d.gate: d for d in drives}
        self._now_ms = now_ms
        self._on_move = on_move
        self._counter = dict.fromkeys(self.drives, 0)
        self._beat = 0
        self._server: ModbusTcpServer | None = None

    async def start(self, host: str, port: int, without: Collection[int] = ()) -> None:
        """Listen, for every unit but those behind another server; returns when the port is bound."""
        devices = [self._device(d) for d in self.drives.values() if d.unit not in without]
        self._server = ModbusTcpServer(devices, address=(host, port), ignore_missing_devices=False)
        await self._server.serve_forever(background=True)

    async def stop(self) -> None:
        """Stop listening and drop the connections."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None

    def positions(self) -> dict[str, float]:
        """Where every gate is now, 0 closed .. 1 open."""
        now = self._now_ms()
        return {d.gate: d.position(now) for d in self.drives.values()}

    def replace(self, drives: Iterable[Drive]) -> None:
        """Put every gate where these drives say, for a new drill; units stay as they are."""
        for drive in drives:
            self.drives[drive.gate] = drive

    def _device(self, drive: Drive) -> SimDevice:
        none = [SimData(0, values=[False] * 16, datatype=DataType.BITS, readonly=True)]
        holding = [SimData(0, values=[round(drive.target * 1000), 0], datatype=DataType.REGISTERS)]
        inputs = [SimData(0, values=[0, 0, 0, 0], datatype=DataType.REGISTERS, readonly=True)]
        return SimDevice(
            drive.unit, (none, none, holding, inputs), action=_async(partial(self._access, drive.gate))
        )

    def _access(
        self, gate: str, function: int, address: int, registers: list[int], values: Any
    ) -> ExcCodes | None:
        """Look at one request before it is carried out: refresh what is read, obey what is written."""
        drive, now = self.drives[gate], self._now_ms()
        if function == _READ_INPUT:
            self._beat = (self._beat + 1) & 0xFFFF
            registers[:] = [
                round(drive.position(now) * 1000),
                drive.bits(now),
                min(round(drive.stroke_s), UNKNOWN),
                self._beat,
            ]
        elif function in _WRITE and values is not None:
            written = dict(enumerate((int(v) for v in values), address))
            if not 0 <= written.get(TARGET, 0) <= 1000:
                return ExcCodes.ILLEGAL_VALUE
            if TARGET in written:
                drive.target = written[TARGET] / 1000
            if written.get(EXECUTE, self._counter[gate]) != self._counter[gate]:
                self.order(gate, drive.target, written[EXECUTE])
        return None

    def counter(self, gate: str) -> int:
        """The execute counter of a gate's last order."""
        return self._counter[gate]

    def order(self, gate: str, target: float, counter: int) -> None:
        """Start moving a gate, as whatever protocol asked."""
        drive, now = self.drives[gate], self._now_ms()
        self._counter[gate], drive.target = counter, target
        drive.execute(now)
        self._on_move(drive, now)


def _async(access: Callable[[int, int, list[int], Any], ExcCodes | None]) -> Any:
    """Bring `_access` to the shape the server library calls (a coroutine function)."""

    async def action(
        function: int, start: int, address: int, count: int, registers: list[int], values: Any
    ) -> ExcCodes | None:
        return access(function, address, registers, values)

    return action
