"""One enterprise's screen: what it is made of, read from readings, records and the park."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from callbacks import (
    as_of,
    dossier,
    firm_cards,
    firm_month,
    firm_panels,
    firm_values,
    firms,
    login,
    panel,
    prints,
)
from callbacks.firms import Firm
from callbacks.pages import Theme, Web
from geodata.crs import to_lonlat
from geodata.places import Enterprise, Park
from geodata.words import Lang, Text
from layers import charts
from layers.style import LEVEL_WORDS
from twin.access import Act
from twin.clock import as_ms
from twin.curves import EMPTY
from twin.factors import factor
from twin.fingerprints import Print, held, latest
from twin.limits import Limit
from twin.model import Incident

WINDOW_H = 24.0
COUNTED_MS = 60_000  # so long a count stands, unless an incident or an anomaly changes
SIDE_M = 420.0
"""Half the side of what the small map shows around an enterprise, metres."""


def counted(web: Web) -> tuple[firms.Day, dict[str, Firm]]:
    """Read the last day of readings and count every enterprise, once a minute for all who look.

    Raises
    ------
    UnavailableError
        History or records are away.
    """
    now_ms = as_ms(dossier.moment(web.stream).now)
    key = (web.park.version, as_of.moment(), now_ms // COUNTED_MS, web.live.facts.revision)

    def count() -> tuple[firms.Day, dict[str, Firm]]:
        today = firms.day(web.history, now_ms, WINDOW_H)
        return today, firms.count(web.park, today, web.records.anomalies(limit=1000), web.rules)

    return web.counts.get(key, count)


def rows(enterprises: Sequence[Enterprise], counts: Mapping[str, Firm], lang: Lang) -> list[dict[str, Any]]:
    """Return the table, worst first: one row an enterprise, None where there is no data."""
    found = []
    order = sorted(enterprises, key=lambda e: (counts[e.id].level, counts[e.id].cod or 0.0), reverse=True)
    for firm in order:
        count = counts[firm.id]
        level = count.level
        sent = count.transfer.effective if count.transfer else None
        found.append(
            {
                "id": firm.id,
                "level": int(level),
                "word": level.name.lower(),
                "says": LEVEL_WORDS[level].say(lang),
                "name": firm.short.say(lang),
                "trade": firm.trade.say(lang),
                "cod": None if count.cod is None else round(count.cod * 100, 1),
                "codLevel": count.level_of(count.cod).name.lower(),
                "none": Text("无在线排口", "no live outlet").say(lang)
                if count.transfer is None
                else Text("读数不足", "no readings").say(lang),
                "nh3n": None if count.nh3n is None else round(count.nh3n * 100, 1),
                "sent": None if sent is None else round(sent * 100, 1),
                "over": count.exceedances,
                "permit": firm.permit_no,
            }
        )
    return found


def worst(counts: Mapping[str, Firm]) -> str:
    """Return the enterprise to open on: the worst level, then the largest load."""
    return max(counts.values(), key=lambda f: (f.level, f.cod or 0.0)).id


def points(web: Web, firm: str, today: firms.Day) -> list[firm_panels.Point]:
    """Return every factor of every station of an enterprise, with its curve."""
    return [
        firm_panels.Point(s, code, web.limits.of(s.id, code), today.curve(s.mn, code))
        for s in web.park.stations
        if s.enterprise == firm
        for code in s.factors
    ]


def library(web: Web, firm: str) -> tuple[int, list[Print]]:
    """Return the version of the fingerprint library, 0 where there is none, and an enterprise's prints."""
    found = latest(web.records)
    return found.version if found else 0, [p for p in held(web.park, found) if p.enterprise == firm]


def suspected(web: Web, firm: str, most: int = 20) -> list[tuple[Incident, int, float]]:
    """Return the incidents an enterprise stands among the first three suspects of, with rank and share."""
    found = []
    for incident in web.records.incidents(limit=most):
        ranking = web.records.ranking(incident.id)
        for rank, suspect in enumerate(ranking.suspects[:3] if ranking else (), start=1):
            if suspect.enterprise == firm:
                found.append((incident, rank, suspect.probability))
    return found


def chart(
    point: firm_panels.Point | None, today: firms.Day, now_ms: int, theme: Theme, lang: Lang
) -> tuple[Any, Any]:
    """Return the title and the figure of the last day of one point."""
    empty = Text("没有在线监测点", "No monitored point")
    window = (now_ms - int(WINDOW_H * 3_600_000), now_ms)
    if point is None:
        return panel.heading(empty, lang), charts.curve(
            charts.Line(EMPTY.at_ms, EMPTY.value),
            factor("w01018"),
            window,
            interval_s=60.0,
            lang=lang,
            theme=theme,
        )
    what = factor(point.factor)
    curve = point.curve.downsample(1200)
    limit: Limit | None = point.limit
    title = Text("{s} {f}，近 24 小时", "{s} {f}, last 24 h").fill(s=point.station.name, f=what.short)
    source = limit_source(limit).say(lang)
    line = charts.Line(curve.at_ms, curve.value, limit.low if limit else None, limit.high if limit else None)
    figure = charts.curve(
        line,
        what,
        window,
        interval_s=today.interval_s,
        lang=lang,
        theme=theme,
    )
    return panel.heading(title, lang, f"{what.unit} · {source}"), figure


def limit_source(limit: Limit | None) -> Text:
    """Say where a limit comes from: a standard by its number, or the park's own contract."""
    if limit is None:
        return Text("无限值", "no limit")
    if limit.standard.startswith("permit"):
        return Text("纳管合同限值", "sewer contract")
    return Text(limit.standard, limit.standard)


def chosen_point(found: Sequence[firm_panels.Point], key: str) -> firm_panels.Point | None:
    """Return the point a reader chose; COD, or the first, where the choice is not of this enterprise."""
    by_key = {f"{p.station.id}/{p.factor}": p for p in found}
    if key in by_key:
        return by_key[key]
    return next((p for p in found if p.factor == firms.COD), found[0] if found else None)


def screen(web: Web, id: str, at: str, lang: Lang, theme: Theme) -> dict[str, Any]:
    """Return one enterprise's screen: the children of every part, the figure, the view of the map.

    Raises
    ------
    UnavailableError
        History or records are away.
    KeyError
        There is no such enterprise.
    """
    today, counts = counted(web)
    firm = web.park.enterprise(id or worst(counts))
    count = counts[firm.id]
    found = points(web, firm.id, today)
    point = chosen_point(found, at)
    stations = [s for s in web.park.stations if s.enterprise == firm.id]
    mine = {s.id for s in stations}
    anomalies = [a for a in web.records.anomalies(limit=1000) if a.point.station in mine]
    now = dossier.moment(web.stream).now
    fresh = sum(
        len(p.curve.at_ms) > 0 and as_ms(now) - p.curve.at_ms[-1] < firm_month.FRESH_MS for p in found
    )
    week = firm_values.read(web.history, stations, as_ms(now), web.rules)
    table = firm_values.rate_table(stations, week, as_ms(now), web.rules, lang)
    title, figure = chart(point, today, as_ms(now), theme, lang)
    key = f"{point.station.id}/{point.factor}" if point else ""
    outlets = [o for o in web.park.outlets if o.enterprise == firm.id]
    version, mine_prints = library(web, firm.id)
    return {
        "en-head": firm_panels.head(
            firm, count.level, lang, may_export=web.access.may(login.reader(), Act.EXPORT)
        ),
        "en-kpis": firm_panels.kpis(count, today.hours, fresh, len(found), lang),
        "en-loads": firm_panels.loads(firm, count, lang, week),
        "en-chart-title": title,
        "en-chart": figure,
        "en-happen": firm_panels.happenings(firm.id, anomalies, suspected(web, firm.id), now, lang),
        "en-outlets": [
            firm_panels.outlets(outlets, found, key, theme, lang),
            prints.of_firm(mine_prints, outlets, found, version, now.date(), lang),
        ],
        "en-quality": firm_panels.quality(stations, web.live.facts.counters, table, lang),
        "view": look(web.park, firm),
    }


def look(park: Park, firm: Enterprise) -> dict[str, Any]:
    """Return the command that shows an enterprise on the small map."""
    west, south = to_lonlat(firm.x - SIDE_M, firm.y - SIDE_M, park.crs)
    east, north = to_lonlat(firm.x + SIDE_M, firm.y + SIDE_M, park.crs)
    box = [float(west), float(south), float(east), float(north)]
    return {"fit": box, "select": {"kind": "enterprise", "id": firm.id}, "at": firm.id}


def counting(lang: Lang) -> Any:
    """Return what stands in the place of a month that is being counted."""
    return panel.waiting(Text("正在统计本月", "Counting the month"), lang, 8)


def month(web: Web, id: str, others: Sequence[str], view: str, lang: Lang) -> tuple[Any, Any]:
    """Return every indicator beside others, and the month's calendar.

    Indicators are counted over the whole trade, so only where they are looked at.

    Raises
    ------
    UnavailableError
        History or records are away.
    KeyError
        There is no such enterprise.
    """
    firm = id or worst(counted(web)[1])
    if view != "all":
        return counting(lang), firm_cards.calendar(firm_month.calendar(web, firm), lang)
    found = firm_month.compare(web, firm, [other for other in others if other != firm])
    return firm_cards.table(web.indicators, found, lang), firm_cards.calendar(found.squares, lang)
