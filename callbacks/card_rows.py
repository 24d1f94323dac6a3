"""The lines of a card: a name, a value, and where the value comes from once it is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from dash import html
from dash.development.base_component import Component

from geodata.provenance import Confidence, Origin
from geodata.words import Lang, Text

Tell = Callable[[str], Origin | None]  # from an attribute to where its value comes from

CONFIDENCE: dict[str, Text] = {
    Confidence.SURVEYED: Text("实测", "surveyed"),
    Confidence.DECLARED: Text("资料给出", "declared"),
    Confidence.DERIVED: Text("推算", "derived"),
    Confidence.ASSUMED: Text("假定", "assumed"),
}
UNSAID = Text("没有说明来源", "Nobody has said where this comes from")


class Row(NamedTuple):
    """One line; `of` is the attribute of the park it shows, empty where it shows what is so now."""

    name: Text
    value: str
    of: str = ""


def rows(found: Iterable[Row], lang: Lang, tell: Tell = lambda attribute: None) -> Component:
    """Return lines; a value of the park opens to its source, and one that is only assumed says so at once."""
    return html.Dl(
        [html.Div([html.Dt(r.name.say(lang)), html.Dd(_value(r, lang, tell))]) for r in found],
        className="card-rows",
    )


def _value(row: Row, lang: Lang, tell: Tell) -> Any:
    if not row.of:
        return row.value
    origin = tell(row.of)
    shown: list[Any] = [html.Span(row.value)]
    if origin is not None and origin.confidence == Confidence.ASSUMED:
        shown.append(html.Em(CONFIDENCE[Confidence.ASSUMED].say(lang), className="card-assumed"))
    return html.Details(
        [html.Summary(shown), html.P(said(origin, lang), className="mut")], className="card-from"
    )


def said(origin: Origin | None, lang: Lang) -> str:
    """Write an origin: how it was got, from what, as of when."""
    if origin is None:
        return UNSAID.say(lang)
    word = CONFIDENCE.get(origin.confidence, Text(origin.confidence, origin.confidence)).say(lang)
    return " · ".join(part for part in (word, origin.source, origin.as_of) if part)
