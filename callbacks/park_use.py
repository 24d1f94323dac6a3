"""Which version of the park every running process works with, and why not with the one saved last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from dash import html

from callbacks import wording
from geodata.versions import Store, Version
from geodata.words import Lang, Text
from twin.clock import wall_ms
from twin.errors import UnavailableError

if TYPE_CHECKING:
    from callbacks.pages import Web

SILENT_MS = 10_000  # a role that has said nothing for so long is taken for down
ROLES: dict[str, Text] = {
    "web": Text("页面", "Pages"),
    "watch": Text("监视", "Watch"),
    "advise": Text("研判", "Advice"),
}
TITLE = Text("园区版本", "Version of the park")
DOWN = Text("没有应答", "does not answer")
OLD = Text("用的不是最近保存的 {v}", "does not use {v}, which was saved last")


class Use(NamedTuple):
    """What one role says: the version it uses ("" if it is silent), and its trouble with a newer one."""

    role: str
    version: str
    trouble: str


def uses(web: Web) -> tuple[list[Use], Version | None]:
    """Return what every role says, and what was saved last if anything was.

    Raises
    ------
    UnavailableError
        The stream does not answer.
    """
    found = [Use("web", web.park.version, web.ground.trouble())]
    for role in ("watch", "advise"):
        said: Mapping[str, Any] = json.loads(web.stream.get(role) or b"{}")
        silent = wall_ms() - int(said.get("at_ms", 0)) > SILENT_MS
        version = "" if silent else str(said.get("park", ""))
        found.append(Use(role, version, "" if silent else str(said.get("trouble", ""))))
    return found, Store(web.config.versions).current()


def show(found: list[Use], saved: Version | None, lang: Lang) -> Any:
    """Return the lines: one a role, what is wrong in the colour of an alarm, and who saved what last."""
    rows = []
    for use in found:
        said: list[Any] = [html.Span(ROLES[use.role].say(lang)), html.B(use.version or wording.NONE)]
        old = saved is not None and bool(use.version) and use.version != saved.version
        why = use.trouble or (OLD.fill(v=saved.version).say(lang) if saved is not None and old else "")
        why = why if use.version else DOWN.say(lang)
        if why:
            said.append(html.Em(why, className="tx-alarm"))
        rows.append(html.Li(said))
    if saved is not None:
        when = wording.day_hm(saved.at, lang)
        by = Text("{when} {by} 保存 {v}：{note}", "{v} saved {when} by {by}: {note}")
        line = by.fill(when=when, by=saved.by, v=saved.version, note=saved.note)
        rows.append(html.Li(html.Span(line.say(lang)), className="pu-last"))
    return html.Div([html.H3(TITLE.say(lang), className="h"), html.Ul(rows)], className="pu")


def line(web: Web, lang: Lang) -> Any:
    """Return the lines as of now."""
    try:
        return show(*uses(web), lang)
    except UnavailableError:
        return show([Use("web", web.park.version, web.ground.trouble())], None, lang)
