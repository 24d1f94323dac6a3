"""Check: what is wrong in a park, on the map; safe mends one by one, undone at will; saved as a version."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import dash
from dash import Dash, Input, Output, State, dcc, html

from callbacks import exports, login, panel
from callbacks.admin_check_view import mends, progress, summary, table, told
from callbacks.admin_form import Press, button, said, signature
from callbacks.admin_park import (
    NOT_YOURS,
    PRESENT,
    Candidate,
    Parks,
    Step,
    origin,
    recorded,
    shared,
    signed,
    step_of,
)
from callbacks.admin_tab import Tab
from callbacks.admin_words import FAULTS, word
from callbacks.pages import Visit, Web, data, in_thread, reader_lang
from geodata import crs
from geodata.check.findings import Finding
from geodata.check.mends import mend
from geodata.places import Park
from geodata.versions import compare
from geodata.words import Lang, Text, as_lang
from layers import marks
from layers.map import draw_id, empty_drawing, park_map
from twin import park_publish
from twin.errors import MissingError, TwinError
from twin.park_desk import DeskError
from twin.park_publish import Unfit

MAP = "ck-map"
AGAIN_MS = 500
AT_ONCE_S = 0.3  # a check that takes no longer shows no progress


def layout(web: Web, visit: Visit) -> Any:
    """Return the tab; ``&park=w-<token>`` opens it on a park that is being imported."""
    lang = visit.lang
    base = visit.query.get("park", PRESENT)
    head = Text("检查", "Check")
    save = Text("把候选存为正式版本", "Save the candidate as a version")
    left = html.Div(
        [
            html.Div(id="ck-say", className="af-say"),
            html.Div(id="ck-sum", className="im-part"),
            html.Div(id="ck-mends"),
            html.Div(id="ck-preview"),
            html.Div(panel.waiting(Text("正在检查", "Checking"), lang), id="ck-table"),
            exports.links(web, lang, name="im-part"),
            html.Section(
                [panel.heading(save, lang), signature("save", save.say(lang), lang)],
                className="ck-save im-part",
            ),
        ],
        className="ck-left",
        **panel.attrs(aria_label=head.say(lang)),
    )
    stores = [
        dcc.Store(id="ck-candidate", data={"base": base, "steps": []}),
        dcc.Store(id="ck-act"),
        dcc.Store(id="ck-show", data={}),
        dcc.Store(id="ck-seen"),
        dcc.Interval(id="ck-again", interval=AGAIN_MS, disabled=True),
    ]
    return html.Div(
        [*stores, left, html.Div(id="ck-place", className="ck-place")],
        id="ck",
        className="ck",
        **data(form="ck-act"),
    )


# what is shown ---------------------------------------------------------------------------------------------


def preview(parks: Parks, it: Candidate, step: Step, lang: Lang) -> tuple[Any, dict[str, Any]]:
    """Return what a mend would change, in words and as a drawing.

    Raises
    ------
    MissingError
        The finding is not there any more.
    DeskError
        The mend cannot be taken; the text says why.
    """
    park = parks.candidate(it)
    finding = parks.finding(park, step)
    mended = mended_by(park, finding)
    found = compare(park, mended)
    title = Text("修改预览", "What the mend changes")
    take = button(
        Text("采用", "Take it").say(lang), "take", json.dumps(step, ensure_ascii=False), name="btn p"
    )
    leave = button(Text("不采用", "Leave it").say(lang), "leave")
    body = [
        html.P(finding.sentence.say(lang)),
        html.Ul([html.Li(line) for line in told(park, mended, found, lang)], className="ck-told mono"),
        html.Div([take, leave], className="ab"),
    ]
    drawing = empty_drawing(f"mend-{mended.version}")
    drawing["features"] = [
        *marks.changes(park, mended, {k: v for k, v in found.items() if not k.startswith("map_")}, fit=False),
        *marks.picked(park, finding),
    ]
    return panel.region(title, lang, body, name="im-part ck-preview"), drawing


def mended_by(park: Park, finding: Finding) -> Park:
    """Return the park with one finding put right.

    Raises
    ------
    DeskError
        It cannot be done; the text says why.
    """
    try:
        return mend(park, finding)
    except (ValueError, KeyError) as error:
        raise DeskError(NO_MEND.fill(why=error)) from error


def drawn(park: Park, found: Sequence[Finding], chosen: Finding | None) -> dict[str, Any]:
    """Return the findings on the map, flying to the chosen one."""
    drawing = empty_drawing(f"{park.version}/{'/'.join(step_of(chosen))}" if chosen else "")
    drawing["features"] = [*marks.findings(park, found), *(marks.picked(park, chosen) if chosen else [])]
    return drawing


def place(web: Web, parks: Parks, base: str, lang: Lang) -> Any:
    """Return the map of the park that is checked."""
    park = parks.park(base)
    if base != PRESENT and not parks.may_have(login.reader(), base):
        return html.P(NOT_YOURS.say(lang), className="empty-page")
    if not crs.is_known(park.crs) or crs.is_local(park.crs):
        return html.P(park_publish.NO_PLACE.say(lang), className="empty-page")
    live = base == PRESENT
    return park_map(MAP, version=park.version, lang=lang, source=parks.source(base), live=live)


# what a press does -----------------------------------------------------------------------------------------


def save(web: Web, parks: Parks, it: Candidate, sent: Press) -> Text:
    """Put a candidate to use, signed by an administrator; returns what was done.

    Raises
    ------
    DeskError, Unfit, MissingError
        It cannot be; nothing was saved.
    """
    park = parks.candidate(it)
    if not it.steps and it.base == PRESENT:
        raise DeskError(NOTHING_NEW)
    token = it.base.removeprefix("w-")
    work = parks.desk.find(token) if it.base.startswith("w-") else None
    if it.base.startswith("w-") and (work is None or not work.result().get("ready")):
        raise DeskError(UNCONFIRMED)
    person = signed(web, sent.signature(), "park.version", park.version)
    if isinstance(person, Text):
        raise DeskError(person)
    reason = sent.fields["reason"].strip()
    listed = ", ".join(f"{kind} {feature}" for kind, _, feature, _ in it.steps)
    note = f"{reason} [{listed[:200]}]" if listed else reason
    account = origin(work.result()) if work is not None else None
    made = park_publish.publish(web.config, park, note, person.name, account)
    text = SAVED.fill(who=person.display, version=made.version, n=len(it.steps), reason=reason)
    recorded(web, person, "park.version", made.version, text)
    return text


def press(
    web: Web, parks: Parks, it: Candidate, shown: Mapping[str, Any], sent: Press
) -> tuple[Candidate, dict[str, Any], Text | None]:
    """Do what a button asks for; returns candidate and view from now on, and what to say.

    Raises
    ------
    DeskError, Unfit, MissingError
        It cannot be done.
    """
    view = {k: v for k, v in shown.items() if k not in ("step", "preview")}
    step: Step = tuple(json.loads(sent.value)) if sent.value.startswith("[") else ("", "", "", "")
    match sent.act:
        case "filter":
            return it, {"level": sent.fields.get("level", ""), "kind": sent.fields.get("kind", "")}, None
        case "go":
            return it, view | {"step": list(step)}, None
        case "preview":
            return it, view | {"step": list(step), "preview": True}, None
        case "take":
            park = parks.candidate(it)
            mended_by(park, parks.finding(park, step))
            return (
                Candidate(it.base, (*it.steps, step)),
                view,
                TAKEN.fill(kind=word(FAULTS, step[0]), id=step[2]),
            )
        case "stop":
            parks.checking(parks.candidate(it)).stop()
            return it, view, None
        case "again":
            parks.checking(parks.candidate(it), again=True)
            return it, view, None
        case "undo":
            return Candidate(it.base, it.steps[:-1]), view, UNDONE if it.steps else None
        case "save":
            return Candidate(), view, save(web, parks, it, sent)
    return it, view, None


def register(app: Dash, web: Web) -> None:
    """Add the callbacks."""
    parks = shared(app, web)
    default = as_lang(web.config.lang)

    @app.callback(
        Output("ck-candidate", "data"),
        Output("ck-show", "data"),
        Output("ck-say", "children"),
        Input("ck-act", "data"),
        State("ck-candidate", "data"),
        State("ck-show", "data"),
        prevent_initial_call=True,
        running=[(Output("ck-say", "className"), "af-say busy", "af-say")],
    )
    @in_thread
    def _press(sent: Any, kept: Any, shown: Any) -> Any:
        lang = reader_lang(default)
        try:
            it, view, text = press(web, parks, Candidate.of(kept), shown or {}, Press.of(sent))
        except (DeskError, Unfit) as error:
            return dash.no_update, dash.no_update, said(error.text, lang, good=False)
        except (TwinError, OSError) as error:
            return dash.no_update, dash.no_update, said(Text(str(error), str(error)), lang, good=False)
        return it.data(), view, said(text, lang)

    @app.callback(
        Output("ck-sum", "children"),
        Output("ck-mends", "children"),
        Output("ck-preview", "children"),
        Output("ck-table", "children"),
        Output("ck", "className"),
        Output("ck-again", "disabled"),
        Input("ck-candidate", "data"),
        Input("ck-show", "data"),
        Input("ck-again", "n_intervals"),
    )
    @in_thread
    def _show(kept: Any, shown: Any, _: Any) -> Any:
        it = Candidate.of(kept)
        return *render(parks, it, shown or {}, reader_lang(default))[0], not busy(parks, it)

    @app.callback(
        Output(draw_id(MAP), "data"),
        Input("ck-candidate", "data"),
        Input("ck-show", "data"),
        Input("ck-place", "children"),
        Input("ck-again", "disabled"),
    )
    @in_thread
    def _draw(kept: Any, shown: Any, _: Any, __: Any) -> Any:
        return render(parks, Candidate.of(kept), shown or {}, reader_lang(default))[1]

    @app.callback(
        Output("ck-place", "children"),
        Output("ck-seen", "data"),
        Input("ck-candidate", "data"),
        State("ck-seen", "data"),
    )
    @in_thread
    def _place(kept: Any, seen: Any) -> Any:
        base, lang = Candidate.of(kept).base, reader_lang(default)
        try:
            mark = f"{base}/{parks.park(base).version}"
            return (dash.no_update, seen) if mark == seen else (place(web, parks, base, lang), mark)
        except MissingError:
            return html.P(GONE.say(lang), className="empty-page"), ""


def render(parks: Parks, it: Candidate, shown: Mapping[str, Any], lang: Lang) -> tuple[Any, dict[str, Any]]:
    """Return every part of the tab, and the drawing on its map."""
    try:
        park = parks.candidate(it)
    except (MissingError, ValueError, KeyError):
        return (None, None, None, panel.failed(GONE, lang), "ck"), empty_drawing()
    name = "ck is-candidate" if it.steps or it.base != PRESENT else "ck"
    now = parks.checking(park)
    if not now.over.wait(AT_ONCE_S) or now.stopped:
        return (None, mends(it, lang), None, progress(now, lang), name), empty_drawing()
    found = now.findings()
    chosen = next((f for f in found if list(step_of(f)) == shown.get("step")), None)
    shows: Any = None
    drawing = drawn(park, found, chosen)
    if chosen is not None and shown.get("preview"):
        try:
            shows, drawing = preview(parks, it, step_of(chosen), lang)
        except DeskError as error:
            shows = panel.failed(error.text, lang)
    head = summary(park, it, found, lang, parks.may_have(login.reader(), it.base))
    parts = head, mends(it, lang), shows, table(found, shown, lang)
    return (*parts, name), drawing


def busy(parks: Parks, it: Candidate) -> bool:
    """Say whether a candidate is being checked now."""
    try:
        return not parks.checking(parks.candidate(it)).over.is_set()
    except (MissingError, ValueError, KeyError):
        return False


NO_MEND = Text("这一项不能自动处理：{why}", "this cannot be mended by itself: {why}")
NOTHING_NEW = Text("没有任何修改可存", "there is nothing to save")
UNCONFIRMED = Text(
    "这个候选还有判断没有确认，请先回到导入页确认", "this candidate waits for judgements on the import tab"
)
TAKEN = Text("已采用：{kind} {id}；尚未成为正式版本", "taken: {kind} {id}; not in use yet")
UNDONE = Text("已撤销最近一项修改", "the last mend was undone")
SAVED = Text(
    "{who} 启用了版本 {version}（修改 {n} 项）：{reason}",
    "{who} put version {version} to use ({n} mends): {reason}",
)
GONE = Text("这个候选已经不在，请重新导入", "this candidate is gone; import again")

TAB = Tab("check", Text("检查", "Check"), layout, register)
