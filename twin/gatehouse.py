"""What a gate's controller is asked and what it answers, whatever protocol it speaks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a gate's controller says; position 0 closed .. 1 open, None if it does not know; stroke in s."""

    position: float | None
    moving: bool
    failed: bool
    remote: bool
    stroke_s: float


class Gatehouse(Protocol):
    """What speaks to gate controllers: `twin.control_modbus.Plc`, `twin.control_opcua.OpcUaPlc`.

    Every call raises `UnavailableError` when nothing answers, `PeerError` when what answers makes no sense.
    """

    def close(self) -> None:
        """Close the connection."""

    def line(self, unit: int) -> str:
        """Return which connection a gate is behind: when it is lost, so are all gates behind it."""

    def read(self, unit: int) -> Feedback:
        """Read a gate's state."""

    def ordered(self, unit: int) -> tuple[float, int]:
        """Read back the target the controller holds, and its execute counter."""

    def move(self, unit: int, target: float, counter: int) -> None:
        """Order a move to a target (0..1) by setting the execute counter to a new number."""


class Houses:
    """Gates behind two connections: some behind another than the rest."""

    def __init__(self, rest: Gatehouse, some: Gatehouse, units: Collection[int]) -> None:
        self._rest, self._some, self._units = rest, some, frozenset(units)

    def _of(self, unit: int) -> Gatehouse:
        return self._some if unit in self._units else self._rest

    def close(self) -> None:
        """Close both."""
        self._rest.close()
        self._some.close()

    def line(self, unit: int) -> str:
        """Return which connection a gate is behind."""
        return self._of(unit).line(unit)

    def read(self, unit: int) -> Feedback:
        """Read a gate's state."""
        return self._of(unit).read(unit)

    def ordered(self, unit: int) -> tuple[float, int]:
        """Read back the target the controller holds, and its execute counter."""
        return self._of(unit).ordered(unit)

    def move(self, unit: int, target: float, counter: int) -> None:
        """Order a move to a target (0..1)."""
        self._of(unit).move(unit, target, counter)
