"""一张图: the whole park on one map; find it, click it, see its values, follow its water by hand."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import dash
from dash import ALL, Dash, Input, Output, State, html
from dash.development.base_component import Component

from callbacks import card, follow, ids, notice
from callbacks.pages import Page, Visit, Web, data, in_thread, reader_lang, reader_theme
from callbacks.shell import glyph
from geodata.words import Lang, Text, as_lang
from layers.map import draw_id, park_map, pick_id
from layers.style import LEVEL_WORDS, level_word
from twin.model import Point

MAP = "atlas-map"

GROUPS: tuple[tuple[Text, tuple[tuple[str, Text], ...]], ...] = (
    (
        Text("监测与处置", "Watching and acting"),
        (
            ("station", Text("监测站点", "Stations")),
            ("gate", Text("闸", "Gates")),
            ("outlet", Text("排口", "Outlets")),
            ("receptor", Text("敏感点", "Receptors")),
        ),
    ),
    (
        Text("水网", "Water"),
        (
            ("canal", Text("河道", "Canals")),
            ("flow", Text("水流方向", "Flow direction")),
            ("rain", Text("雨水渠", "Rain channels")),
            ("pipe", Text("污水管", "Wastewater pipes")),
            ("rack", Text("管廊", "Pipe racks")),
        ),
    ),
    (
        Text("园区", "Park"),
        (
            ("enterprise", Text("企业名", "Enterprise names")),
            ("facility", Text("污水厂与泵站", "Works and pumps")),
            ("plot", Text("地块与储罐", "Plots and tanks")),
            ("scenery", Text("海岸与道路", "Coast and roads")),
        ),
    ),
)
SEARCH = Text("企业、排口、MN、闸", "Enterprise, outlet, MN, gate")


def layout(web: Web, visit: Visit) -> Component:
    """Return the page. `?obj=station/S33` opens on that place."""
    lang = visit.lang
    return html.Div(
        [
            html.Aside([_search(lang), *_tree(lang), _levels(lang)], className="atlas-side"),
            html.Div(
                [
                    park_map(MAP, version=web.park.version, lang=lang, pad=(40, 40, 40, 40)),
                    html.Div(id="atlas-notice", className="atlas-notice"),
                    html.Div(id="atlas-card", className="atlas-card"),
                ],
                className="atlas-map",
            ),
        ],
        className="atlas",
        id="atlas",
        **data(open=visit.query.get("obj", "")),
    )


def _search(lang: Lang) -> Component:
    """The search box; the script puts the field in, so that typing never waits for anything."""
    return html.Div(
        [
            html.Div(className="atlas-field"),
            html.Ul(className="atlas-found", hidden=True),
        ],
        className="atlas-search",
        **data(none=Text("没有找到", "Nothing found").say(lang), hint=SEARCH.say(lang)),
    )


def _tree(lang: Lang) -> list[Component]:
    parts: list[Component] = []
    for name, layers in GROUPS:
        rows = [
            html.Button(
                [html.I(className=f"key key-{layer}"), html.Span(text.say(lang))],
                className="atlas-layer",
                **(data(map_layer=layer, map=MAP) | {"aria-pressed": "true"}),
            )
            for layer, text in layers
        ]
        parts.append(html.Section([html.H3(name.say(lang), className="h"), *rows], className="atlas-group"))
    return parts


def _levels(lang: Lang) -> Component:
    """The legend of levels, each with the number of stations at it now."""
    rows = [
        html.Li(
            [
                glyph(level_word(level)),
                html.Span(text.say(lang)),
                html.B(**data(live=f"kpi.levels.{int(level)}")),
            ]
        )
        for level, text in sorted(LEVEL_WORDS.items(), reverse=True)
    ]
    online: Any = [html.Span(**data(live="kpi.online")), " / ", html.Span(**data(live="kpi.total"))]
    head = html.H3([Text("站点级别", "Station levels").say(lang), html.Em(online)], className="h")
    return html.Section([head, html.Ul(rows)], className="atlas-group atlas-levels")


def opened(web: Web, pick: dict[str, Any] | None, lang: Lang) -> Any:
    """Return what stands in the card's place for a pick."""
    made = card.card(web, pick or {}, lang)
    if made is None:
        return None
    kept = json.dumps({"node": (pick or {}).get("node", "")})
    return [made, html.Div(id="atlas-followed", className="atlas-followed", **data(pick=kept))]


def register(app: Dash, web: Web) -> None:
    """Add the page and its callbacks."""
    web.pages.add(Page("/atlas", Text("一张图", "Atlas"), partial(layout, web)))
    default = as_lang(web.config.lang)

    @app.callback(Output("atlas-card", "children"), Input(pick_id(MAP), "data"), prevent_initial_call=True)
    @in_thread
    def _open(pick: dict[str, Any] | None) -> Any:
        return opened(web, pick, reader_lang(default))

    @app.callback(Output("atlas-notice", "children"), Input(ids.REVISION, "data"))
    @in_thread
    def _notice(_revision: Any) -> Any:
        return notice.notice(web, reader_lang(default))

    @app.callback(
        Output(draw_id(MAP), "data", allow_duplicate=True),
        Input({"type": "atlas-show", "incident": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    @in_thread
    def _show(clicks: list[int | None]) -> Any:
        if not any(clicks):
            return dash.no_update
        return notice.drawing(web, dash.ctx.triggered_id["incident"], reader_lang(default))

    @app.callback(
        Output("atlas-curve", "children"),
        Input({"type": "atlas-factor", "station": ALL, "factor": ALL}, "n_clicks"),
        State({"type": "atlas-factor", "station": ALL, "factor": ALL}, "id"),
    )
    @in_thread
    def _curve(clicks: list[int | None], shown: list[dict[str, str]]) -> Any:
        if not shown:
            return dash.no_update
        pressed = dash.ctx.triggered_id if any(clicks) else None
        chosen = pressed or max(
            shown, key=lambda it: web.live.board.level(Point(it["station"], it["factor"]))
        )
        return card.curve(web, chosen["station"], chosen["factor"], reader_lang(default), reader_theme())

    @app.callback(
        Output("atlas-followed", "children"),
        Output(draw_id(MAP), "data"),
        Input({"type": "atlas-follow", "way": ALL}, "n_clicks"),
        State(pick_id(MAP), "data"),
        prevent_initial_call=True,
    )
    @in_thread
    def _follow(clicks: list[int | None], pick: dict[str, Any] | None) -> Any:
        if not any(clicks) or not pick or not pick.get("node"):
            return dash.no_update, dash.no_update
        return follow.follow(web, pick["node"], dash.ctx.triggered_id["way"], reader_lang(default))
