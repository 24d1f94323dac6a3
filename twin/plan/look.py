"""What the hydraulic engine finds for an incident: the sets of gates it tried, and what each keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Checked:
    """One set of gates, run by the engine.

    Attributes
    ----------
    gates : tuple of str
        In order of their ids.
    contained : float
        Share kept of what comes to receptors if nothing more is done.
    after : dict of str to float
        The same if ordered so many minutes later; for the best sets alone.
    overtops_h : float or None
        Hours until water reaches a bank; None: not while gates are held.
    kg : dict of str to float
        What still comes to each receptor.
    """

    gates: tuple[str, ...]
    contained: float
    after: dict[str, float]
    overtops_h: float | None
    kg: dict[str, float]

    def floods(self, within_h: float) -> bool:
        """Whether water reaches a bank within so many hours."""
        return self.overtops_h is not None and self.overtops_h < within_h


@dataclass(frozen=True, slots=True)
class Look:
    """One look of the engine at an incident; sets come best first."""

    incident: str
    at: datetime
    factor: str
    hours: float
    kg_nothing: dict[str, float]
    sets: tuple[Checked, ...] = field(default=())
    seconds: float = 0.0
    kg_stopped: dict[str, float] = field(default_factory=dict)  # if the source is stopped and nothing more
