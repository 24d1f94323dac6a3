"""Gate controllers that speak Modbus TCP.

Register map of a unit. Holding 0: target, per mille open; holding 1: execute counter, a change starts the
move. Input 0: position per mille (65535 unknown); input 1: bits (1 moving, 2 failed, 4 remote enabled);
input 2: stroke time, s of park time; input 3: low word of a heartbeat counter.
"""

from __future__ import annotations

from typing import Any

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from twin.errors import PeerError, UnavailableError
from twin.gatehouse import Feedback

UNKNOWN = 65535
MOVING, FAILED, REMOTE = 1, 2, 4


class Plc:
    """One Modbus TCP connection to the gate controllers.

    Every call takes at most about `timeout_s` and raises `UnavailableError` when nothing answers, `PeerError`
    when what answers makes no sense.
    """

    def __init__(self, host: str, port: int, timeout_s: float = 0.8) -> None:
        self._client = ModbusTcpClient(host, port=port, timeout=timeout_s, retries=0)
        self._line = f"{host}:{port}"

    def close(self) -> None:
        """Close the connection."""
        self._client.close()  # type: ignore[no-untyped-call]

    def line(self, unit: int) -> str:
        """Return the server: all gates are behind it."""
        return self._line

    def read(self, unit: int) -> Feedback:
        """Read a gate's state."""
        position, bits, stroke, _ = self._registers("read_input_registers", unit, 4)
        return Feedback(
            None if position == UNKNOWN else min(position, 1000) / 1000,
            bool(bits & MOVING),
            bool(bits & FAILED),
            bool(bits & REMOTE),
            float(stroke),
        )

    def ordered(self, unit: int) -> tuple[float, int]:
        """Read back the target the controller holds, and its execute counter."""
        target, counter = self._registers("read_holding_registers", unit, 2)
        return target / 1000, counter

    def move(self, unit: int, target: float, counter: int) -> None:
        """Order a move to a target (0..1) by setting the execute counter to a new number."""
        values = [round(target * 1000), counter & 0xFFFF]
        self._ask("write_registers", unit, address=0, values=values)

    def _registers(self, function: str, unit: int, count: int) -> list[int]:
        got = list(self._ask(function, unit, address=0, count=count).registers)
        if len(got) != count:
            raise PeerError(f"gate controller {unit} sent {len(got)} registers instead of {count}")
        return got

    def _ask(self, function: str, unit: int, **request: Any) -> Any:
        try:
            if not self._client.connected and not self._client.connect():  # type: ignore[no-untyped-call]
                raise UnavailableError("the gate controllers cannot be reached")
            reply = getattr(self._client, function)(device_id=unit, **request)
        except (ModbusException, OSError) as error:
            self._client.close()  # type: ignore[no-untyped-call]
            raise UnavailableError(f"the gate controllers do not answer: {error}") from error
        if reply.isError():
            raise PeerError(f"gate controller {unit} refuses: {reply}")
        return reply
