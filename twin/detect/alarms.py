"""From detectors to anomalies: one open anomaly a point at most, of the kind that says most about it.

A factor that leaves its normal while the others of its station stay in theirs is taken for a fault of the
instrument (suspect) once it has had the time to find company; company may come by weaker evidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from geodata.words import Text
from twin.clock import as_datetime
from twin.detect.bank import Bank
from twin.detect.contract import Bools, Index
from twin.detect.moving import GONE, Move
from twin.detect.table import Place
from twin.factors import factor
from twin.model import Anomaly, Kind, Level, Point

COMPANY_MS = 45 * 60_000  # two factors that leave their normal within this time do so together
PATIENCE = 5  # own intervals a factor may be alone before its instrument is suspected
WITNESSES = 2  # calm factors of the same station that it takes to suspect one
GROWN = 1.25  # an open anomaly is written anew when its value has grown so many times

RAISED, CLEARED, GREW = "anomaly.raised", "anomaly.cleared", ""
POLLUTION = (Kind.EXCEEDANCE, Kind.DEVIATION)
_DETECTOR = {
    Kind.EXCEEDANCE: "limit",
    Kind.DEVIATION: "deviation",
    Kind.FROZEN: "frozen",
    Kind.RANGE: "outrange",
    Kind.OFFLINE: "offline",
    Kind.SUSPECT: "alone",
}
_LEVEL = {
    Kind.EXCEEDANCE: Level.ALARM,
    Kind.DEVIATION: Level.WARNING,
    Kind.OFFLINE: Level.OFFLINE,
}


@dataclass(frozen=True, slots=True)
class Change:
    """An anomaly to write, and the event to tell with it ("" for none)."""

    anomaly: Anomaly
    event: str


class Alarms:
    """Open anomalies of every point of a bank.

    Attributes
    ----------
    open : dict of int to Anomaly
        By position of the point.
    silent : dict of int to Anomaly
        Stations that have gone silent, by position of the station.
    trusted : set of int
        Points that a second station has confirmed; they are not suspected.
    """

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.open: dict[int, Anomaly] = {}
        self.silent: dict[int, Anomaly] = {}
        self.trusted: set[int] = set()
        self._suspects: set[int] = set()
        self._members = bank.table.members()
        self._counts = bank.table.side != 0

    def adopt(self, anomalies: Iterable[Anomaly]) -> list[Change]:
        """Take over open anomalies from the records after a restart; those of unknown points are cleared."""
        at = {p: i for i, p in enumerate(self.bank.table.points)}
        stations = {s.id: k for k, s in enumerate(self.bank.table.stations)}
        lost = []
        for anomaly in anomalies:
            i = at.get(anomaly.point)
            if anomaly.kind is Kind.OFFLINE and anomaly.point.station in stations:
                self.silent[stations[anomaly.point.station]] = anomaly
            elif i is None or i in self.open:
                lost.append(Change(replace(anomaly, until=anomaly.since), CLEARED))
            else:
                self.open[i] = anomaly
                if anomaly.kind is Kind.SUSPECT:
                    self._suspects.add(i)
                if anomaly.incident:
                    self.trusted.add(i)
        return lost

    def carry(self, before: Alarms, move: Move, now_ms: int) -> list[Change]:
        """Go on from the open anomalies of another table; those of points that are gone end now."""
        lost = []
        for mine, theirs, where in (
            (self.open, before.open, move.point),
            (self.silent, before.silent, move.station),
        ):
            for i, anomaly in theirs.items():
                if where[i] == GONE:
                    until = max(as_datetime(now_ms), anomaly.since)
                    lost.append(Change(replace(anomaly, until=until), CLEARED))
                else:
                    mine[int(where[i])] = anomaly
        self.trusted = {int(move.point[i]) for i in before.trusted} - {GONE}
        self._suspects = {int(move.point[i]) for i in before._suspects} - {GONE}
        return lost

    def refresh(self, touched: Index, now_ms: int) -> list[Change]:
        """Bring the anomalies of the touched points' stations up to date; returns what changed."""
        if not len(touched):
            return []
        changes: list[Change] = []
        away, hinting, calm = self.bank.away, self.bank.hinting, self.bank.calm(now_ms)
        odd = self.bank.odd
        for k in np.unique(self.bank.table.station[touched]):
            members = self._members[int(k)]
            changes += self._silence(int(k), members, now_ms)
            opened = np.fromiter((i in self.open for i in members.tolist()), bool, len(members))
            for i in members[odd[members] | opened]:
                kind = self._kind(int(i), members, away, hinting, calm)
                changes += self._settle(int(i), kind, now_ms)
        return changes

    def assign(self, points: Iterable[int], incident: str) -> list[Change]:
        """Say which incident the open anomalies of these points belong to."""
        changes = []
        for i in points:
            anomaly = self.open.get(i)
            if anomaly is not None and anomaly.incident != incident and anomaly.kind in POLLUTION:
                self.open[i] = replace(anomaly, incident=incident)
                changes.append(Change(self.open[i], GREW))
        return changes

    def company(self, i: int, candidates: Bools) -> Index:
        """Return the other candidate points of a point's station that left their normal together with it."""
        members = self._members[int(self.bank.table.station[i])]
        others: Index = members[candidates[members] & (members != i) & self._counts[members]]
        if not len(others):
            return others
        apart = np.abs(self.bank.onset_ms(others) - self.bank.onset_ms(np.array([i]))[0])
        near: Index = others[apart <= COMPANY_MS]
        return near

    def _kind(self, i: int, members: Index, away: Bools, hinting: Bools, calm: Bools) -> Kind | None:
        bank = self.bank
        if bank.range.on[i]:
            return Kind.RANGE
        if bank.frozen.on[i]:
            return Kind.FROZEN
        over, strays = bool(bank.over.on[i]), bool(away[i])
        if self._suspect(i, members, strays, hinting, calm):
            return Kind.SUSPECT
        if over:
            return Kind.EXCEEDANCE
        place = bank.table.place[bank.table.station[i]]
        if i in self.trusted and hinting[i]:
            return Kind.DEVIATION
        if place == Place.OUTLET or not hinting[i]:
            return None
        if strays and place == Place.AMBIENT:
            return Kind.DEVIATION
        return Kind.DEVIATION if len(self.company(i, away)) else None

    def _suspect(self, i: int, members: Index, strays: bool, hinting: Bools, calm: Bools) -> bool:
        """Tell whether this point stands alone; a suspect stays one until it has company or is well."""
        incident = any(m in self.trusted and hinting[m] for m in members.tolist() if m != i)
        if not strays or i in self.trusted or incident or len(self.company(i, hinting)):
            self._suspects.discard(i)
            return False
        if i in self._suspects:
            return True
        bank = self.bank
        if bank.table.place[bank.table.station[i]] != Place.AMBIENT and not bank.over.on[i]:
            return False  # one factor of a batch may well move alone; only a limit makes it worth a word
        others = members[(members != i) & self._counts[members]]
        patient = bank.at_ms[i] - bank.onset_ms(np.array([i]))[0] >= PATIENCE * bank.table.interval_ms[i]
        if patient and np.count_nonzero(calm[others]) >= WITNESSES:
            self._suspects.add(i)
            return True
        return False

    def _settle(self, i: int, kind: Kind | None, now_ms: int) -> list[Change]:
        old = self.open.get(i)
        value = float(self.bank.value[i])
        if old is not None and kind is old.kind:
            return self._grow(i, old, value)
        changes = []
        if old is not None:
            del self.open[i]
            until = as_datetime(int(self.bank.at_ms[i]) or now_ms)
            changes.append(Change(replace(old, until=max(until, old.since)), CLEARED))
        if kind is None:
            self.trusted.discard(i)
        else:
            incident = old.incident if old is not None and kind in POLLUTION else ""
            self.open[i] = replace(self._anomaly(i, kind), incident=incident)
            changes.append(Change(self.open[i], RAISED))
        return changes

    def _grow(self, i: int, old: Anomaly, value: float) -> list[Change]:
        """Write an open anomaly anew when it has become clearly worse, so that the worst is read."""
        if old.kind not in POLLUTION or self.bank.table.side[i] != 1 or value < old.value * GROWN:
            return []
        new = self._anomaly(i, old.kind)
        self.open[i] = replace(old, value=new.value, score=new.score, reason=new.reason)
        return [Change(self.open[i], GREW)]

    def _anomaly(self, i: int, kind: Kind) -> Anomaly:
        bank = self.bank
        point = bank.table.points[i]
        since_ms = int(bank.onset_ms(np.array([i]))[0])
        if kind is Kind.FROZEN:
            since_ms = int(bank.stillness.since_ms[i])
        elif kind is Kind.RANGE:
            since_ms = int(bank.range.first_ms[i])
        limit = bank.table.limits[i]
        bound = None if limit is None else limit.low if limit.high is None else limit.high
        share, z = float(bank.share[i]), float(bank.z[i])
        score = share if kind is Kind.EXCEEDANCE else z
        return Anomaly(
            id=f"{point.station}/{point.factor}/{kind}/{since_ms // 1000}",
            point=point,
            kind=kind,
            detector=_DETECTOR[kind],
            since=as_datetime(since_ms),
            value=float(bank.value[i]),
            limit=bound,
            level=_LEVEL.get(kind, Level.WATCH),
            score=score if np.isfinite(score) else 1.0,
            reason=self._reason(i, kind),
        )

    def _reason(self, i: int, kind: Kind) -> Text:
        bank = self.bank
        f = factor(bank.table.points[i].factor)
        digits = max(int(bank.table.decimals[i]), 0)
        said = {"name": f.short, "value": f"{bank.value[i]:.{digits}f}", "unit": f.unit}
        median = bank.deviation.median[i]
        usual = f"{median:.{digits}f}" if np.isfinite(median) else "—"
        limit = bank.table.limits[i]
        if kind is Kind.EXCEEDANCE and limit is not None:
            return _exceedance(limit.low, limit.high, limit.standard, float(bank.share[i])).fill(**said)
        return _WORDS[kind].fill(**said, usual=usual)

    def _silence(self, k: int, members: Index, now_ms: int) -> list[Change]:
        """One anomaly for a station whose every point is silent, not one for each."""
        silent = bool(len(members)) and bool(self.bank.offline[members].all())
        old = self.silent.get(k)
        if silent == (old is not None):
            return []
        if old is not None:
            del self.silent[k]
            return [Change(replace(old, until=max(as_datetime(now_ms), old.since)), CLEARED)]
        last = int(self.bank.at_ms[members].max())
        station = self.bank.table.stations[k]
        self.silent[k] = Anomaly(
            id=f"{station.id}//{Kind.OFFLINE}/{last // 1000}",
            point=Point(station.id, ""),
            kind=Kind.OFFLINE,
            detector=_DETECTOR[Kind.OFFLINE],
            since=as_datetime(last),
            value=max(now_ms - last, 0) / 1000,
            limit=None,
            level=Level.OFFLINE,
            score=1.0,
            reason=Text("{name} 没有数据上传", "No data from {name}").fill(name=station.name),
        )
        return [Change(self.silent[k], RAISED)]


def _exceedance(low: float | None, high: float | None, standard: str, share: float) -> Text:
    if low is not None and high is not None:
        zh, en = f"超出 {low:g}–{high:g} 的范围", f"outside {low:g}–{high:g}"
    elif high is None:
        zh, en = f"低于限值 {low:g}", f"below the limit of {low:g}"
    else:
        zh, en = f"为限值 {high:g} 的 {share:.1f} 倍", f"{share:.1f} times the limit of {high:g}"
    return Text(
        f"{{name}} {{value}} {{unit}},{zh}({standard})".replace(",", "，"),
        f"{{name}} {{value}} {{unit}}, {en} ({standard})",
    )


_WORDS = {
    Kind.DEVIATION: Text(
        "{name} {value} {unit}，平时约 {usual} {unit}", "{name} {value} {unit}, usually about {usual} {unit}"
    ),
    Kind.FROZEN: Text(
        "{name} 长时间停在 {value} {unit} 不变", "{name} has stood still at {value} {unit} for too long"
    ),
    Kind.RANGE: Text(
        "{name} {value} {unit} 超出仪器可能的范围",
        "{name} {value} {unit} is more than an instrument can mean",
    ),
    Kind.SUSPECT: Text(
        "只有 {name} 异常（{value} {unit}，平时约 {usual}），同站其他因子正常：先检查仪器",
        "Only {name} is odd ({value} {unit}, usually about {usual}), every other factor here is normal: "
        "check the instrument first",
    ),
    Kind.EXCEEDANCE: Text("{name} {value} {unit} 超标", "{name} {value} {unit} is over its limit"),
}
