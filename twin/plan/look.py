"""What the hydraulic engine finds for an incident: the sets of gates it tried, and what each keeps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from twin.model import Arrival, Three

HOLDS_MIN = 15.0  # so long a word on a set holds that was not tried later


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
    risk : float
        The chance that water comes to a bank at a flow that is likely; for the best sets alone.
    """

    gates: tuple[str, ...]
    contained: float
    after: dict[str, float]
    overtops_h: float | None
    kg: dict[str, float]
    risk: float = 0.0

    def floods(self, within_h: float) -> bool:
        """Whether water reaches a bank within so many hours."""
        return self.overtops_h is not None and self.overtops_h < within_h


@dataclass(frozen=True, slots=True)
class Passage:
    """When a plume is strongest at a place and when it is over, by the engine; 5, 50 and 95 %.

    Attributes
    ----------
    middle : datetime
        When its front comes in the middle of the engine's members.
    peak, tail : (datetime, datetime, datetime)
    mg_l : (float, float, float)
        The peak.
    """

    place: str
    middle: datetime
    peak: Three
    tail: Three
    mg_l: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Bypass:
    """A gate that usually stands closed, opened with the best set: clean water led round.

    Attributes
    ----------
    gates : tuple of str
        The set it was tried with.
    lower : float
        By how much of the depth to a bank the fullest place is less full.
    more_kg : float
        What comes to receptors besides.
    helps : bool
        It costs next to nothing and leaves more room, or keeps more.
    """

    gate: str
    gates: tuple[str, ...]
    lower: float
    more_kg: float
    helps: bool


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
    passages: tuple[Passage, ...] = ()
    bypasses: tuple[Bypass, ...] = ()


def aged(look: Look, now: datetime, late: Collection[str]) -> Look:
    """Return what a look still says later.

    A set whose gates can all still be closed in time keeps what it kept. One with a gate that has become too
    late counts as if ordered now, for as long as the engine tried it that late; then its word is about water
    that has gone by, and is dropped.

    Parameters
    ----------
    late : collection of str
        Gates that are too late for the front now.
    """
    minutes = max((now - look.at).total_seconds() / 60, 0.0)
    sets = (_aged(s, minutes) if set(s.gates) & set(late) else s for s in look.sets)
    return replace(look, sets=tuple(s for s in sets if s is not None))


def _aged(s: Checked, minutes: float) -> Checked | None:
    tried = {0.0: s.contained, **{float(k): v for k, v in s.after.items()}}
    if minutes > max(HOLDS_MIN, *tried):
        return None

    def kept(at: float) -> float:
        return float(np.interp(at, sorted(tried), [tried[k] for k in sorted(tried)]))

    after = {k: kept(minutes + float(k)) for k in s.after if minutes + float(k) <= max(tried)}
    return replace(s, contained=kept(minutes), after=after)


def passing(a: Arrival, look: Look | None) -> Arrival:
    """Add when the plume is strongest at a place and when it is over, on this arrival's own clock."""
    p = next((p for p in look.passages if p.place == a.place), None) if look is not None else None
    if p is None:
        return a
    later, front = a.middle - p.middle, (a.early, a.middle, a.late)
    peak = [max(t + later, least) for t, least in zip(p.peak, front, strict=True)]
    tail = [max(t + later, least) for t, least in zip(p.tail, peak, strict=True)]
    return replace(a, peak=(peak[0], peak[1], peak[2]), tail=(tail[0], tail[1], tail[2]), mg_l=p.mg_l)
