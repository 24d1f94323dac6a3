"""What single stations show of a pollution slug, and when that is enough to open an incident.

At canals and rain channels nothing is routine: two factors that leave their normal together are enough. On
the wastewater side batches are routine and only these count:
    at works and pump stations, two factors over their limits for `SEWER_MS`;
    at an enterprise's own meter, two factors over for `BATCH_MS`, or one, with company, for `LONG_MS`, or for
    `BATCH_MS` where it is `GROSS` times its limit, or where two factors have been `FAR` times their usual for
    as long: stronger water is a batch, other water is none; what is less stays alarms of that outlet;
    at the meter of an enterprise with hours on the shared pipe, flow and another factor far above their usual
    for `SLOT_MS` outside those hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from geodata import zone
from geodata.places import Park
from geodata.words import Text
from twin.detect.alarms import Alarms
from twin.detect.contract import Bools, Index
from twin.detect.table import FLOW, Place

SEWER_MS = 10 * 60_000
BATCH_MS = 30 * 60_000
LONG_MS = 120 * 60_000
GROSS = 3.0  # times the limit: no batch is so for half an hour
FAR = 2.5  # times its usual: a batch is stronger for minutes, raw water for as long as it runs
SLOT_MS = 4 * 60_000
SPARE_MIN = 15  # a slot's water may run so much earlier or later
DAY_MIN = 24 * 60
OTHER_WATER = Text("水质与平时不同，限值内", "water unlike its usual, within limits")
OUT_OF_SLOT = Text("疑似在时段外使用公管", "suspected use of the shared pipe outside its hours")


@dataclass(frozen=True, slots=True)
class Sign:
    """What one station shows of a slug.

    Attributes
    ----------
    points : tuple of int
        Points that left their normal together.
    onset_ms : int
        When the first of them did, park time.
    solid : bool
        Whether it can open an incident by itself.
    why : Text or None
        What it is taken for, where the station's place alone would say less.
    """

    station: int
    points: tuple[int, ...]
    onset_ms: int
    solid: bool
    why: Text | None = None


class Signs:
    """Reads signs off the detectors of a park."""

    def __init__(self, park: Park, alarms: Alarms) -> None:
        self._alarms, self._bank = alarms, alarms.bank
        table = self._bank.table
        self._members = table.members()
        self._flow = {int(table.station[i]): i for i, p in enumerate(table.points) if p.factor == FLOW}
        slots = {e.id: e.slots for e in park.enterprises if e.slots}
        self._slots = {
            k: tuple((_minute(a), _minute(b)) for a, b in slots[s.enterprise])
            for k, s in enumerate(table.stations)
            if s.enterprise in slots and table.place[k] == Place.OUTLET
        }

    def read(self, away: Bools, now_ms: int) -> Iterator[Sign]:
        """Yield what every station with points away shows now, in no particular order."""
        table, hinting = self._bank.table, self._bank.hinting
        for k in np.unique(table.station[away]).tolist():
            members = self._members[k][away[self._members[k]]]
            if table.place[k] == Place.AMBIENT:
                yield from self._ambient(k, members, hinting)
                continue
            over = members[self._bank.over.on[members]]
            if len(over):
                yield from self._over_limits(k, over, now_ms)
            elif table.place[k] == Place.OUTLET:
                yield from self._within_limits(k, now_ms)
            if k in self._slots:
                yield from self._out_of_slot(k, members, now_ms)

    def _ambient(self, k: int, strong: Index, hinting: Bools) -> Iterator[Sign]:
        bank = self._bank
        for i in strong[np.argsort(bank.onset_ms(strong), kind="stable")].tolist():
            points = tuple(sorted((i, *self._alarms.company(i, hinting).tolist())))
            onset = int(bank.onset_ms(np.array(points)).min())
            yield Sign(k, points, onset, solid=len(points) > 1)

    def _over_limits(self, k: int, over: Index, now_ms: int) -> Iterator[Sign]:
        bank = self._bank
        first = bank.over.first_ms[over]
        lasted = now_ms - first
        allowed = SEWER_MS if bank.table.place[k] == Place.SEWER else BATCH_MS
        solid = bool(np.count_nonzero(lasted >= allowed) > 1)
        raw = bank.table.place[k] == Place.OUTLET and len(self._far(k, now_ms)) > 1
        for i, since in zip(over.tolist(), lasted.tolist(), strict=True):
            long = BATCH_MS if raw or bank.share[i] >= GROSS else LONG_MS
            solid = solid or (since >= long and len(self._alarms.company(i, bank.hinting)) > 0)
        if solid:
            yield Sign(k, tuple(over.tolist()), int(first.min()), solid=True)

    def _within_limits(self, k: int, now_ms: int) -> Iterator[Sign]:
        """Read raw water that no limit forbids: three factors far above their usual, or two even farther."""
        bank, far = self._bank, self._far(k, now_ms)
        if len(far) > 1 and np.log(bank.value[far] / bank.deviation.median[far]).sum() >= 3 * np.log(FAR):
            onset = int(self._bank.onset_ms(far).min())
            yield Sign(k, tuple(far.tolist()), onset, solid=True, why=OTHER_WATER)

    def _far(self, k: int, now_ms: int) -> Index:
        """Return the points of a station, its flow aside, that have long been far above their usual."""
        bank = self._bank
        members = self._members[k][self._members[k] != self._flow.get(k)]
        with np.errstate(invalid="ignore"):
            far = bank.value[members] >= FAR * bank.deviation.median[members]
        long = bank.strong.on[members] & (now_ms - bank.strong.first_ms[members] >= BATCH_MS)
        found: Index = members[far & long]
        return found

    def _out_of_slot(self, k: int, members: Index, now_ms: int) -> Iterator[Sign]:
        flow = self._flow.get(k)
        others = members[members != flow]
        if flow is None or flow not in members or not len(others):
            return
        points = np.array([flow, *others])
        onsets = self._bank.onset_ms(points)
        begun = max(int(onsets[0]), int(onsets[1:].min()))
        if now_ms - begun >= SLOT_MS and not self._in_slot(k, begun):
            yield Sign(k, tuple(points.tolist()), int(onsets.min()), solid=True, why=OUT_OF_SLOT)

    def _in_slot(self, k: int, at_ms: int) -> bool:
        """Tell whether a moment lies in one of a station's slots; a slot may pass midnight."""
        minute = (at_ms // 1000 + round(zone.ahead_s(at_ms / 1000))) // 60 % DAY_MIN
        for begin, end in self._slots[k]:
            long = (end - begin) % DAY_MIN or DAY_MIN
            if (minute - begin + SPARE_MIN) % DAY_MIN <= long + 2 * SPARE_MIN:
                return True
        return False


def _minute(text: str) -> int:
    """Minute of the day of "HH:MM"."""
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
