"""Versions: every park that was ever put to use, what differs between two of them, and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import dash
from dash import Dash, Input, Output, State, dcc, html

from callbacks import dossier, exports, login, panel, wording
from callbacks.admin_check_view import told
from callbacks.admin_form import Press, button, said, signature
from callbacks.admin_park import NOT_YOURS, PRESENT, Parks, recorded, shared, signed
from callbacks.admin_tab import Tab
from callbacks.admin_words import FIELDS, LAYERS, ROLES, word
from callbacks.pages import Visit, Web, data, in_thread, reader_lang
from geodata import dating
from geodata.places import Park
from geodata.versions import Change, Version, compare
from geodata.words import Lang, Text, as_lang
from layers import marks
from layers.map import draw_id, empty_drawing, park_map
from twin import park_publish
from twin.errors import MissingError, TwinError, UnavailableError
from twin.park_desk import DeskError
from twin.park_publish import Unfit

MAP = "vs-map"
SAVES = 60  # saves listed
LINES = 120  # differences listed of each layer
SUMMED = ("node", "link", "enterprise", "outlet", "gate", "station")


def layout(web: Web, visit: Visit) -> Any:
    """Return the tab; ``&a=<version>&b=<version>`` opens it on a comparison."""
    lang = visit.lang
    shown = {k: visit.query[k] for k in ("a", "b") if k in visit.query}
    back = Text("恢复版本 A", "Restore version A")
    left = html.Div(
        [
            html.Div(id="vs-say", className="af-say"),
            html.Div(panel.waiting(Text("正在读取", "Reading"), lang), id="vs-list"),
            exports.links(web, lang, name="im-part"),
            html.Section(
                [panel.heading(back, lang), signature("restore", back.say(lang), lang)],
                className="vs-restore im-part",
            ),
            html.Div(id="vs-changes"),
        ],
        className="vs-left",
    )
    stores = [dcc.Store(id="vs-act"), dcc.Store(id="vs-show", data=shown), dcc.Store(id="vs-tick")]
    return html.Div(
        [*stores, left, html.Div(id="vs-place", className="vs-place", **data(none=HERE.say(lang)))],
        id="vs",
        className="vs",
        **data(form="vs-act"),
    )


# what is shown ---------------------------------------------------------------------------------------------


def saves(web: Web, shown: Mapping[str, Any], lang: Lang) -> Any:
    """Return every save, the newest first: which, when, who, why, how much, and which two are compared."""
    title = Text("版本", "Versions")
    found = park_publish.store(web.config).list()
    if not found:
        none = Text(
            "还没有保存过版本；现用 {v}。导入或修改后保存，就会从这里开始",
            "Nothing was saved yet; {v} is in use. The first import or mend that is saved begins the list",
        ).fill(v=web.park.version)
        return panel.region(title, lang, [panel.empty(none, lang)], name="im-part")
    heads = ("", "A", "B", *(t.say(lang) for t in HEADS))
    people, pair = _people(web), ab(web, shown)
    using = next((v for v in found if v.version == web.park.version), None)
    rows = [_save(web, v, v is using, pair, people, lang) for v in found[:SAVES]]
    head = html.Thead(html.Tr([html.Th(h, scope="col") for h in heads]))
    note = Text("{a} 对 {b}", "{a} against {b}").fill(a=pair[0], b=pair[1]).say(lang) if pair else None
    listed = html.Table([head, html.Tbody(rows)], className="at")
    return panel.region(title, lang, [html.Div(listed, className="vs-scroll")], note=note)


def _save(
    web: Web, v: Version, using: bool, pair: tuple[str, str] | None, people: Mapping[str, Text], lang: Lang
) -> Any:
    at = wording.local(v.at)

    def choose(which: int, act: str) -> Any:
        on = pair is not None and pair[which] == v.version
        name = Text("用作 {x}", "Take as {x}").fill(x=act.upper()).say(lang)
        return button("●" if on else "○", act, v.version, name="x", title=name)

    cells = [
        html.Td(html.Span(IN_USE.say(lang), className="tag") if using else ""),
        html.Td(choose(0, "a")),
        html.Td(choose(1, "b")),
        html.Td(v.version, className="mono"),
        html.Td(wording.date_hm(at, lang), className="mut"),
        html.Td(people[v.by].say(lang) if v.by in people else v.by or wording.NONE),
        html.Td(FIRST.say(lang) if v.note == park_publish.BEFORE else v.note, className="vs-note"),
        html.Td(_counts(web, v.version, lang), className="mut vs-holds"),
    ]
    return html.Tr(cells)


def _counts(web: Web, version: str, lang: Lang) -> str:
    try:
        found = park_publish.store(web.config).counts(version)
    except (KeyError, ValueError):
        return CHANGED_FILE.say(lang)
    return " · ".join(f"{LAYERS[k].say(lang)} {found[k]}" for k in SUMMED if found.get(k))


def _people(web: Web) -> Mapping[str, Text]:
    try:
        return dossier.users(web.records)
    except UnavailableError:
        return {}


def ab(web: Web, shown: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the two versions that are compared: what was chosen, else the newest and what was before it."""
    found = [v.version for v in park_publish.store(web.config).list()]
    if not found:
        return None
    older = next((v for v in found if v != found[0]), found[0])
    a, b = shown.get("a"), shown.get("b")
    return (a if a in found else older, b if b in found else found[0])


def differences(parks: Parks, a: str, b: str) -> tuple[Park, Park, dict[str, Change]]:
    """Return two versions and what happened from the first to the second.

    Raises
    ------
    MissingError
        One of them is not there.
    """
    old, new = parks.park(f"v-{a}"), parks.park(f"v-{b}")
    return old, new, parks.held("compare", f"{a}/{b}", lambda: compare(old, new))


def changes(old: Park, new: Park, found: Mapping[str, Change], shown: Mapping[str, Any], lang: Lang) -> Any:
    """Return what differs, layer by layer; a row flies the map to its place."""
    title = Text("从 {a} 到 {b}", "From {a} to {b}").fill(a=old.version, b=new.version)
    if not found:
        return panel.region(
            title, lang, [panel.empty(Text("两个版本相同", "They are the same"), lang)], name="im-part"
        )
    parts = [_layer(old, new, layer, change, shown, lang) for layer, change in found.items()]
    return panel.region(title, lang, parts, name="im-part vs-diff")


def _layer(old: Park, new: Park, layer: str, change: Change, shown: Mapping[str, Any], lang: Lang) -> Any:
    columns = change.changed
    rows = [
        *(("added", i, "") for i in change.added),
        *(("removed", i, "") for i in change.removed),
        *(("moved", i, f"{m:g} m") for i, m in change.moved.items()),
        *(("changed", i, ", ".join(word(FIELDS, c).say(lang) for c in cs)) for i, cs in columns.items()),
    ]
    total = [
        f"{TONES[tone].say(lang)} {n}"
        for tone, n in (
            ("added", len(change.added)),
            ("removed", len(change.removed)),
            ("moved", len(change.moved)),
            ("changed", len(columns)),
        )
        if n
    ]
    head = html.Summary(
        [html.B(word(LAYERS, layer).say(lang)), html.Span(" · ".join(total), className="mut")]
    )
    body = [_change(layer, *row, shown, lang) for row in rows[:LINES]]
    more = len(rows) - LINES
    foot = panel.empty(Text("另有 {n} 处，图上都有", "and {n} more, on the map").fill(n=more), lang)
    detail = detailed(old, new, layer, change, shown, lang)
    table = html.Table(html.Tbody(body), className="at ck-rows")
    parts = [head, table, foot if more > 0 else None, detail]
    return html.Details(parts, open=len(rows) <= LINES, className="im-layer", key=layer)


def _change(layer: str, tone: str, id: str, what: str, shown: Mapping[str, Any], lang: Lang) -> Any:
    chosen = shown.get("layer") == layer and shown.get("id") == id
    cells = [
        html.Td(html.Span(TONES[tone].say(lang), className=f"vs-tone {tone}")),
        html.Td(html.B(id)),
        html.Td(what, className="mut"),
    ]
    value = json.dumps([layer, id], ensure_ascii=False)
    return html.Tr(cells, className="on" if chosen else "", tabIndex=0, **data(act="go", value=value))


def detailed(old: Park, new: Park, layer: str, change: Change, shown: Mapping[str, Any], lang: Lang) -> Any:
    """Return old and new values of the chosen feature."""
    chosen = shown.get("id")
    if shown.get("layer") != layer or chosen not in change.changed:
        return None
    one = {layer: Change(changed={chosen: change.changed[chosen]})}
    return html.Ul([html.Li(t) for t in told(old, new, one, lang, 40)], className="ck-told mono")


def drawing(old: Park, new: Park, found: Mapping[str, Change], shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return the differences on the map, flying to the chosen one, else to all of them."""
    layer, name = str(shown.get("layer", "")), str(shown.get("id", ""))
    placed = {k: v for k, v in found.items() if not k.startswith("map_")}
    chosen = (marks.shape_of(new, layer, name) or marks.shape_of(old, layer, name)) if name else []
    made = empty_drawing(f"{old.version}/{new.version}/{layer}/{name}")
    made["features"] = [*marks.changes(old, new, placed, fit=not chosen), *chosen]
    return made


# what a press does -----------------------------------------------------------------------------------------


def restore(web: Web, parks: Parks, shown: Mapping[str, Any], sent: Press) -> Text:
    """Put version A to use again, signed by an administrator.

    Raises
    ------
    DeskError, Unfit
        It cannot be; nothing was changed.
    """
    pair = ab(web, shown)
    if pair is None or pair[0] == web.park.version:
        raise DeskError(ALREADY)
    person = signed(web, sent.signature(), "park.restore", pair[0])
    if isinstance(person, Text):
        raise DeskError(person)
    reason = sent.fields["reason"].strip()
    try:
        park_publish.restore(web.config, pair[0], reason, person.name)
    except (KeyError, ValueError) as error:
        raise DeskError(CHANGED_FILE) from error
    text = RESTORED.fill(who=person.display, version=pair[0], reason=reason)
    recorded(web, person, "park.restore", pair[0], text)
    return text


def press(
    web: Web, parks: Parks, shown: Mapping[str, Any], sent: Press
) -> tuple[dict[str, Any], Text | None]:
    """Do what a button asks for; returns what is shown from now on, and what to say."""
    pair = {k: shown[k] for k in ("a", "b") if k in shown}
    match sent.act:
        case "a" | "b":
            return pair | {sent.act: sent.value}, None
        case "go":
            layer, name = json.loads(sent.value)
            return pair | {"layer": layer, "id": name}, None
        case "restore":
            return {}, restore(web, parks, shown, sent)
    return dict(shown), None


def register(app: Dash, web: Web) -> None:
    """Add the callbacks."""
    parks = shared(app, web)
    default = as_lang(web.config.lang)

    @app.callback(
        Output("vs-show", "data"),
        Output("vs-say", "children"),
        Input("vs-act", "data"),
        State("vs-show", "data"),
        prevent_initial_call=True,
        running=[(Output("vs-say", "className"), "af-say busy", "af-say")],
    )
    @in_thread
    def _press(sent: Any, shown: Any) -> Any:
        lang = reader_lang(default)
        try:
            view, text = press(web, parks, shown or {}, Press.of(sent))
        except (DeskError, Unfit) as error:
            return dash.no_update, said(error.text, lang, good=False)
        except (TwinError, OSError) as error:
            return dash.no_update, said(Text(str(error), str(error)), lang, good=False)
        return view, said(text, lang)

    @app.callback(
        Output("vs-list", "children"),
        Output("vs-changes", "children"),
        Output("vs-place", "children"),
        Output("vs-tick", "data"),
        Input("vs-show", "data"),
        State("vs-tick", "data"),
    )
    @in_thread
    def _show(shown: Any, seen: Any) -> Any:
        return render(web, parks, shown or {}, seen, reader_lang(default))

    @app.callback(Output(draw_id(MAP), "data"), Input("vs-show", "data"), Input("vs-place", "children"))
    @in_thread
    def _draw(shown: Any, _: Any) -> Any:
        pair = ab(web, shown or {})
        try:
            return drawing(*differences(parks, *pair), shown or {}) if pair else empty_drawing()
        except MissingError:
            return empty_drawing()


def render(web: Web, parks: Parks, shown: Mapping[str, Any], seen: Any, lang: Lang) -> Sequence[Any]:
    """Return list, differences, map (only where it is another one than `seen`), and which map it is."""
    listed = saves(web, shown, lang)
    pair = ab(web, shown)
    if pair is None:
        return listed, None, None, ""
    try:
        old, new, found = differences(parks, *pair)
    except MissingError:
        return listed, panel.failed(CHANGED_FILE, lang), dash.no_update, seen
    live = pair[1] == web.park.version
    name = PRESENT if live else f"v-{pair[1]}"
    shows: Any = html.P(NOT_YOURS.say(lang), className="empty-page")
    if live or parks.may_have(login.reader(), name):
        shows = park_map(MAP, version=new.version, lang=lang, source=parks.source(name), live=live)
    place = dash.no_update if seen == pair[1] else html.Div(shows, key=pair[1], className="vs-map")
    parts = [sources(web, pair[1], lang), changes(old, new, found, shown, lang)]
    return listed, parts, place, pair[1]


def sources(web: Web, version: str, lang: Lang) -> Any:
    """Return the files a version came from: what each was taken for, its system, axes and charset."""
    layers = park_publish.store(web.config).account(version).get("layers", ())
    if not layers:
        return None
    rows = [
        html.Tr(
            [
                html.Td(html.B(f"{x['file']} [{x['layer']}]")),
                html.Td(word(ROLES, x["role"]).say(lang)),
                html.Td(f"{x['crs']} {x['axes']}".strip(), className="mono"),
                html.Td(x["encoding"], className="mono"),
                html.Td(dating.said(x).say(lang), className="mut"),
                html.Td(f"{x['mapped']} / {x['read']}", className="num"),
            ]
        )
        for x in layers
    ]
    head = html.Summary(
        [html.B(SOURCES.fill(v=version).say(lang)), html.Span(str(len(layers)), className="mut")]
    )
    table = html.Table(html.Tbody(rows), className="at")
    return html.Section(html.Details([head, table], className="im-layer"), className="im-part")


HEADS = (
    Text("版本", "Version"),
    Text("时间", "When"),
    Text("谁", "Who"),
    Text("理由", "Reason"),
    Text("内容", "Holds"),
)
TONES = {
    "added": Text("新增", "added"),
    "removed": Text("删除", "removed"),
    "moved": Text("移动", "moved"),
    "changed": Text("修改", "changed"),
}
HERE = Text(
    "选定版本 A 和 B，这里是两者不同之处的地图",
    "Take one version as A and one as B: the map of what differs is here",
)
SOURCES = Text("版本 {v} 的来源文件", "Files that version {v} came from")
IN_USE = Text("现用", "in use")
FIRST = Text("保存第一个版本之前的样子", "as it was before the first version was saved")
CHANGED_FILE = Text("这个版本的文件不在了，或被改过", "the file of this version is gone or was changed")
ALREADY = Text("版本 A 就是现用的版本", "version A is the one in use")
RESTORED = Text("{who} 恢复了版本 {version}：{reason}", "{who} restored version {version}: {reason}")

TAB = Tab("versions", Text("版本", "Versions"), layout, register)
