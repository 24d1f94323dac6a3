"""Import: files in, every judgement confirmed, a candidate on the map, and a signature puts it to use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dash import Dash, Input, Output, State, dcc, html

from callbacks import admin_import_view as view
from callbacks import admin_mapping, login, panel
from callbacks.admin_form import Press, button, said, signature
from callbacks.admin_mapping import changed_map, layer_map
from callbacks.admin_park import Parks, origin, recorded, shared, signed
from callbacks.admin_tab import Tab
from callbacks.pages import Visit, Web, data, in_thread, reader_lang
from geodata import dating
from geodata.formats.report import FormatError
from geodata.words import Lang, Text, as_lang
from layers.map import park_map
from twin import park_publish
from twin.access import Act, User
from twin.errors import MissingError, TwinError
from twin.park_desk import DeskError, Work
from twin.park_file import present_path
from twin.park_publish import Unfit

MAP = "im-map"
AGAIN_MS = 500
PARTS = ("im-files", "im-run", "im-account")
STEPS = (
    Text(
        "放入文件：Shapefile、GeoPackage、GeoJSON、KML、DXF、Excel、CSV、SWMM 或 EPANET 模型，打成 zip 也行",
        "Hand in files: Shapefile, GeoPackage, GeoJSON, KML, DXF, Excel, CSV, SWMM or EPANET, or zips",
    ),
    Text(
        "核对程序的判断：坐标系、各层的用途、各列对应的字段",
        "Confirm what was guessed: coordinates, what each layer is, which column is which field",
    ),
    Text("看地图和检查结果，改正错误", "Look at the map and the check, and mend what is wrong"),
    Text(
        "签名后成为正式版本；现用的园区在此之前不变，旧版本随时可以恢复",
        "Sign, and it becomes a version; the park in use stays as it is until then and can be restored",
    ),
)


def layout(web: Web, visit: Visit) -> Any:
    """Return the tab: on the left the steps, on the right the map of what would come of it."""
    lang = visit.lang
    hint = Text("导入由系统管理人员办理", "Administrators import").say(lang)
    begin = Text("开始导入", "Begin an import")
    commit = Text("成为正式版本", "Put it to use as a version")
    left = html.Div(
        [
            html.Div(id="im-say", className="af-say"),
            html.Section(
                [
                    panel.heading(begin, lang, hint),
                    button(begin.say(lang), "open", name="btn p")
                    if web.access.may(login.reader(), Act.ADMIN)
                    else signature("open", begin.say(lang), lang, reason=False, hint=demo_hint(web, lang)),
                ],
                className="im-open im-part",
            ),
            html.Ol([html.Li(step.say(lang)) for step in STEPS], className="im-steps im-part"),
            html.Div(id="im-drop"),
            html.Ul(className="im-coming", **data(coming="1")),
            html.Div(id="im-files"),
            html.Div(id="im-run"),
            html.Div(id="im-account"),
            html.Section(
                [panel.heading(commit, lang), signature("commit", commit.say(lang), lang)],
                className="im-commit im-part",
            ),
        ],
        className="im-left",
    )
    stores = [
        dcc.Store(id="im-work", storage_type="session"),
        dcc.Store(id="im-act"),
        dcc.Store(id="im-tick"),
        dcc.Store(id="im-seen"),
        dcc.Interval(id="im-again", interval=AGAIN_MS, disabled=True),
    ]
    return html.Div(
        [*stores, left, html.Div(id="im-place", className="im-place")],
        id="im",
        className="im is-closed",
        **data(form="im-act"),
    )


def demo_hint(web: Web, lang: Lang) -> Any:
    """Return the demo's account, only in the demo."""
    if not web.config.demo:
        return None
    text = Text("演示账号 admin，口令 demo-admin", "Demo account admin, password demo-admin")
    return html.P(text.say(lang), className="hint")


# what a press does -----------------------------------------------------------------------------------------


def press(web: Web, parks: Parks, work: Work | None, it: Press) -> tuple[Work | None, Text | None, bool]:
    """Do what a button asks for.

    Returns
    -------
    tuple
        The piece of work from now on, the sentence to say, and whether it is a good one.
    """
    if it.act == "open":
        person = beginner(web, it)
        if isinstance(person, Text):
            return work, person, False
        return parks.desk.open(person.name), None, True
    if work is None:
        return None, GONE, False
    try:
        text = ACTS[it.act](web, parks, work, it) if it.act in ACTS else None
    except (DeskError, FormatError, Unfit) as error:
        return work, error.text, False
    if it.act == "close":
        return None, None, True
    return work, text, True


def beginner(web: Web, it: Press) -> User | Text:
    """Return who begins: the administrator who is signed in at this desk, else whoever signs here."""
    reader = login.reader()
    if reader is not None and web.access.may(reader, Act.ADMIN):
        return reader
    return signed(web, it.signature(), "park.import", "", reason=False)


def _start(web: Web, parks: Parks, work: Work, it: Press) -> Text | None:
    """Keep what the fields say, then read."""
    if not work.files():
        raise DeskError(NO_FILES)
    old = work.said()
    mode = it.fields.get("mode") or old.mode
    snap, attach = (
        it.number("snap_m", old.snap_m, 0.0, 50.0),
        it.number("attach_m", old.attach_m, 0.0, 2000.0),
    )
    as_of = dict(old.as_of)
    if "as_of" in it.fields:
        as_of = {k: v for k, v in (old.as_of | {"": it.fields["as_of"].strip()}).items() if v}
        dating.check(as_of)
    work.say(replace(old, mode=mode, snap_m=snap, attach_m=attach, as_of=as_of))
    if it.fields.get("saved"):
        admin_mapping.use(mappings(web), work, it.fields["saved"])
    parks.desk.start(work, present_path(web.config.parks))
    return None


def _stop(_: Web, __: Parks, work: Work, ___: Press) -> Text | None:
    work.stop()
    return None


def _drop(_: Web, __: Parks, work: Work, it: Press) -> Text | None:
    work.drop(it.value)
    return None


def _confirm(web: Web, parks: Parks, work: Work, it: Press) -> Text | None:
    """Take the person's word for every judgement, then read again."""
    result, told, mapping = work.result(), work.said(), work.mapping()
    by_key = {x["key"]: x for x in result.get("layers", ())}
    for n, g in enumerate(result.get("guesses", ())):
        chosen = it.fields.get(f"guess-{n}", g["value"])
        value = it.fields.get(f"own-{n}", "").strip() if chosen == view.OTHER else chosen
        if not value:
            raise DeskError(UNANSWERED.fill(file=g["file"]))
        if g["kind"] == "encoding":
            told.encoding[g["file"]] = value
            continue
        for key in (f"{g['file']}/{layer}" for layer in g["layers"]):
            if key not in by_key:
                continue
            m = mapping.setdefault(key, layer_map(by_key[key]))
            setattr(m, g["kind"], value)
            m.axes = g["axes"] or m.axes
    work.say(told)
    work.map(mapping)
    return _start(web, parks, work, it)


def _map(web: Web, parks: Parks, work: Work, it: Press) -> Text | None:
    """Take over what was changed of layers and fields, then read again."""
    mapping, told = work.mapping(), work.said()
    for x in work.result().get("layers", ()):
        m = changed_map(x, it.fields)
        if m is not None:
            mapping[x["key"]] = m
        charset = it.fields.get(f"encoding|{x['key']}", "")
        if charset:
            told.encoding[x["file"]] = charset
    work.say(told)
    work.map(mapping)
    return _start(web, parks, work, it)


def _save_mapping(web: Web, _: Parks, work: Work, it: Press) -> Text | None:
    return admin_mapping.save(mappings(web), work, it.fields.get("mapping_name", ""))


def mappings(web: Web) -> Path:
    """Return the folder of the mappings people saved."""
    return web.config.data / "mappings"


def _close(_: Web, parks: Parks, work: Work, __: Press) -> Text | None:
    parks.desk.close(work)
    return None


def _commit(web: Web, parks: Parks, work: Work, it: Press) -> Text | None:
    """Put the candidate to use, if everything was confirmed and an administrator signs."""
    result = work.result()
    if not result.get("ready"):
        raise DeskError(NOT_READY)
    person = signed(web, it.signature(), "park.version", str(result["version"]))
    if isinstance(person, Text):
        raise DeskError(person)
    try:
        park = parks.park(f"w-{work.token}")
    except MissingError as error:
        raise DeskError(NOT_READY) from error
    files = ", ".join(sorted({x["file"] for x in result["layers"]}))
    reason = it.fields["reason"].strip()
    made = park_publish.publish(web.config, park, f"{reason} [{files[:200]}]", person.name, origin(result))
    text = COMMITTED.fill(who=person.display, version=made.version, reason=reason)
    recorded(web, person, "park.version", made.version, text)
    return text


ACTS = {
    "read": _start,
    "stop": _stop,
    "drop": _drop,
    "confirm": _confirm,
    "map": _map,
    "role": _map,
    "save-mapping": _save_mapping,
    "close": _close,
    "commit": _commit,
}


# what is shown ---------------------------------------------------------------------------------------------


def shown(web: Web, work: Work | None, lang: Lang) -> tuple[dict[str, Any], str, bool]:
    """Return the parts of the tab, the class of the whole, and whether something is going on."""
    if work is None:
        return dict.fromkeys(PARTS), "im is-closed", False
    now, result = work.standing(), work.result()
    busy = now.word == "running"
    result = result | {"token": work.token} if result else {}
    start = [
        button(Text("读取", "Read the files").say(lang), "read", name="btn p", disabled=busy),
        button(Text("放弃，删除这些文件", "Give up; remove the files").say(lang), "close"),
    ]
    parts = {
        "im-files": view.files(work.files(), lang),
        "im-run": [
            view.options(work.said(), admin_mapping.saved(mappings(web)), lang),
            html.Div(start, className="ab"),
            view.progress(now, lang),
        ],
        "im-account": view.account(result, lang) if not busy else None,
    }
    ready = bool(result.get("ready")) and not busy
    return parts, f"im is-open {'is-ready' if ready else ''} {'is-busy' if busy else ''}".strip(), busy


def place(parks: Parks, work: Work | None, lang: Lang) -> Any:
    """Return the map of what would come of it, or why there is none."""
    result = work.result() if work is not None else {}
    if work is None or not result.get("version"):
        text = Text("读取之后，这里是候选园区的地图", "After reading, the map of the candidate is here")
        return html.P(text.say(lang), className="empty-page")
    if not result.get("placed"):
        return html.P(park_publish.NO_PLACE.say(lang), className="empty-page")
    name = f"w-{work.token}"
    shown = park_map(MAP, version=result["version"], lang=lang, source=parks.source(name), live=False)
    note = Text("由这些文件得到的园区 {v}", "the park of these files, {v}").fill(v=result["version"])
    return [shown, html.Div(note.say(lang), className="im-badge")]


def register(app: Dash, web: Web) -> None:
    """Add the callbacks."""
    parks = shared(app, web)
    default = as_lang(web.config.lang)

    @app.callback(
        Output("im-work", "data"),
        Output("im-say", "children"),
        Output("im-tick", "data"),
        Input("im-act", "data"),
        State("im-work", "data"),
        prevent_initial_call=True,
        running=[(Output("im-say", "className"), "af-say busy", "af-say")],
    )
    @in_thread
    def _press(sent: Any, kept: Any) -> Any:
        it, lang = Press.of(sent), reader_lang(default)
        before = parks.desk.find((kept or {}).get("token"))
        try:
            work, text, good = press(web, parks, before, it)
        except (TwinError, OSError) as error:
            work, text, good = before, Text(str(error), str(error)), False
        return (
            {"token": work.token} if work else {},
            said(text, lang, good=good),
            (sent or {}).get("at"),
        )

    @app.callback(
        *[Output(part, "children") for part in PARTS],
        Output("im", "className"),
        Output("im-again", "disabled"),
        Output("im-seen", "data"),
        Input("im-tick", "data"),
        Input("im-again", "n_intervals"),
        Input("im-work", "data"),
        State("im-seen", "data"),
    )
    @in_thread
    def _show(_: Any, __: Any, kept: Any, seen: Mapping[str, str] | None) -> Any:
        work = parks.desk.find((kept or {}).get("token"))
        parts, name, busy = shown(web, work, reader_lang(default))
        out, prints = panel.changed(parts, seen)
        return *[out[part] for part in PARTS], name, not busy, prints

    @app.callback(
        Output("im-drop", "children"),
        Output("im-place", "children"),
        Input("im-work", "data"),
        Input("im-again", "disabled"),
    )
    @in_thread
    def _place(kept: Any, _: Any) -> Any:
        work, lang = parks.desk.find((kept or {}).get("token")), reader_lang(default)
        return view.drop(work.token, lang) if work else None, place(parks, work, lang)


NO_FILES = Text("还没有文件", "there is no file yet")
GONE = Text("请先开始导入", "begin an import first")
UNANSWERED = Text("{file} 还有一项判断没有选择", "one judgement about {file} is not answered")
NOT_READY = Text("还有判断没有确认，或者没有读成", "something is not confirmed yet, or could not be read")
COMMITTED = Text("{who} 启用了版本 {version}：{reason}", "{who} put version {version} to use: {reason}")

TAB = Tab("import", Text("导入", "Import"), layout, register)
