"""One enterprise's indicators, counted by the rules of data quality; what readings do not say is None.

The indicators, their periods and the values from which they are green or red are in `data/indicators.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodata import zone
from geodata.places import Enterprise, Station
from geodata.words import Text
from twin.clock import as_ms
from twin.errors import ConfigError
from twin.factors import factor
from twin.history.columns import DAY_MS
from twin.indicators import HOURS_A_YEAR, together
from twin.limits import Limit, Limits
from twin.model import Anomaly, Kind, Level
from twin.quality.days import Day
from twin.quality.hours import FLOW
from twin.quality.point import PointValues
from twin.quality.rules import Rules

COD, NH3N = "w01018", "w21003"
PERIODS = ("now", "day", "month", "year")
CONTRACT = "permit"
WATCHED_MS = 3_600_000  # a meter silent for longer did not watch what ran meanwhile
Values = Mapping[tuple[str, str], PointValues]
"""By station and factor, from the first of the month."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator: what it is, and from where on it is green or red.

    Attributes
    ----------
    good, fair : float or None
        Last value that is green, last that is yellow; None where nobody has said.
    less : bool
        Whether less is better.
    needs : Text
        What is missing where it cannot be counted.
    """

    key: str
    name: Text
    formula: Text
    unit: str
    period: str
    good: float | None
    fair: float | None
    less: bool
    needs: Text

    def level(self, value: float | None) -> Level:
        """Return the level of a value; offline, never green, where there is none or no bound."""
        if value is None or self.good is None or self.fair is None:
            return Level.OFFLINE
        sign = 1 if self.less else -1
        if sign * value <= sign * self.good:
            return Level.NORMAL
        return Level.WARNING if sign * value <= sign * self.fair else Level.ALARM


@dataclass(frozen=True, slots=True)
class Score:
    """One indicator of one enterprise.

    Attributes
    ----------
    value : float or None
        In the indicator's unit.
    note : Text or None
        What belongs to the number: how much was replaced, the longest episode.
    point : (station, factor) or None
        The point whose readings it was counted from, or the first of several.
    """

    value: float | None = None
    note: Text | None = None
    point: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Month:
    """What is known of one enterprise since the first of the month.

    Attributes
    ----------
    stations : sequence of Station
        Its own.
    anomalies : sequence of Anomaly
        Of its stations, since the first of the month.
    fresh : int
        Points with a fresh value.
    """

    firm: Enterprise
    stations: Sequence[Station]
    values: Values
    anomalies: Sequence[Anomaly]
    fresh: int
    now: datetime


def load(path: Path | None = None) -> tuple[Indicator, ...]:
    """Read the indicators, in the order of the file.

    Raises
    ------
    ConfigError
        The file cannot be read, or an indicator in it cannot be used; the message names it.
    """
    where = path or "indicators.toml"
    try:
        if path is None:
            text = resources.files("twin").joinpath("data", "indicators.toml").read_text("utf-8")
        else:
            text = path.read_text("utf-8")
        said = tomllib.loads(text)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the indicators in {where} cannot be read: {error}") from error
    found = []
    for key, given in said.items():
        try:
            found.append(_indicator(key, given))
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"indicator [{key}] in {where} cannot be used: {error!r};"
                " compare it with twin/data/indicators.toml"
            ) from error
    return tuple(found)


def _indicator(key: str, given: Mapping[str, Any]) -> Indicator:
    if given["period"] not in PERIODS:
        raise ValueError(f"period is one of {', '.join(PERIODS)}")
    good, fair = (None if given.get(k) is None else float(given[k]) for k in ("good", "fair"))
    less = bool(given.get("less", False))
    if good is not None and fair is not None and (fair < good if less else fair > good):
        raise ValueError("fair is on the wrong side of good")
    return Indicator(
        key=key,
        name=Text(**given["name"]),
        formula=Text(**given["formula"]),
        unit=str(given["unit"]),
        period=given["period"],
        good=good,
        fair=fair,
        less=less,
        needs=Text(**given["needs"]),
    )


def month_start(now_ms: int) -> int:
    """Return the local midnight with which the month of a moment begins, epoch ms."""
    month = zone.at_s(now_ms / 1000).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return as_ms(month)


def score(month: Month, limits: Limits, rules: Rules) -> dict[str, Score]:
    """Count every indicator that readings allow; those absent from the answer cannot be counted.

    Parameters
    ----------
    month : Month
    limits : Limits
    rules : Rules
        Of data quality.
    """
    found = {
        "cod_load": _load(month, COD, month.firm.cod_permit_t),
        "nh3n_load": _load(month, NH3N, month.firm.nh3n_permit_t),
        "standard_rate": _within(month, limits, contract=False),
        "contract_rate": _within(month, limits, contract=True),
        "exceedances": _exceedances(month),
        "transmission": _transmission(month),
        "online": _online(month),
        "slots": _slots(month, rules),
        "handling": _handling(month),
    }
    return {key: it for key, it in found.items() if it is not None}


def _load(month: Month, code: str, permit_t: float) -> Score | None:
    days = [d for (_, c), it in month.values.items() if c == code for d in it.days if d.weighted]
    hours = sum(d.valid for d in days)
    if not hours or permit_t <= 0:
        return None
    # Hours of several outlets run side by side: the permit is for the time, not for each of them.
    outlets = sum(any(d.valid for d in it.days) for (_, c), it in month.values.items() if c == code)
    permitted = permit_t * 1000 * hours / outlets / HOURS_A_YEAR
    measured = sum(d.kg for d in days)
    note = Text("实测 {kg} kg，{h} 小时", "measured {kg} kg in {h} h").fill(
        kg=_plain(measured), h=f"{hours / outlets:.0f}"
    )
    lacking = [d for d in days if d.replaced_kg is not None]
    if lacking:
        put = max(sum((d.replaced_kg or 0.0) - d.kg for d in lacking), 0.0)
        more = Text("{a}；缺测另补 {kg} kg（{n} 天）", "{a}; {kg} kg more for what is missing (days: {n})")
        note = more.fill(a=note, kg=_plain(put), n=len(lacking))
    return Score(100 * measured / permitted, note, _first(month, code))


def _within(month: Month, limits: Limits, *, contract: bool) -> Score | None:
    good = every = 0
    point: tuple[str, str] | None = None
    for station in month.stations:
        if (station.limit_set == CONTRACT) is not contract:
            continue
        for code in station.factors:
            limit, it = limits.of(station.id, code), month.values.get((station.id, code))
            if limit is None or it is None:
                continue
            means = [d.value for d in it.days if d.value is not None]
            bad = sum(limit.broken_by(v, factor(code).decimals) for v in means)
            every, good = every + len(means), good + len(means) - bad
            if point is None or bad:
                point = station.id, code
    if not every:
        return None
    note = Text("{n} 个日均值，{b} 个超限", "{n} daily means, {b} outside").fill(n=every, b=every - good)
    return Score(100 * good / every, note, point)


def _exceedances(month: Month) -> Score | None:
    if not any(s.factors for s in month.stations):
        return None
    over = [a for a in month.anomalies if a.kind is Kind.EXCEEDANCE]
    if not over:  # none were seen; where nothing was measured nobody looked
        watched = any(len(it.curve.at_ms) for it in month.values.values())
        return Score(0.0) if watched else None
    longest = max((a.until or month.now) - a.since for a in over).total_seconds() / 60
    multiples = [a.value / a.limit for a in over if a.limit and a.value > a.limit]
    note = Text("最长 {m} 分钟", "longest {m} min").fill(m=f"{longest:.0f}")
    if multiples:
        note = Text("{a}，最大 {x} 倍", "{a}, at most {x} times").fill(a=note, x=f"{max(multiples):.1f}")
    worst = max(over, key=lambda a: a.value / a.limit if a.limit else 0.0)
    return Score(float(len(over)), note, (worst.point.station, worst.point.factor))


def _transmission(month: Month) -> Score | None:
    sent = together([it.hours.transfer for it in month.values.values()])
    if sent.effective is None or sent.rate is None or sent.valid_rate is None:
        return None
    note = Text("传输率 {r}%，有效率 {v}%", "received {r}%, valid {v}%").fill(
        r=f"{100 * sent.rate:.1f}", v=f"{100 * sent.valid_rate:.1f}"
    )
    worst = min(month.values, key=lambda key: month.values[key].hours.transfer.effective or 0.0)
    return Score(100 * sent.effective, note, worst)


def _online(month: Month) -> Score | None:
    points = sum(len(s.factors) for s in month.stations)
    if not points:
        return None
    note = Text("{n}/{p} 个点位", "{n} of {p} points").fill(n=month.fresh, p=points)
    return Score(100 * month.fresh / points, note)


def _slots(month: Month, rules: Rules) -> Score | None:
    flows = [(key, it) for key, it in month.values.items() if key[1] == FLOW and len(it.curve.at_ms)]
    if not month.firm.slots or not flows:
        return None
    kept = due = 0
    for _, it in flows:
        of_day = slots_kept(it.curve.at_ms, it.curve.value, month.firm.slots, rules.zero_flow.value)
        kept, due = kept + int(of_day.sum()), due + len(of_day)
    if not due:
        return None
    note = Text("{n} 个时段，{b} 个未守", "{n} slots, {b} not kept").fill(n=due, b=due - kept)
    return Score(100 * kept / due, note, flows[0][0])


def slots_kept(
    at_ms: NDArray[np.int64], flow: NDArray[np.float64], slots: Sequence[tuple[str, str]], zero: float
) -> NDArray[np.bool_]:
    """Tell of every slot that was wholly watched whether nothing was sent from its end to the next slot.

    Parameters
    ----------
    at_ms : (n,) int64
        Moments, epoch ms, in order.
    flow : (n,) float64
        L/s.
    slots : sequence of (str, str)
        Local "HH:MM" pairs; one may end after midnight.
    zero : float
        Flow up to which nothing is sent, L/s.
    """
    if not np.isfinite(flow).any():
        return np.empty(0, bool)
    pairs = sorted((_minutes(a), _minutes(b)) for a, b in slots)
    ahead_ms = round(zone.ahead_s(at_ms[0] / 1000) * 1000)
    first, last = (int(t + ahead_ms) // DAY_MS for t in (at_ms[0], at_ms[-1]))
    at_ms, flow = at_ms[np.isfinite(flow)], flow[np.isfinite(flow)]
    kept = []
    for day in range(first - 1, last + 1):
        for i, (begin, end) in enumerate(pairs):
            after = pairs[i + 1][0] if i + 1 < len(pairs) else pairs[0][0] + 24 * 60
            stop = end if end > begin else end + 24 * 60
            low, high = (day * DAY_MS - ahead_ms + m * 60_000 for m in (stop, max(after, stop)))
            a, b = np.searchsorted(at_ms, (low, high))
            silent = np.diff(np.concatenate(([low], at_ms[a:b], [high])))
            if low < at_ms[0] or high > at_ms[-1] or b <= a or silent.max() > WATCHED_MS:
                continue
            kept.append(bool(flow[a:b].max() <= zero))
    return np.array(kept, bool)


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _handling(month: Month) -> Score | None:
    over = [(a.until - a.since).total_seconds() / 60 for a in month.anomalies if a.until is not None]
    if not over:
        return None
    open_now = sum(a.until is None for a in month.anomalies)
    note = Text("{n} 次已恢复，{o} 次未恢复", "{n} over, {o} still open").fill(n=len(over), o=open_now)
    return Score(float(median(over)), note)


def _first(month: Month, code: str) -> tuple[str, str] | None:
    return next((key for key in month.values if key[1] == code), None)


def _plain(kg: float) -> str:
    return f"{kg:.0f}" if kg >= 100 else f"{kg:.1f}"


# the days of a month ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Square:
    """One day of the calendar.

    Attributes
    ----------
    start_ms : int
        Local midnight.
    level : Level
        Alarm: a daily mean was outside its limit. Warning: an exceedance, but the day's means complied.
        Normal: every judged mean complied. Offline: no valid daily mean.
    judged, outside, episodes : int
        Daily means judged; of those outside; exceedances that began.
    point : (station, factor) or None
        What to open.
    """

    start_ms: int
    level: Level
    judged: int
    outside: int
    episodes: int
    point: tuple[str, str] | None


def calendar(month: Month, limits: Limits) -> list[Square]:
    """Return a square for every day of the month so far."""
    now_ms = as_ms(month.now)
    starts = range(month_start(now_ms), now_ms + 1, DAY_MS)
    return [_square(start, month, limits) for start in starts]


def _square(start: int, month: Month, limits: Limits) -> Square:
    judged = outside = 0
    point: tuple[str, str] | None = None
    for key, limit, value in _means(start, month, limits):
        judged += 1
        broken = limit.broken_by(value, factor(key[1]).decimals)
        outside += broken
        point = key if broken or point is None else point
    began = [a for a in month.anomalies if _on(a, start)]
    if began:
        point = (began[0].point.station, began[0].point.factor)
    level = Level.ALARM if outside else Level.WARNING if began else Level.NORMAL if judged else Level.OFFLINE
    return Square(start, level, judged, outside, len(began), point)


def _on(anomaly: Anomaly, start: int) -> bool:
    return anomaly.kind is Kind.EXCEEDANCE and start <= as_ms(anomaly.since) < start + DAY_MS


def _means(start: int, month: Month, limits: Limits) -> Iterable[tuple[tuple[str, str], Limit, float]]:
    for key, it in month.values.items():
        limit = limits.of(*key)
        day: Day | None = next((d for d in it.days if d.start_ms == start), None)
        if limit is not None and day is not None and day.value is not None:
            yield key, limit, day.value


# among its like ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a value stands in its trade: `rank` 1 is best of `of` that have the value; their median."""

    rank: int
    of: int
    middle: float


def standing(indicator: Indicator, mine: float | None, others: Iterable[float | None]) -> Standing | None:
    """Rank a value among those of the same trade, its own among them; None where it has none.

    Equal values share a rank.
    """
    known = [v for v in others if v is not None]
    if mine is None or indicator.good is None or len(known) < 2:
        return None
    better = sum(v < mine if indicator.less else v > mine for v in known)
    return Standing(better + 1, len(known), float(median(known)))
