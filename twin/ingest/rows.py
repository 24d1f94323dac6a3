"""Rows of tables and requests to readings: who, what, when, how much. Every row gives a reading or a reason.

People write a station, a factor or a moment in many ways; each is accepted where it can mean one thing only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from geodata.places import Park
from geodata.words import Text
from twin.blocks import Series
from twin.factors import known
from twin.ingest.hj212.readings import Row
from twin.ingest.moments import moment_ms
from twin.ingest.scales import number_of, usual_stat
from twin.ingest.units import multiple

AHEAD_MS = 600_000  # a clock may be a little fast; a value for later than that is a mistake
MARKS = frozenset("NFMSDCTB")  # HJ 212-2017, table 8
SHOWN = 80
_UNIT = re.compile(r"(.+?)[\s_]*[(\[]([^()\[\]]*)[)\]]")
_KINDS = MappingProxyType(
    {
        **dict.fromkeys(("2011", "real-time", "realtime", "rtd", "实时", "实时值", "实时数据"), "2011"),
        **dict.fromkeys(("2051", "minute", "分钟", "分钟值", "分钟数据"), "2051"),
        **dict.fromkeys(("2061", "hour", "小时", "小时值", "小时数据", "小时均值"), "2061"),
        **dict.fromkeys(("2031", "day", "日", "日均值", "日数据", "日均"), "2031"),
    }
)
_STATS = MappingProxyType(
    {
        **dict.fromkeys(("rtd", "实时值"), "Rtd"),
        **dict.fromkeys(("avg", "mean", "average", "均值", "平均", "平均值"), "Avg"),
        **dict.fromkeys(("min", "最小", "最小值"), "Min"),
        **dict.fromkeys(("max", "最大", "最大值"), "Max"),
        **dict.fromkeys(("cou", "sum", "累计", "累计值", "排放量"), "Cou"),
    }
)
REASONS: Mapping[str, Text] = MappingProxyType(
    {
        "not_a_row": Text("这一项不是一行数据", "this is not a row"),
        "station_missing": Text("没有写站点", "no station is named"),
        "station_unknown": Text("园区里没有这个站点或 MN", "the park has no such station or MN"),
        "station_not_yours": Text("这个令牌不能为该站点补传", "this token may not send for that station"),
        "factor_missing": Text("没有写因子", "no factor is named"),
        "factor_unknown": Text("因子不认识：请用 HJ 212 编码", "unknown factor: use its HJ 212 code"),
        "datatime_missing": Text("没有写时间", "no time is given"),
        "datatime_invalid": Text("时间看不懂", "the time cannot be read"),
        "time_ahead": Text("时间在将来", "the time is in the future"),
        "kind_missing": Text(
            "没有写是实时、分钟、小时还是日数据", "real-time, minute, hour or day is not said"
        ),
        "kind_unknown": Text("数据类型不认识", "unknown kind of value"),
        "stat_unknown": Text("统计量不认识", "unknown statistic"),
        "unit_unknown": Text("单位不能换算到该因子的单位", "the unit cannot be turned into the factor's"),
        "flag_unknown": Text("数据标记不在 HJ 212 表 8 中", "the mark is none of HJ 212's"),
        "empty_value": Text("没有数值", "no value"),
        "not_a_number": Text("数值不是数字", "the value is not a number"),
        "nonfinite": Text("数值不是有限的数", "the value is not a finite number"),
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row was not taken. row: as its sender counts; field: what of it is wrong; said: what it said."""

    row: int
    field: str
    reason: str
    said: str = ""

    @property
    def text(self) -> Text:
        """The reason in words."""
        return REASONS[self.reason]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        out = {"row": self.row, "field": self.field, "reason": self.reason, "value": self.said}
        return {**out, "zh": self.text.zh, "en": self.text.en}


class Roll:
    """Whose readings may be: stations by id, MN or name."""

    def __init__(self, park: Park) -> None:
        self._mns: dict[str, str] = {}
        twice: set[str] = set()
        for station in park.stations:
            names = {fold(x) for x in (station.id, station.mn, station.name.zh, station.name.en)}
            for name in names:
                if self._mns.setdefault(name, station.mn) != station.mn:
                    twice.add(name)
        for name in twice:
            del self._mns[name]

    def mn(self, text: str) -> str | None:
        """Return the MN a text names; None where it names none, or more than one."""
        return self._mns.get(fold(text))


def fold(text: object) -> str:
    """Return a text as names are compared: no case, no blanks, plain letters."""
    return unicodedata.normalize("NFKC", str(text)).casefold().replace(" ", "").replace("_", "")


def factor_of(text: object) -> tuple[str, str] | None:
    """Return code and unit that a factor's name or a column's head says; None where it names none.

    Examples
    --------
    >>> factor_of("COD（mg/L）")
    ('w01018', 'mg/L')
    """
    plain = unicodedata.normalize("NFKC", str(text)).strip()
    if fold(plain) in _names():
        return _names()[fold(plain)], ""
    match = _UNIT.fullmatch(plain)
    if match is None or fold(match[1]) not in _names():
        return None
    return _names()[fold(match[1])], match[2].strip()


@cache
def _names() -> MappingProxyType[str, str]:
    """Every way to name a factor; where water and air share a name it is the water's."""
    names: dict[str, str] = {}
    for one in sorted(known(), key=lambda f: not f.code.startswith("w")):
        for name in (one.code, one.name.zh, one.name.en, one.short.zh, one.short.en):
            names.setdefault(fold(name), one.code)
    return MappingProxyType(names)


def read_row(entry: Mapping[str, Any], roll: Roll, now_ms: int, row: int) -> Row | Fault:
    """Read one row.

    Parameters
    ----------
    entry : mapping
        station or mn (id, MN or name), factor (code or name), time, value, kind; if need be flag, stat, unit.
    now_ms : int
        Epoch milliseconds: nothing is taken for a later moment.
    row : int
        How the sender counts it.
    """

    def fault(field: str, reason: str) -> Fault:
        return Fault(row, field, reason, str(entry.get(field, ""))[:SHOWN])

    found = _series(entry, roll)
    if isinstance(found, tuple) and not isinstance(found, Series):
        return fault(*found)
    if _empty(entry.get("time")):
        return fault("time", "datatime_missing")
    at_ms = moment_ms(entry["time"])
    if at_ms is None:
        return fault("time", "datatime_invalid")
    if at_ms > now_ms + AHEAD_MS:
        return fault("time", "time_ahead")
    number, why = number_of(entry.get("value"))
    if why:
        return fault("value", why)
    times = multiple(str(entry.get("unit") or ""), found.factor)
    if times is None:
        return fault("unit", "unit_unknown")
    flag = str(entry.get("flag") or "").strip().upper()
    if flag and flag not in MARKS:
        return fault("flag", "flag_unknown")
    return found, at_ms, number * times, ord(flag) if flag else 0


def _series(entry: Mapping[str, Any], roll: Roll) -> Series | tuple[str, str]:
    """Return what a row is a value of, or the field that does not say it and why."""
    named = entry.get("station") or entry.get("mn")
    if _empty(named):
        return "station", "station_missing"
    mn = roll.mn(str(named))
    if mn is None:
        return "station", "station_unknown"
    if _empty(entry.get("factor")):
        return "factor", "factor_missing"
    code = factor_of(entry["factor"])
    if code is None:
        return "factor", "factor_unknown"
    if _empty(entry.get("kind")):
        return "kind", "kind_missing"
    kind = _KINDS.get(fold(entry["kind"]))
    if kind is None:
        return "kind", "kind_unknown"
    said = entry.get("stat")
    stat = usual_stat(kind) if _empty(said) else _STATS.get(fold(said))
    if stat is None:
        return "stat", "stat_unknown"
    return Series(mn, code[0], kind, stat)


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value != value
