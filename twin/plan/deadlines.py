"""What is said of a release, and by when each gate has to be ordered.

close-by = early arrival - stroke - dispatch - decision - margin, per gate, from its card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from twin.config import Config
from twin.plan.cards import Card
from twin.plan.outlook import Band
from twin.plan.waters import Waters

HOLD_S = 10 * 3600.0  # how long gates are taken to hold: the time treatment and pumping have
LEAST_HOLD = timedelta(hours=2)
SHARE = 0.02  # of the release that must pass a gate for its front to set a deadline


@dataclass(frozen=True, slots=True)
class Spill:
    """What is said of a release.

    Attributes
    ----------
    started, now : datetime
    seconds : float
    kg_s : float
    seen : mapping
        Node to the moment its station first read it.
    clean : frozenset of str
        Nodes whose stations have read nothing so far.
    """

    started: datetime
    seconds: float
    kg_s: float
    now: datetime
    seen: Mapping[str, datetime] = field(default_factory=dict)
    clean: frozenset[str] = frozenset()

    def after_s(self, at: datetime) -> float:
        """Return seconds after the release began."""
        return (at - self.started).total_seconds()


@dataclass(frozen=True, slots=True)
class Deadline:
    """By when a gate has to be ordered; None where the release does not come to it.

    Attributes
    ----------
    usable : bool
        In order, and the deadline is not over.
    rest : bool
        It is too late for the front: the deadline is that of the greater half, which still can be held.
    """

    gate: str
    close_by: datetime | None
    slack_s: float | None
    usable: bool
    rest: bool = False


def deadline(card: Card, band: Band | None, spill: Spill, config: Config) -> Deadline:
    """Return a gate's deadline: by its front, or, where that is over, by the half of it that is to come."""
    if band is None or band.share < SHARE:
        return Deadline(card.gate, None, None, card.usable)
    by = _close_by(card, band.early_s, spill, config)
    rest = by < spill.now and band.half_s[0] > band.early_s
    if rest:
        later = _close_by(card, band.half_s[0], spill, config)
        by, rest = (later, True) if later >= spill.now else (by, False)
    slack = (by - spill.now).total_seconds()
    return Deadline(card.gate, by, slack, card.usable and slack >= 0, rest)


def _close_by(card: Card, comes_s: float, spill: Spill, config: Config) -> datetime:
    """Return by when a gate has to be ordered to be closed when something comes to it."""
    comes = spill.started + timedelta(seconds=comes_s)
    left = max((comes - spill.now).total_seconds(), 0.0)
    margin = max(config.margin_s, config.margin_share * left) if card.margin_s is None else card.margin_s
    decision = config.decision_s if card.decision_s is None else card.decision_s
    return comes - timedelta(seconds=card.stroke_s + card.dispatch_s + decision + margin)


def order_s(card: Card, spill: Spill, begin: datetime, config: Config, wait_s: float = 0.0) -> float:
    """Return when a gate's stroke begins if the decision is asked for now, seconds after `begin`."""
    decision = config.decision_s if card.decision_s is None else card.decision_s
    return (spill.now - begin).total_seconds() + decision + card.dispatch_s + wait_s


def horizon_s(waters: Waters, spill: Spill) -> float:
    """Return how long runs last: as long as gates are held, or to a model's own end if that comes sooner."""
    ended = spill.started + timedelta(seconds=spill.seconds)
    over = max(spill.now, ended) + timedelta(seconds=HOLD_S)
    if waters.end is not None and waters.end - max(spill.now, ended) >= LEAST_HOLD:
        over = min(over, waters.end)
    return (over - waters.begin).total_seconds()
