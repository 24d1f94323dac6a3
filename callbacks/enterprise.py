"""企业: every enterprise in one sortable table, and one enterprise's screen beside it."""

from __future__ import annotations

from functools import partial
from typing import Any

import dash
import dash_ag_grid as dag
from dash import ALL, Dash, Input, Output, State, dcc, html

from callbacks import (
    firm_month,
    firm_screen,
    ids,
    panel,
)
from callbacks.pages import Page, Visit, Web, in_thread, reader_lang, reader_theme
from geodata.places import Park
from geodata.words import Lang, Text, as_lang
from layers.map import park_map, view_id
from twin.errors import UnavailableError

PATH = "/enterprise"
NAME = Text("企业", "Enterprises")
MAP = "enterprise-map"
AGAIN_MS = 60_000

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
        column("level", Text("", ""), width=36, cellRenderer="EnLevel", headerTooltip=level),
        column("name", Text("企业", "Enterprise"), flex=1, minWidth=132, tooltipField="name"),
        column("trade", Text("行业", "Trade"), flex=1, minWidth=80, cellClass="mut", tooltipField="trade"),
        column("cod", Text("COD 负荷 %", "COD load %"), width=112, cellRenderer="EnLoad"),
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
        html.Div(firm_screen.counting(lang), id="en-cards", className="en-cards"),
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
            lang = reader_lang(as_lang(web.config.lang))
            return firm_screen.rows(web.park.enterprises, firm_screen.counted(web)[1], lang)
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
            shown = firm_screen.screen(web, id or "", at or "", lang, reader_theme("light"))
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
            return firm_screen.month(web, id or "", (others or [])[: firm_month.MOST - 1], view, lang)
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
