"""Fingerprints: how old the library is, a table taken in once it was looked at, and the way back."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update

from callbacks import admin_prints_view as view
from callbacks import dossier, login, panel
from callbacks.admin_form import Press, button, said, signature
from callbacks.admin_import import demo_hint
from callbacks.admin_park import recorded, signed
from callbacks.admin_tab import Tab
from callbacks.pages import Visit, Web, data, in_thread, reader_lang
from geodata.words import Lang, Text, as_lang
from twin import fingerprints
from twin.access import Act
from twin.clock import as_datetime
from twin.errors import RefusedError, TwinError, UnavailableError
from twin.fingerprints import Difference, Fault, Library, Print

MOST_BYTES = 4_000_000
CHANGED, TURNED_BACK = "fingerprints.changed", "fingerprints.turned_back"
LISTED = 50  # versions


@dataclass(frozen=True, slots=True)
class Look:
    """What a table would do.

    Attributes
    ----------
    file : str
        Its name.
    mark : str
        Of its bytes and of the library it was held against: what was looked at is what is taken.
    prints : tuple of Print
        Those that are other than what holds.
    """

    file: str
    mark: str
    faults: tuple[Fault, ...]
    changes: tuple[Difference, ...]
    prints: tuple[Print, ...]


def layout(web: Web, visit: Visit) -> Any:
    """Return the tab: on the left the table to bring in and the versions, on the right what they mean."""
    lang = visit.lang
    # It stays in the page while the rest changes, or what was chosen would be gone.
    choose = dcc.Upload(
        html.Div([html.P(DROP.say(lang)), html.Button(CHOOSE.say(lang), className="btn s", type="button")]),
        id="fl-file",
        accept=".csv,.txt,text/csv",
        className="im-drop fl-drop",
    )
    take = html.Section(
        [panel.heading(TAKE, lang), signature("take", TAKE.say(lang), lang, hint=demo_hint(web, lang))],
        className="fl-take im-part",
    )
    back = html.Section(
        [panel.heading(BACK, lang), signature("back", BACK.say(lang), lang)], className="fl-back im-part"
    )
    bring = html.Section(
        [
            panel.heading(BRING, lang, BRING_NOTE.say(lang)),
            choose,
            html.Div(button(DROPPED.say(lang), "drop"), className="ab fl-give-up"),
        ],
        className="im-part",
    )
    left = [html.Div(id="fl-say", className="af-say"), bring, take, html.Div(id="fl-list"), back]
    stores = [dcc.Store(id=f"fl-{k}") for k in ("act", "mark", "tick")]
    return html.Div(
        [
            *stores,
            dcc.Store(id="fl-show", data={}),
            html.Div(left, className="fl-left"),
            html.Div(panel.waiting(READING, lang), id="fl-place", className="fl-place"),
        ],
        id="fl",
        className="fl",
        **data(form="fl-act"),
    )


# what is asked of the library -----------------------------------------------------------------------------


def unpacked(contents: str) -> bytes:
    """Return the bytes of the file a browser read.

    Raises
    ------
    RefusedError
        It is too large, or no file.
    """
    if len(contents) > MOST_BYTES * 4 // 3 + 200:
        raise RefusedError(TOO_LARGE)
    try:
        return base64.b64decode(contents.partition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(NO_FILE) from error


def looked(web: Web, file: str, contents: str) -> Look:
    """Read a table and hold it against what is known; nothing is taken.

    Raises
    ------
    RefusedError, UnavailableError
    """
    body = unpacked(contents)
    library = fingerprints.latest(web.records)
    found, faults = fingerprints.read_csv(fingerprints.decoded(body), web.park)
    if not found and not faults:
        raise RefusedError(EMPTY.fill(file=file))
    known = {p.key: p for p in fingerprints.held(web.park, library)}
    changes = fingerprints.differences(known.values(), (known | {p.key: p for p in found}).values())
    mark = hashlib.sha256(body + f"/{library.version if library else 0}".encode()).hexdigest()
    if faults:
        return Look(file, "", tuple(faults), (), ())
    return Look(file, mark if changes else "", (), changes, tuple(d.either for d in changes))


def take(web: Web, sent: Press, file: str, contents: str, mark: str) -> Text:
    """Take a table into the library, if it is what was looked at and an administrator signs.

    Raises
    ------
    RefusedError
        It cannot be; nothing was changed.
    UnavailableError
    """
    if not contents:
        raise RefusedError(NO_FILE)
    look = looked(web, file, contents)
    if look.faults:
        raise RefusedError(view.NOT_TAKEN.fill(file=file, n=len(look.faults)))
    if not look.prints:
        raise RefusedError(view.SAME)
    if look.mark != mark:
        raise RefusedError(OTHER_NOW)
    person = signed(web, sent.signature(), CHANGED, file[:64])
    if isinstance(person, Text):
        raise RefusedError(person)
    reason = sent.fields["reason"].strip()
    at = as_datetime(web.live.now_ms())
    made = fingerprints.install(web.records, look.prints, at, person.name, f"{reason} [{file[:80]}]")
    if made is None:
        raise RefusedError(view.SAME)
    words = {"who": person.display, "v": made.version, "n": len(look.prints), "file": file, "why": reason}
    text = TAKEN.fill(**words)
    recorded(web, person, CHANGED, str(made.version), text)
    return text


def back(web: Web, sent: Press, version: int) -> Text:
    """Let the library be as it was in a version, if an administrator signs; raises as `take` does."""
    library = fingerprints.latest(web.records)
    if library is None or not version or version == library.version:
        raise RefusedError(IS_NOW)
    person = signed(web, sent.signature(), TURNED_BACK, str(version))
    if isinstance(person, Text):
        raise RefusedError(person)
    reason = sent.fields["reason"].strip()
    at = as_datetime(web.live.now_ms())
    made = fingerprints.turn_back(web.records, version, at, person.name, f"{reason} [← {version}]")
    if made is None:
        raise RefusedError(IS_NOW)
    text = TURNED.fill(who=person.display, v=version, now=made.version, why=reason)
    recorded(web, person, TURNED_BACK, str(made.version), text)
    return text


# what is shown --------------------------------------------------------------------------------------------


def listed(web: Web, shown: Mapping[str, Any], lang: Lang) -> Any:
    """Return the versions of the library."""
    found = fingerprints.versions(web.records, LISTED)
    return view.versions(found, chosen(shown), dossier.users(web.records), lang)


def chosen(shown: Mapping[str, Any]) -> int:
    """Return the version that is looked at, 0 for none."""
    said = str(shown.get("version", ""))
    return int(said) if said.isascii() and said.isdigit() else 0


def place(web: Web, look: Look | None, shown: Mapping[str, Any], lang: Lang) -> Any:
    """Return what a table would change, else what a version changed, else what holds."""
    names = {e.id: e for e in web.park.enterprises}
    if look is not None:
        if look.faults:
            return view.refused(look.file, look.faults, lang)
        return view.changes(WOULD, look.file, look.changes, names, lang)
    found = fingerprints.versions(web.records, LISTED)
    at = next((k for k, one in enumerate(found) if one.version == chosen(shown)), None)
    if at is None:
        library, today = (found[0] if found else None), as_datetime(web.live.now_ms()).date()
        held = fingerprints.held(web.park, library)
        return view.holds(held, library, names, today, _files(web, lang), lang)
    older = found[at + 1] if at + 1 < len(found) else None
    before = older.prints if older else _before_first(web, found[at])
    changes = fingerprints.differences(before, found[at].prints)
    return view.changes(DID.fill(v=found[at].version), found[at].why.say(lang), changes, names, lang)


def _before_first(web: Web, first: Library) -> Sequence[Print]:
    """Return what the park file said of the waters the first version spoke of."""
    theirs = {p.key for p in first.prints}
    return [p for p in fingerprints.of_park(web.park) if p.key in theirs]


def _files(web: Web, lang: Lang) -> Any:
    if not web.access.may(login.reader(), Act.EXPORT):
        return None
    link = html.A(EXPORT.say(lang), href="/export/fingerprints.csv", download="", className="btn s")
    return html.Div([link, html.Span(EXPORT_NOTE.say(lang), className="mut")], className="ab fl-files")


def state(look: Look | None, library: Library | None, shown: Mapping[str, Any]) -> str:
    """Return the class of the whole tab: which forms can be signed now."""
    words = ["fl"]
    if look is not None:
        words += ["is-open", "is-ready" if look.mark else ""]
    elif library is not None and chosen(shown) not in (0, library.version):
        words.append("is-older")
    return " ".join(filter(None, words))


def press(
    web: Web, sent: Press, shown: Mapping[str, Any], file: str, contents: str, mark: str
) -> tuple[Mapping[str, Any], Text | None, bool]:
    """Do what a button asks for; returns what is shown then, what to say, and whether the file goes."""
    match sent.act:
        case "show":
            return (
                ({} if sent.value == str(shown.get("version", "")) else {"version": sent.value}),
                None,
                True,
            )
        case "drop":
            return {}, None, True
        case "take":
            return {}, take(web, sent, file, contents, mark), True
        case "back":
            return {}, back(web, sent, chosen(shown)), False
    return dict(shown), None, False


def register(app: Dash, web: Web) -> None:
    """Add the callbacks."""
    default = as_lang(web.config.lang)

    @app.callback(
        Output("fl-show", "data"),
        Output("fl-say", "children"),
        Output("fl-file", "contents"),
        Output("fl-tick", "data"),
        Input("fl-act", "data"),
        State("fl-show", "data"),
        State("fl-file", "filename"),
        State("fl-file", "contents"),
        State("fl-mark", "data"),
        prevent_initial_call=True,
        running=[(Output("fl-say", "className"), "af-say busy", "af-say")],
    )
    @in_thread
    def _press(sent: Any, shown: Any, file: Any, contents: Any, mark: Any) -> Any:
        lang = reader_lang(default)
        at = (sent or {}).get("at")
        try:
            now, text, gone = press(
                web, Press.of(sent), shown or {}, str(file or ""), str(contents or ""), str(mark or "")
            )
        except RefusedError as error:
            return no_update, said(error.text, lang, good=False), no_update, at
        except TwinError:
            return no_update, said(AWAY, lang, good=False), no_update, at
        return now, said(text, lang), None if gone else no_update, at

    @app.callback(
        Output("fl-list", "children"),
        Output("fl-place", "children"),
        Output("fl", "className"),
        Output("fl-mark", "data"),
        Input("fl-file", "contents"),
        Input("fl-show", "data"),
        Input("fl-tick", "data"),
        State("fl-file", "filename"),
    )
    @in_thread
    def _show(contents: Any, shown: Any, _: Any, file: Any) -> Any:
        lang = reader_lang(default)
        return render(web, str(file or ""), str(contents or ""), shown or {}, lang)


def render(web: Web, file: str, contents: str, shown: Mapping[str, Any], lang: Lang) -> Any:
    """Return the list, the place beside it, the class of the whole, and the mark of what is looked at."""
    try:
        library = fingerprints.latest(web.records)
        try:
            look = looked(web, file, contents) if contents else None
        except RefusedError as error:
            return listed(web, {}, lang), panel.failed(error.text, lang), "fl is-open", ""
        return (
            listed(web, {} if look else shown, lang),
            place(web, look, shown, lang),
            state(look, library, shown),
            look.mark if look else "",
        )
    except UnavailableError:
        return None, panel.failed(AWAY, lang), "fl", ""


BRING = Text("导入指纹表", "Bring in a table")
BRING_NOTE = Text("CSV，UTF-8 或 GBK", "CSV, UTF-8 or GBK")
DROP = Text(
    "把 CSV 拖到这里。列：enterprise、outlet、factor、value、unit、spread、samples、as_of、source；"
    "导出的表就是样子",
    "Drop a CSV here. Columns: enterprise, outlet, factor, value, unit, spread, samples, as_of, source; "
    "an exported table shows how",
)
CHOOSE = Text("选择文件", "Choose a file")
DROPPED = Text("放弃这张表", "Put this table aside")
TAKE, BACK = (
    Text("收入指纹库", "Take it into the library"),
    Text("恢复选中的版本", "Turn back to the version chosen"),
)
READING = Text("正在读取", "Reading")
WOULD = Text("这张表会改变什么", "What this table would change")
DID = Text("第 {v} 版改了什么", "What version {v} changed")
EXPORT = Text("导出 CSV", "Export as CSV")
EXPORT_NOTE = Text("改好后可以再导入", "It can be changed and brought in again")
TOO_LARGE = Text("文件超过 4 MB，没有读", "The file is larger than 4 MB and was not read")
NO_FILE = Text("请先选择一张表", "Choose a table first")
EMPTY = Text("{file} 里没有一行数据", "{file} has not a single row")
OTHER_NOW = Text(
    "核对之后指纹库或文件变了，没有收下。请重新核对右边的内容",
    "The library or the file has changed since you looked, so nothing was taken. Look again on the right",
)
IS_NOW = Text("选中的就是现用的版本", "The version chosen is the one in use")
TAKEN = Text(
    "{who} 导入指纹表 {file}，{n} 条，成为第 {v} 版：{why}",
    "{who} brought in {file}, {n} prints, as version {v}: {why}",
)
TURNED = Text(
    "{who} 恢复了指纹库第 {v} 版，成为第 {now} 版：{why}",
    "{who} turned the library back to version {v}, as version {now}: {why}",
)
AWAY = Text("记录库没有应答，什么都没有改变", "The records do not answer; nothing was changed")

TAB = Tab("fingerprints", Text("指纹", "Fingerprints"), layout, register)
