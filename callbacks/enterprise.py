"""企业: every enterprise in one sortable table, and one enterprise's screen beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import dash
import dash_ag_grid as dag
from dash import ALL, Dash, Input, Output, State, dcc, html

from callbacks import (
    as_of,
    dossier,
    firm_cards,
    firm_month,
    firm_panels,
    firm_values,
    firms,
    ids,
    login,
    panel,
    prints,
)
from callbacks.firms import Firm
from callbacks.pages import Page, Theme, Visit, Web, in_thread, reader_lang, reader_theme
from geodata.crs import to_lonlat
from geodata.places import Enterprise, Park
from geodata.words import Lang, Text, as_lang
from layers import charts
from layers.map import park_map, view_id
from layers.style import LEVEL_WORDS
from twin.access import Act
from twin.clock import as_ms
from twin.curves import EMPTY
from twin.errors import UnavailableError
from twin.factors import factor
from twin.fingerprints import Print, latest, of_park
from twin.limits import Limit
from twin.model import Incident

PATH = "/enterprise"
NAME = Text("企业", "Enterprises")
MAP = "enterprise-map"
WINDOW_H = 24.0
COUNTED_MS = 60_000  # so long a count stands, unless an incident or an anomaly changes
AGAIN_MS = 60_000
SIDE_M = 420.0
"""Half the side of what the small map shows around an enterprise, metres."""

GRID_WORDS = {
    "noRowsToShow": Text("没有企业", "No enterprise"),
    "loadingOoo": Text("正在读取", "Loading"),
    "ariaLabelCellEditor": Text("单元格", "Cell"),
}


def layout(web: Web, visit: Visit) -> Any:
    """Return the page; `/enterprise/E07` opens on that enterprise."""
    lang = visit.lang
    return html.Div(
        [
            dcc.Interval(id="en-again", interval=AGAIN_MS),
            dcc.Store(id="en-id", data=visit.rest),
            dcc.Store(id="en-at", data=visit.query.get("point", "")),
            dcc.Store(id="en-view", data="all" if visit.query.get("view") == "all" else "day"),
            html.Aside([_tools(len(web.park.enterprises), lang), _grid(web.park, lang)], className="en-list"),
            html.Div(_detail(web, lang), className="en-dt", id="en-dt"),
        ],
        className="en",
    )


def _tools(n: int, lang: Lang) -> Any:
    search = dcc.Input(
        id="en-search",
        type="search",
        placeholder=Text("搜索企业、行业、许可证号", "Search name, trade, permit").say(lang),
        className="en-search",
    )
    return html.Div(
        [
            html.H2([NAME.say(lang), html.Span(f" {n}")]),
            search,
            html.Button(Text("导出 CSV", "Export CSV").say(lang), id="en-export", className="btn s"),
        ],
        className="en-tools",
    )


def _grid(park: Park, lang: Lang) -> Any:
    def column(field: str, title: Text, **more: Any) -> dict[str, Any]:
        return {"field": field, "headerName": title.say(lang), **more}

    number = {"cellClass": "num", "headerClass": "num", "sortingOrder": ["desc", "asc", None]}
    plain, tenth = {"function": "EnShow(params.value)"}, {"function": "EnShow(params.value, 1)"}
    level = Text("级别", "Level").say(lang)
    columns = [
        column("level", Text("", ""), width=46, cellRenderer="EnLevel", headerTooltip=level),
        column("name", Text("企业", "Enterprise"), flex=3, minWidth=118, tooltipField="name"),
        column("trade", Text("行业", "Trade"), flex=2, minWidth=56, cellClass="mut", tooltipField="trade"),
        column("cod", Text("COD 负荷 %", "COD load %"), width=118, cellRenderer="EnLoad"),
        column("nh3n", Text("氨氮 %", "NH₃-N %"), width=66, valueFormatter=plain, **number),
        column("sent", Text("传输 %", "Sent %"), width=64, valueFormatter=tenth, **number),
        column("over", Text("超标", "Over"), width=54, **number),
    ]
    return dag.AgGrid(
        id="en-grid",
        columnDefs=columns,
        getRowId="params.data.id",
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True},
        dashGridOptions={
            "theme": {"function": "themeQuartz.withParams(EnLook())"},
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "localeText": {k: v.say(lang) for k, v in GRID_WORDS.items()},
            "rowHeight": 31,
            "headerHeight": 30,
            "suppressCellFocus": False,
        },
        csvExportParams={"fileName": "enterprises.csv"},
        className="en-grid",
        style={"height": "100%", "width": "100%"},
    )


def _detail(web: Web, lang: Lang) -> list[Any]:
    wait = panel.waiting(Text("正在读取", "Reading"), lang, 3)
    small = park_map(
        MAP,
        version=web.park.version,
        lang=lang,
        labels="full",
        pad=(10, 10, 10, 10),
    )
    return [
        html.Div(wait, id="en-head", className="en-head"),
        _views(web.park, lang),
        html.Div(_counting(lang), id="en-cards", className="en-cards"),
        html.Div(id="en-kpis", className="en-kpis"),
        html.Div(id="en-loads", className="en-b1"),
        html.Div(small, className="en-b2"),
        html.Div(
            [
                html.Div(id="en-chart-title"),
                dcc.Graph(
                    id="en-chart", config={"displayModeBar": False, "responsive": True}, className="en-graph"
                ),
            ],
            className="en-b3",
        ),
        html.Div([html.Div(id="en-month"), html.Div(id="en-happen")], className="en-b4"),
        html.Div(id="en-outlets", className="en-b5"),
        html.Div(id="en-quality", className="en-b6"),
    ]


def _views(park: Park, lang: Lang) -> Any:
    """Return the choice between the day's screen and all indicators, and whom to compare with."""
    views = (("day", Text("今日", "Today")), ("all", Text("全部指标与对比", "All indicators, compare")))
    buttons = [
        html.Button(text.say(lang), id={"type": "en-view", "index": key}, className=f"en-tab t-{key}")
        for key, text in views
    ]
    compare = html.Details(
        [
            html.Summary(
                Text("与哪几家对比（至多三家）", "Compare with (three at most)").say(lang), className="btn s"
            ),
            dcc.Checklist(
                id="en-with",
                options=[{"label": e.short.say(lang), "value": e.id} for e in park.enterprises],
                value=[],
                className="en-with",
            ),
        ]
    )
    return html.Div(
        [html.Div(buttons, className="en-tabs"), html.Div(compare, className="en-with-place")],
        className="en-views",
    )


# what is counted ------------------------------------------------------------------------------------------


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
    held = {p.key: p for p in of_park(web.park)} | ({p.key: p for p in found.prints} if found else {})
    return found.version if found else 0, [p for p in held.values() if p.enterprise == firm]


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


def _counting(lang: Lang) -> Any:
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
        return _counting(lang), firm_cards.calendar(firm_month.calendar(web, firm), lang)
    found = firm_month.compare(web, firm, [other for other in others if other != firm])
    return firm_cards.table(web.indicators, found, lang), firm_cards.calendar(found.squares, lang)


# callbacks ------------------------------------------------------------------------------------------------

PARTS = ("en-head", "en-kpis", "en-loads", "en-chart-title", "en-happen", "en-outlets", "en-quality")


def register(app: Dash, web: Web) -> None:
    """Add the page and its callbacks."""
    web.pages.add(Page(PATH, NAME, partial(layout, web), theme="light"))
    _register_table(app, web)
    _register_screen(app, web)
    _register_month(app, web)
    _register_browser(app)


def _register_table(app: Dash, web: Web) -> None:
    @app.callback(Output("en-grid", "rowData"), Input("en-again", "n_intervals"), Input(ids.REVISION, "data"))
    @in_thread
    def _rows(_: Any, __: Any) -> Any:
        try:
            return rows(web.park.enterprises, counted(web)[1], reader_lang(as_lang(web.config.lang)))
        except UnavailableError:
            return dash.no_update


def _register_screen(app: Dash, web: Web) -> None:
    @app.callback(
        *[Output(part, "children") for part in PARTS],
        Output("en-chart", "figure"),
        Output(view_id(MAP), "data"),
        Input("en-id", "data"),
        Input("en-at", "data"),
        Input("en-again", "n_intervals"),
    )
    @in_thread
    def _screen(id: str, at: str, _: Any) -> Any:
        lang = reader_lang(as_lang(web.config.lang))
        try:
            shown = screen(web, id or "", at or "", lang, reader_theme("light"))
        except (UnavailableError, KeyError) as error:
            gone = Text("没有这家企业", "No such enterprise")
            away = Text("历史库没有应答，正在重试", "The history does not answer; trying again")
            text = gone if isinstance(error, KeyError) else away
            return panel.failed(text, lang), *[dash.no_update] * (len(PARTS) + 1)
        move = shown["view"] if dash.ctx.triggered_id in (None, "en-id") else dash.no_update
        return *[shown[part] for part in PARTS], shown["en-chart"], move


def _register_month(app: Dash, web: Web) -> None:
    @app.callback(
        Output("en-cards", "children"),
        Output("en-month", "children"),
        Input("en-id", "data"),
        Input("en-with", "value"),
        Input("en-view", "data"),
        Input("en-again", "n_intervals"),
    )
    @in_thread
    def _month(id: str, others: list[str] | None, view: str, _: Any) -> Any:
        lang = reader_lang(as_lang(web.config.lang))
        try:
            return month(web, id or "", (others or [])[: firm_month.MOST - 1], view, lang)
        except (UnavailableError, KeyError):
            away = Text("历史库没有应答，正在重试", "The history does not answer; trying again")
            return panel.failed(away, lang), dash.no_update


def _register_browser(app: Any) -> None:
    """What the browser does by itself: choice of a row, of a point, of a view, search, export."""
    app.clientside_callback(
        "function(clicks) { const c = window.twin.clicked();"
        " return c ? window.twin.enterprise.view(c.index) : dash_clientside.no_update; }",
        Output("en-view", "data"),
        Input({"type": "en-view", "index": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "function(view) { return 'en-dt v-' + view; }", Output("en-dt", "className"), Input("en-view", "data")
    )
    app.clientside_callback(
        "function(chosen) { return chosen && chosen.length > 3 ? chosen.slice(-3)"
        " : dash_clientside.no_update; }",
        Output("en-with", "value"),
        Input("en-with", "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "function(rows) { return window.twin.enterprise.pick(rows); }",
        Output("en-id", "data"),
        Input("en-grid", "selectedRows"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "function(clicks) { const c = window.twin.clicked();"
        " return c ? c.index : dash_clientside.no_update; }",
        Output("en-at", "data"),
        Input({"type": "en-point", "index": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "function(text, options) { return Object.assign({}, options, { quickFilterText: text || '' }); }",
        Output("en-grid", "dashGridOptions"),
        Input("en-search", "value"),
        State("en-grid", "dashGridOptions"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "function(n) { return !!n; }",
        Output("en-grid", "exportDataAsCsv"),
        Input("en-export", "n_clicks"),
        prevent_initial_call=True,
    )
