"""A form of the desk that somebody signs: it counts only as it was shown on a page of ours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from callbacks import dossier, login, signing
from callbacks.approval import status
from callbacks.pages import reader_lang
from geodata.words import as_lang
from twin.access import User

if TYPE_CHECKING:
    from callbacks.pages import Web

Act = Callable[[str, signing.Signature, User | None, datetime], signing.Outcome]
"""What is done about an incident in somebody's name, at a moment of park time."""


def pressed(web: Web, shown: Any, user: Any, password: Any, act: Act) -> tuple[bool, Any]:
    """Do what a form asks for, if the page it stands on is ours; tell whether it was done, and say so.

    Parameters
    ----------
    shown
        What the page was given when it was drawn, with its ticket.
    user, password
        As typed; neither where the reader is signed in.
    """
    outcome = signing.ticketed(web.tickets, shown, login.name())
    if outcome is None:
        mark = signing.Signature(user or "", password or "", "")
        incident = str((shown or {}).get("incident", ""))
        outcome = act(incident, mark, login.reader(), dossier.moment(web.stream).now)
    return outcome.done, status(outcome, reader_lang(as_lang(web.config.lang)))
