"""一张图: the whole park on one map; find it, click it, see its values, follow its water by hand."""

from __future__ import annotations

from functools import partial
from typing import Any

import dash
from dash import ALL, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from callbacks import about, card, exports, ids, notice, query
from callbacks.pages import Page, Visit, Web, clicked, data, in_thread, reader_lang, reader_theme
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
BASE = Text("底图（{datum}）", "Base map ({datum})")
SEARCH = Text("企业、排口、MN、闸", "Name, outlet, MN, gate")


def layout(web: Web, visit: Visit) -> Component:
    """Return the page.

    `?obj=station/S33` opens on that place, `?view=120.13,33.05,14.5` (longitude, latitude, zoom) on that
    view, `?way=up&from=S33&bars=G05` with that question answered.
    """
    lang, asked = visit.lang, query.Ask.of(visit.query)
    return html.Div(
        [
            html.Aside(
                [
                    _search(lang),
                    *_tree(lang, web.config.tiles_datum),
                    _levels(lang),
                    exports.links(web, lang),
                ],
                className="atlas-side",
            ),
            html.Div(
                [
                    park_map(
                        MAP,
                        version=web.park.version,
                        lang=lang,
                        pad=(40, 40, 40, 40),
                        tiles=web.config.tiles_datum,
                        base=web.base.about if web.base else None,
                        tools=True,
                    ),
                    html.Div(id="atlas-notice", className="atlas-notice"),
                    html.Div(id="atlas-profile", className="atlas-profile"),
                    html.Div(
                        [
                            html.Div(id="atlas-query", className="atlas-query"),
                            html.Div(id="atlas-card", className="atlas-card"),
                        ],
                        className="atlas-right",
                    ),
                    dcc.Store(id=query.ASK, data=asked.data() if asked else None),
                ],
                className="atlas-map",
            ),
        ],
        className="atlas",
        id="atlas",
        **data(open=visit.query.get("obj", ""), view=visit.query.get("view", "")),
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


def _tree(lang: Lang, tiles: str = "") -> list[Component]:
    """The switches of the layers; with a base map one more, which also says in which datum it is drawn."""
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
        if tiles and layers[0][0] == "enterprise":
            rows.append(
                html.Button(
                    [html.I(className="key key-scenery"), html.Span(BASE.fill(datum=tiles).say(lang))],
                    className="atlas-layer",
                    **(data(map_layer="basemap", map=MAP) | {"aria-pressed": "false"}),
                )
            )
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
    title = Text("站点级别", "Station levels")
    head = html.H3([title.say(lang), about.mark(title, lang), html.Em(online)], className="h")
    return html.Section([head, html.Ul(rows)], className="atlas-group atlas-levels")


def register(app: Dash, web: Web) -> None:
    """Add the page and its callbacks."""
    web.pages.add(Page("/atlas", Text("一张图", "Atlas"), partial(layout, web)))
    default = as_lang(web.config.lang)

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
        pressed = clicked()
        if not pressed:
            return dash.no_update
        return notice.drawing(web, pressed["incident"], reader_lang(default))

    @app.callback(
        Output("atlas-curve", "children"),
        Input({"type": "atlas-factor", "station": ALL, "factor": ALL}, "n_clicks"),
        State({"type": "atlas-factor", "station": ALL, "factor": ALL}, "id"),
    )
    @in_thread
    def _curve(clicks: list[int | None], shown: list[dict[str, str]]) -> Any:
        if not shown:
            return dash.no_update
        pressed = clicked()
        chosen = pressed or max(
            shown, key=lambda it: web.live.board.level(Point(it["station"], it["factor"]))
        )
        return card.curve(web, chosen["station"], chosen["factor"], reader_lang(default), reader_theme())

    _questions(app, web)


def _questions(app: Dash, web: Web) -> None:
    """Callbacks of what is asked by hand: a press on the map, a button, an answer."""
    default = as_lang(web.config.lang)
    waters = query.Waters(web)

    @app.callback(
        Output("atlas-card", "children"),
        Output(query.ASK, "data", allow_duplicate=True),
        Input(pick_id(MAP), "data"),
        State(query.ASK, "data"),
        prevent_initial_call=True,
    )
    @in_thread
    def _open(pick: dict[str, Any] | None, asked: dict[str, Any] | None) -> Any:
        now = query.picked(query.Ask.of(asked), pick)
        if now is not None:
            return dash.no_update, now.data()
        return card.card(web, pick or {}, reader_lang(default)), dash.no_update

    @app.callback(
        Output(query.ASK, "data", allow_duplicate=True),
        Input({"type": "atlas-follow", "way": ALL}, "n_clicks"),
        State(pick_id(MAP), "data"),
        State(query.ASK, "data"),
        prevent_initial_call=True,
    )
    def _ask(clicks: list[int | None], pick: dict[str, Any] | None, asked: dict[str, Any] | None) -> Any:
        pressed = clicked()
        if not pressed or not pick or not pick.get("node"):
            return dash.no_update
        before = query.Ask.of(asked)
        way, bars = pressed["way"], before.bars if before else ()
        return query.Ask(way, str(pick["id"] or pick["node"]), "", bars).data()

    @app.callback(
        Output(query.ASK, "data", allow_duplicate=True),
        Input({"type": "atlas-bar", "id": ALL}, "n_clicks"),
        State(query.ASK, "data"),
        prevent_initial_call=True,
    )
    def _free(clicks: list[int | None], asked: dict[str, Any] | None) -> Any:
        now = query.Ask.of(asked)
        pressed = clicked()
        if not pressed or now is None:
            return dash.no_update
        return now.toggled(pressed["id"]).data()

    @app.callback(
        Output("atlas-query", "children"),
        Output("atlas-profile", "children"),
        Output(draw_id(MAP), "data"),
        Input(query.ASK, "data"),
        Input(ids.REVISION, "data"),
    )
    @in_thread
    def _answer(asked: dict[str, Any] | None, _revision: Any) -> Any:
        now = query.Ask.of(asked)
        if now is None:
            return None, None, dash.no_update  # what else is drawn there stays; the script clears the map
        lang, network = reader_lang(default), waters.now()
        found = query.answer(web, network, now, lang)
        return (
            query.panel(web, network, now, found, lang),
            query.section(web, network, found, lang, reader_theme()),
            query.drawing(web, network, now, found, lang),
        )
