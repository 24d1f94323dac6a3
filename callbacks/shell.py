"""The frame around every page, and the contract by which a page joins it.

A page is one module with `register(app, web)`. It adds itself to `web.pages` and its callbacks to `app`
(`app.callback`, never the global `dash.callback`)::

    from callbacks.pages import Page, Visit, Web, in_thread, reader_lang

    def register(app: Dash, web: Web) -> None:
        web.pages.add(Page("/emergency", Text("应急", "Emergency"), partial(layout, web), theme="dark"))

        @app.callback(Output(...), Input(...))
        @in_thread
        def _(…):
            return plain_tested_function(web, …)

`layout(web, visit)` is called for each visit; `visit.lang` is the reader's language, `visit.rest` what
follows the page's own path ("/enterprise/E07" -> "E07"), `visit.query` the query. Inside callbacks use
`reader_lang()`.

What a page gets from the frame
-------------------------------
`ids.REVISION` (dcc.Store, {"revision": str, "incidents": [open ids]}) changes when an incident, ranking, plan
or command changed in the records: the one Input for "read the records again". Nothing faster comes through
Dash.

Elements the live script (assets/live.js) keeps up to date by themselves, wherever a page puts them:

=============================== ===========================================================================
attribute                       what is written
=============================== ===========================================================================
data-live="kpi.online"          text: a member of the live KPIs (callbacks/live.py); `data-unit` is appended
data-live-point="S33/w01018"    text: the point's value; `data-decimals`; and data-lv of the same element
data-live-level="S33/w01018"    data-lv of the element: the point's level
data-live-station="S33"         data-lv of the element: the station's level
data-live-gate="G05"            data-gate (open, part, closed, moving, failed, unknown) and data-pct
data-clock="time|date|datetime" text: park time now
data-countdown="<park ms>"      text "00:12:24" to that moment; is-soon below 5 min, is-over when past
data-since="<park ms>"          text: time gone since ("15 分 32 秒")
=============================== ===========================================================================

`glyph("alarm")` is the level's symbol; `data-lv` on any `.lv` changes it. `pages.data(live_gate="G05")`
writes such attributes. In page scripts `twin.live.on(fn)` calls `fn(kind, message)` with kind "snapshot",
"delta", "link" ("up", "stale") or "park" ({before, now}: the park has another version); `twin.live.now()` is
park time in ms; `twin.number`, `twin.span`, `twin.hhmm` write values, times gone and moments. CSS: tokens.css
(tokens and base), shell.css (frame, .btn .h .tag .num .hatch), map.css. A page adds its own `<page>.css` and
`<page>.js` in assets/ and prefixes its classes with its name.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from callbacks import drill, guide, ids, login, plume_words, replay
from callbacks.pages import Page, Visit, Web, data, in_thread, reader_lang
from geodata import locales, zone
from geodata.words import LANGS, Lang, Text, after, as_lang

BRAND_SUB = Text("水环境数字孪生", "Water twin")
MISSING = Text("没有这一页", "There is no such page")
WORDS: dict[str, Text] = {
    "age": Text("数据 {n}前", "Data {n} ago"),
    "waiting": Text("正在连接，已 {n}", "Connecting, {n}"),
    "down": Text("连接中断 {n}，数值已停更", "Link down for {n}; values are old"),
    "stream": Text("数据流中断 {n}，数值已停更", "No data for {n}; values are old"),
    "pending": Text("正在办理，已 {n} 秒", "Working on it, {n} s"),
    "unanswered": Text(
        "没有收到答复，刚才按的可能没有办成：请先看页面现状，再按一次",
        "No answer came: what you last pressed may not have been done. Look at the page, then press it again",
    ),
    "signin": Text(
        "没有登录或登录已过期，刚才按的没有办：请先登录",
        "You are not signed in, or no longer: what you last pressed was not done. Sign in first",
    ),
    "refused": Text("没有办成：{why}", "Not done: {why}"),
    "signin.go": Text("登录", "Sign in"),
    "s": Text("{n} 秒", "{n} s "),
    "min": Text("{n} 分", "{n} min "),
    "h": Text("{n} 时", "{n} h "),
    "d": Text("{n} 天", "{n} d "),
    "over": Text("已过", "past"),
    "date": Text("{m} 月 {d} 日 {w}", "{w} {d} {mon}"),
    "weekdays": Text("周日 周一 周二 周三 周四 周五 周六", "Sun Mon Tue Wed Thu Fri Sat"),
    "months": Text("1 2 3 4 5 6 7 8 9 10 11 12", "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
    "park.new": Text(
        "园区资料已换成版本 {v}，地图已更新", "The park is now version {v}; the map is up to date"
    ),
    "park.again": Text("刷新本页", "Reload the page"),
    "park.close": Text("知道了", "Close"),
    "north": Text("北", "N"),
    "nearer": Text("放大", "Zoom in"),
    "farther": Text("缩小", "Zoom out"),
    "whole": Text("全园（H）", "Whole park (H)"),
    "measure": Text("测量（M）", "Measure (M)"),
    "measure.begin": Text("在图上点出线", "Click along a line"),
    "measure.length": Text("长 {n}", "length {n}"),
    "measure.area": Text("围成 {n}", "encloses {n}"),
    "measure.keys": Text(
        "双击结束，退格去掉一点，Esc 退出", "Double click ends, Backspace undoes, Esc leaves"
    ),
    "picture": Text("存为图片（P）", "Save a picture (P)"),
    "picture.stations": Text("监测站点", "Stations"),
    "picture.layers": Text("图层", "Layers"),
    "picture.moment": Text("园区时间 {n}", "Park time {n}"),
    "picture.drill": Text("演练，不是真实园区", "A drill, not the real park"),
    "picture.past": Text("回放的过去时刻", "A past moment, replayed"),
    "picture.stale": Text("数据已停更", "values are old"),
    "picture.source": Text("来源：园区资料版本 {v}，WGS 84", "Source: park version {v}, WGS 84"),
    "moving": Text("动作 {n}%", "moving {n}%"),
    "closed": Text("关", "closed"),
    "failed": Text("故障", "failed"),
    "level.offline": Text("离线", "offline"),
    "level.normal": Text("正常", "normal"),
    "level.watch": Text("关注", "watch"),
    "level.warning": Text("预警", "warning"),
    "level.alarm": Text("报警", "alarm"),
    "level.critical": Text("严重", "critical"),
    **replay.WORDS,
    **plume_words.WORDS,
}
"""What the scripts in assets/ say; a page may add its own before the first visit."""


def glyph(level: str, title: str = "", **values: str) -> html.I:
    """Return a level's symbol; `level` is normal, watch, warning, alarm, critical, offline or sim.

    More data attributes may be given: ``glyph("offline", live_station="S33")`` follows the station.
    """
    named = {"role": "img", "aria-label": title} if title else {"aria-hidden": "true"}
    return html.I(className="lv", **(data(lv=level, **values) | named))


def frame(web: Web, lang: Lang) -> Component:
    """Return what stands around every page."""
    words = {key: text.say(lang) for key, text in WORDS.items()} | _forms(lang)
    return html.Div(
        [
            dcc.Location(id=ids.URL, refresh="callback-nav"),
            dcc.Store(id=ids.ROUTE),
            dcc.Store(id=ids.ROUTE_SHOWN),
            dcc.Store(id=ids.REVISION),
            _header(web, lang),
            drill.bar(lang),
            html.Main(id=ids.CONTENT, className="content"),
            replay.bar(lang),
            html.Div(id="link-banner", className="link-banner", role="status"),
            html.Div(id="park-note", className="park-note", role="status"),
            html.Div(id="asked-note", className="park-note asked-note", role="alert"),
            guide.card(lang),
        ],
        id="shell",
        className="shell",
        **data(words=json.dumps(words, ensure_ascii=False), lang=lang),
    )


def _forms(lang: Lang) -> dict[str, str]:
    """Return the zone and the signs with which scripts write times and numbers."""
    signs = locales.signs(lang)
    forms = {"zone": zone.label(zone.here()), "decimal": signs["."], "thousands": signs[","]}
    if lang not in LANGS:
        forms |= {"months": " ".join(locales.months(lang)), "weekdays": " ".join(locales.weekdays(lang))}
    return forms


def _header(web: Web, lang: Lang) -> Component:
    brand = [html.B(web.park.name.say(lang)), html.Span(BRAND_SUB.say(lang), className="brand-sub")]
    nav = [
        html.Span(
            [dcc.Link(page.name.say(lang), href=page.path, className="nav-a"), *_badge(page)],
            className="nav-i",
            **data(path=page.path),
        )
        for page in web.pages.all()
        if page.nav
    ]
    return html.Header(
        [
            dcc.Link(brand, href="/", className="brand"),
            html.Nav(nav, className="nav"),
            html.Div(id=ids.HEADER, className="header-slot"),
            html.Div(_header_right(lang), className="top-r"),
        ],
        className="top",
    )


def _badge(page: Page) -> list[Component]:
    """The number of open incidents beside the page that deals with them."""
    return [html.Span(className="cnt", **data(live="kpi.open"))] if page.path == "/emergency" else []


def _header_right(lang: Lang) -> list[Component]:
    other, name = after(lang)
    return [
        drill.badge(lang),
        replay.button(lang),
        guide.button(lang),
        html.Span([glyph("offline"), html.Span(className="age-text")], className="age", id="age"),
        html.Span(className="date", **data(clock="date")),
        html.B(className="clock", **data(clock="time")),
        _who(lang),
        html.Button(
            "中" if other == "zh" else other[:2].upper(),
            className="icon-btn",
            title=name,
            **data(set_lang=other),
        ),
        html.Button(
            className="icon-btn theme-btn",
            title=Text("明暗", "Light or dark").say(lang),
            **data(set_theme="next"),
        ),
    ]


def _who(lang: Lang) -> Component:
    """Who is signed in, with the way out; the way in for a visitor."""
    person = login.reader()
    if person is None:
        return html.Span(html.A(login.TITLE.say(lang), href="/login"), className="who")
    out = html.Form(html.Button(login.OUT.say(lang), type="submit"), action="/logout", method="post")
    name = person.display.say(lang)
    return html.Span([html.Span(name, title=name), out], className="who")


def visit_of(path: str, search: str, lang: Lang) -> Visit:
    """Read an address."""
    return Visit(path, "", dict(parse_qsl((search or "").lstrip("?"))), lang)


def show(web: Web, path: str, search: str, lang: Lang) -> tuple[Any, Any, dict[str, str]]:
    """Return content, header middle and route of an address."""
    page, rest = web.pages.find(path or "/")
    if page is None:
        missing = html.Div(MISSING.say(lang), className="empty-page")
        return missing, None, {"path": path, "theme": "dark", "scale": "desk", "title": ""}
    visit = Visit(page.path, rest, visit_of(path, search, lang).query, lang)
    title = f"{page.name.say(lang)} · {web.park.name.say(lang)}"
    route = {"path": page.path, "theme": page.theme, "scale": page.scale, "title": title}
    return page.layout(visit), page.header(visit) if page.header else None, route


def register(app: Dash, web: Web) -> None:
    """Connect the frame: addresses to pages, the drill bar to the commands stream."""

    @app.callback(
        Output(ids.CONTENT, "children"),
        Output(ids.HEADER, "children"),
        Output(ids.ROUTE, "data"),
        Input(ids.URL, "pathname"),
        State(ids.URL, "search"),
    )
    @in_thread
    def _show(path: str, search: str) -> Any:
        return show(web, path, search, reader_lang(as_lang(web.config.lang)))

    app.clientside_callback(  # type: ignore[no-untyped-call]
        "function(route) { return window.twin.onRoute(route); }",
        Output(ids.ROUTE_SHOWN, "data"),
        Input(ids.ROUTE, "data"),
    )
    drill.register(app, web)
