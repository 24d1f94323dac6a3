"""What is told of one point, as tables: hours, days, readings with those replaced since; saved as files."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from fastapi import FastAPI, Request
from starlette.responses import Response

from callbacks import export, login, wording
from callbacks.export import Table
from geodata.places import Station
from geodata.words import Lang, Text, as_lang
from twin.access import Act
from twin.clock import as_datetime
from twin.curves import Versions
from twin.errors import UnavailableError
from twin.factors import factor
from twin.history.columns import DAY_MS, ZONE_MS
from twin.quality import point
from twin.quality.doubts import Suspect
from twin.quality.hours import FLOW, Hours, Verdict
from twin.quality.point import PointValues

if TYPE_CHECKING:
    from callbacks.pages import Web

PATH = "/readings"
DAYS = (1, 7, 30)
VERDICTS: dict[Verdict, Text] = {
    Verdict.VALID: Text("有效", "valid"),
    Verdict.NO_FLOW: Text("无排放", "no discharge"),
    Verdict.MARKED: Text("仪器标记", "marked by the logger"),
    Verdict.IMPOSSIBLE: Text("超出量程", "outside the range"),
    Verdict.TOO_FEW: Text("数据不足", "too few values"),
    Verdict.MISSING: Text("缺失", "missing"),
    Verdict.NOT_DUE: Text("无应报", "not due"),
    Verdict.NOT_OVER: Text("未结束", "not over"),
    Verdict.DIFFERS: Text("与数采仪上报值不符", "the logger says otherwise"),
    Verdict.UNPROVEN: Text("核查未通过", "a check failed"),
}
SUSPECTS: dict[Suspect, Text] = {
    Suspect.JUMP: Text("突变", "jump"),
    Suspect.CONSTANT: Text("恒值", "does not move"),
    Suspect.ZERO: Text("零值", "zero while water runs"),
}


def verdict(hours: Hours, i: int, lang: Lang) -> str:
    """Return how one hour is judged, in words: its verdict, and what is odd about a value that counts."""
    said = VERDICTS[Verdict(int(hours.verdict[i]))].say(lang)
    odd = [text.say(lang) for kind, text in SUSPECTS.items() if hours.suspect[i] & kind]
    if not odd:
        return said
    listed = Text("、".join(odd), ", ".join(odd))
    return (
        Text("{said}，待复核：{odd}", "{said}, to be looked at: {odd}").fill(said=said, odd=listed).say(lang)
    )


def address(station: str, code: str, days: int = 1) -> str:
    """Return where a point's readings are shown."""
    return f"{PATH}/{quote(station)}/{quote(code)}/{days}"


def file_address(station: str, code: str, days: int, name: str, lang: Lang) -> str:
    """Return where a point's readings are saved from: `readings.csv`, `hours.csv`, `days.csv`, `all.xlsx`."""
    return f"/export/{quote(station)}/{quote(code)}/{days}/{name}?lang={lang}"


def since(now_ms: int, days: int) -> int:
    """Return the local midnight from which so many days are told, this one and whole ones before it."""
    midnight = (now_ms + ZONE_MS) // DAY_MS * DAY_MS - ZONE_MS
    return midnight - max(days - 1, 1) * DAY_MS


def asked(web: Web, station_id: str, code: str, days: int) -> tuple[Station, PointValues, Versions]:
    """Read a point's values and every real-time reading.

    Raises
    ------
    KeyError
        There is no such point.
    UnavailableError
        The history is away.
    """
    station = web.park.station(station_id)
    if code not in station.factors:
        raise KeyError(code)
    to_ms = web.live.now_ms()
    from_ms = since(to_ms, days)
    found = point.read(
        web.history,
        station.mn,
        code,
        metered=FLOW in station.factors,
        interval_s=station.interval_s,
        from_ms=from_ms,
        to_ms=to_ms,
        rules=web.rules,
        station=station.id,
    )
    return station, found, web.history.versions(station.mn, code, from_ms, to_ms)


def tables(station: Station, code: str, found: PointValues, every: Versions, lang: Lang) -> list[Table]:
    """Return what is told of a point, as tables of a file."""
    it, h = factor(code), found.hours
    unit = f" ({it.unit})" if it.unit else ""
    value = Text(f"数值{unit}", f"value{unit}")
    local = [wording.local(as_datetime(ms)) for ms in h.start_ms.tolist()]
    counts = zip(h.due.tolist(), h.received.tolist(), h.valid.tolist(), strict=True)
    said = [verdict(h, i, lang) for i in range(len(h))]
    bounds = zip(_known(h.value), _known(h.low), _known(h.high), strict=True)
    who = (station.id, station.name.say(lang), code, it.name.say(lang))
    hour_rows = [
        (*who, at, v, low, high, *n, s)
        for at, (v, low, high), n, s in zip(local, bounds, counts, said, strict=True)
    ]
    names = (Text("站点", "station"), Text("名称", "name"), Text("因子", "factor"), Text("名称", "name"))
    low, high = Text("最小", "least"), Text("最大", "greatest")
    due, received, valid = Text("应报", "due"), Text("收到", "received"), Text("有效", "valid")
    reason = Text("判定", "verdict")
    day_rows = [
        (*who, wording.local(as_datetime(d.start_ms)), d.value, d.due, d.valid, VERDICTS[d.verdict].say(lang))
        + ((d.kg, d.replaced_kg) if d.weighted else (None, None))
        for d in found.days
    ]
    kg, instead = Text("负荷 (kg)", "load (kg)"), Text("替代负荷 (kg)", "put in its place (kg)")
    hour, day = Text("小时", "hour"), Text("日", "day")
    return [
        Table(
            "hours",
            Text("小时值", "Hour values"),
            (*names, hour, value, low, high, due, received, valid, reason),
            hour_rows,
        ),
        Table(
            "days",
            Text("日值", "Day values"),
            (*names, day, value, due, valid, reason, kg, instead),
            day_rows,
        ),
        _readings(who, names, value, every, lang),
    ]


def _readings(
    who: tuple[str, ...], names: tuple[Text, ...], value: Text, every: Versions, lang: Lang
) -> Table:
    old = replaced(every)
    head = (
        *names,
        Text("时间", "time"),
        value,
        Text("标记", "mark"),
        Text("收到", "received"),
        Text("被后来的值替换", "replaced by a later value"),
    )
    yes = Text("是", "yes").say(lang)
    rows = [
        (
            *who,
            wording.local(as_datetime(at)),
            v if math.isfinite(v) else None,
            chr(flag) if flag else "",
            wording.local(as_datetime(seen)),
            yes if gone else "",
        )
        for at, v, flag, seen, gone in zip(*(column.tolist() for column in every), old.tolist(), strict=True)
    ]
    return Table("readings", Text("实时读数", "Readings"), head, rows)


def replaced(every: Versions) -> Any:
    """(n,) tell which readings a later one for the same moment has replaced."""
    return np.append(np.diff(every.at_ms) == 0, False)[: len(every.at_ms)]


def _known(column: Any) -> list[float | None]:
    return [v if math.isfinite(v) else None for v in column.tolist()]


TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def routes(server: FastAPI, web: Web) -> None:
    """Add the addresses of files."""

    @server.get("/export/{station}/{code}/{days}/{name}")
    async def _file(
        station: str, code: str, days: int, name: str, request: Request, lang: str = ""
    ) -> Response:
        if refused := login.refusal(web.access, Act.EXPORT, request):
            return refused
        which, _, kind = name.partition(".")
        if kind not in TYPES or days not in DAYS:
            return Response(status_code=404)
        said = as_lang(lang or web.config.lang)
        try:
            body = await asyncio.to_thread(saved, web, station, code, days, which, kind, said)
        except KeyError:
            return Response(status_code=404)
        except UnavailableError as error:
            return Response(str(error), status_code=503)
        headers = {
            "Content-Disposition": f'attachment; filename="{_safe(station)}-{_safe(code)}-{days}d-{name}"'
        }
        return Response(body, media_type=TYPES[kind], headers=headers)


def saved(web: Web, station_id: str, code: str, days: int, which: str, kind: str, lang: Lang) -> bytes:
    """Return a file of a point.

    Raises
    ------
    KeyError
        There is no such point, or no such table.
    UnavailableError
        The history is away.
    """
    station, found, every = asked(web, station_id, code, days)
    made = tables(station, code, found, every, lang)
    if kind == "xlsx":
        return export.as_excel([*made, _notes(web, lang)], lang)
    return export.as_csv({table.key: table for table in made}[which], lang)


def _notes(web: Web, lang: Lang) -> Table:
    rules = web.rules
    rows: list[tuple[export.Cell, ...]] = [
        (name.say(lang), rule.value, rule.cited.say(lang))
        for name, rule in (
            (Text("小时有效份额", "share of an hour"), rules.hour_share),
            (Text("日有效份额", "share of a day"), rules.day_share),
            (Text("月有效份额", "share of a month"), rules.month_share),
            (Text("视为无排放的流量 L/s", "flow up to which nothing is discharged, L/s"), rules.zero_flow),
            (Text("数采仪与平台允许偏差", "logger and platform may differ by"), rules.differs),
            (Text("标准样品核查允许偏差", "a standard sample may be off by"), rules.standard),
            (Text("突变提示", "a jump that wants a look"), rules.jump),
            (Text("恒值提示，小时", "equal hours that want a look"), rules.constant),
            (Text("零值提示，小时", "hours at zero that want a look"), rules.zero),
        )
    ]
    head = (Text("规则", "rule"), Text("数值", "value"), Text("来源", "source"))
    return Table("rules", Text("规则", "Rules"), head, rows)


def _safe(text: str) -> str:
    return "".join(c for c in text if c.isascii() and (c.isalnum() or c in "-_"))
