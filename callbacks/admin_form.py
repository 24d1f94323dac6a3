"""Fields, buttons and signatures of the administration tabs; the script admin_form.js brings them to life."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dash import html

from callbacks.pages import data
from callbacks.signing import Signature
from geodata.words import Lang, Text

Options = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a button: what was asked, about what, and what the fields of its form held."""

    act: str
    value: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Any) -> Press:
        """Read it from what the script sent."""
        if not isinstance(data, dict):
            return cls("")
        fields = {str(k): str(v) for k, v in (data.get("fields") or {}).items()}
        return cls(str(data.get("act") or ""), str(data.get("value") or ""), fields)

    def signature(self) -> Signature:
        """Return the signature its fields make."""
        return Signature(*(self.fields.get(k, "") for k in ("user", "password", "reason")))

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """Return a field as a number within bounds."""
        try:
            found = float(self.fields.get(name, ""))
        except ValueError:
            return default
        return min(max(found, low), high) if found == found else default


def pick(name: str, label: str, options: Options | str, value: str = "", *, now: str = "") -> Any:
    """Return a choice; `options` may be the id of an element that holds them (`options_of`).

    `now` is an act that is sent as soon as another one is chosen.
    """
    own = {} if isinstance(options, str) else {"options": json.dumps(list(options), ensure_ascii=False)}
    listed = options if isinstance(options, str) else ""
    more = {"now": now} if now else {}
    return html.Div(
        className="pick",
        key=f"{name}={value}={own.get('options', listed)}",
        **data(pick=listed, name=name, label=label, value=value, **own, **more),
    )


def options_of(id: str, options: Options) -> Any:
    """Return an unseen element that holds options for many picks."""
    return html.Div(id=id, hidden=True, **data(options=json.dumps(list(options), ensure_ascii=False)))


def box(name: str, label: str, kind: str = "text", value: str = "", hint: str = "") -> Any:
    """Return a field to type in."""
    return html.Div(
        className="box",
        key=f"{name}={value}",
        **data(box=kind, name=name, label=label, value=value, hint=hint),
    )


def labelled(text: str, it: Any) -> Any:
    """Return a field with its name in front."""
    return html.Label([html.Span(text), it], className="af-row")


def button(text: str, act: str, value: str = "", *, name: str = "btn s", **more: Any) -> Any:
    """Return a button that sends its form."""
    return html.Button(text, type="button", className=name, **data(act=act, value=value), **more)


def signature(act: str, text: str, lang: Lang, *, reason: bool = True, hint: Any = None) -> Any:
    """Return fields for account, password and reason, and the button that signs."""
    rows = [
        labelled(USER.say(lang), box("user", USER.say(lang))),
        labelled(PASSWORD.say(lang), box("password", PASSWORD.say(lang), "password")),
    ]
    if reason:
        rows.append(labelled(REASON.say(lang), box("reason", REASON.say(lang))))
    return html.Div([*rows, hint, button(text, act, name="btn p")], className="af-sign", **data(enter="1"))


def said(text: Text | None, lang: Lang, *, good: bool = True) -> Any:
    """Return the sentence an act is answered with."""
    if text is None:
        return None
    return html.P(
        text.say(lang), className="say ok" if good else "say no", role="status" if good else "alert"
    )


USER, PASSWORD, REASON = Text("账号", "Account"), Text("口令", "Password"), Text("理由", "Reason")
