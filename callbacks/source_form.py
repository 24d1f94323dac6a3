"""Putting on record who it was, once people have found out: chosen, with grounds and a name under it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, State, dcc, html, no_update

from callbacks import login, menu, signed_form, signing, wording
from callbacks.pages import in_thread
from geodata.places import Park
from geodata.words import Lang, Text
from twin import confirmed
from twin.access import Act, User
from twin.clock import wall_ms
from twin.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callbacks.pages import Web

TITLE = Text("查实来源", "Confirm the source")
WHO = Text("来源", "Source")
GROUNDS = Text("依据", "Grounds")
HINT = Text("如：现场检查发现暗管，执法采样吻合", "e.g. bypass found on inspection, legal sample fits")
KEEP = Text("签字确认", "Sign and confirm")
DONE = Text("已记录查实的来源", "The source is on record")
AWAY = Text("记录库没有应答，未记录", "The records do not answer; nothing was recorded")
REFUSED = Text("{why}，未记录", "{why}; nothing was recorded")
FOUND = Text("已查实：{who}", "Confirmed: {who}")
BY = Text("{grounds}（{by}，{at}）", "{grounds} ({by}, {at})")


def form(park: Park, lang: Lang) -> Any:
    """Return the form, closed until it is asked for. Who is signed in types no name and password."""
    signed = login.reader() is not None
    firms = sorted(park.enterprises, key=lambda e: e.id)
    who = [(e.id, f"{e.id} {e.short.say(lang)}") for e in firms]
    which = menu.menu("source-who", [*who, (confirmed.UNLISTED, confirmed.NO_LISTED.say(lang))], lang)
    return html.Details(
        [
            html.Summary(TITLE.say(lang)),
            html.Div(
                [
                    html.Label([html.Span(WHO.say(lang)), which]),
                    _box("grounds", GROUNDS, lang, placeholder=HINT.say(lang), maxLength=confirmed.LONGEST),
                    _box("user", Text("账号", "Account"), lang, hidden=signed),
                    _box("password", Text("口令", "Password"), lang, "password", hidden=signed),
                    html.Button(KEEP.say(lang), id="source-keep", className="btn p"),
                    html.Div(id="source-say", className="em-say", role="status"),
                ],
                className="em-form",
            ),
        ],
        className="sample-form source-form",
    )


def _box(name: str, word: Text, lang: Lang, kind: Any = "text", *, hidden: bool = False, **more: Any) -> Any:
    box = dcc.Input(id=f"source-{name}", type=kind, debounce=False, autoComplete="off", **more)
    return html.Label([html.Span(word.say(lang)), box], hidden=hidden)


def shown(source: confirmed.Source | None, park: Park, people: Mapping[str, Text], lang: Lang) -> Any:
    """Return who was found to be the source and on what grounds; None while nobody was."""
    if source is None:
        return None
    names = {e.id: e.short for e in park.enterprises} | {confirmed.UNLISTED: confirmed.NO_LISTED}
    who = names.get(source.enterprise, Text(source.enterprise, source.enterprise))
    by = people.get(source.by, Text(source.by, source.by))
    said = BY.fill(grounds=source.grounds, by=by, at=wording.hm(source.at))
    return html.Div([html.B(FOUND.fill(who=who).say(lang)), html.Span(said.say(lang))], className="grp found")


def press(
    web: Web,
    who: str,
    grounds: str,
    incident: str,
    mark: signing.Signature,
    reader: User | None,
    at: datetime,
) -> signing.Outcome:
    """Put on record who it was, if that person may."""
    desk = signing.Desk(web.records, web.access, web.stream)
    try:
        person = signing.known(desk, mark, reader, Act.INCIDENT, incident, at)
        if isinstance(person, signing.Outcome):
            return person
        confirmed.confirm(web.records, web.park, incident, who, grounds, person.name, at)
    except RefusedError as error:
        return signing.Outcome(False, REFUSED.fill(why=error.text))
    except UnavailableError:
        return signing.Outcome(False, AWAY)
    signing.announced(desk, confirmed.CONFIRMED, incident, at)
    return signing.Outcome(True, DONE)


def register(app: Dash, web: Web) -> None:
    """Connect the form."""

    @app.callback(
        Output("source-say", "children"),
        Output("source-who", "value"),
        Output("source-grounds", "value"),
        Output("source-password", "value"),
        Output("em-signed", "data", allow_duplicate=True),
        Input("source-keep", "n_clicks"),
        State("source-who", "value"),
        State("source-grounds", "value"),
        State("source-user", "value"),
        State("source-password", "value"),
        State("em-shown", "data"),
        prevent_initial_call=True,
    )
    @in_thread
    def _keep(clicks: int | None, who: Any, grounds: Any, user: Any, password: Any, page: Any) -> Any:
        if not clicks:
            return (no_update,) * 5
        found = partial(press, web, who or "", grounds or "")
        done, said = signed_form.pressed(web, page, user, password, found)
        return (said, *((None, "") if done else (no_update,) * 2), "", wall_ms())
