"""What a tab of the administration page is; see `callbacks.admin` for how one is added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dash import Dash

from callbacks.pages import Visit, Web
from geodata.words import Text


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab.

    Attributes
    ----------
    key : str
        Its word in the address: ``/admin?tab=<key>``.
    layout : callable
        Returns its content for a visit; called each time somebody opens it.
    register : callable
        Adds its callbacks to the application, once.
    """

    key: str
    name: Text
    layout: Callable[[Web, Visit], Any]
    register: Callable[[Dash, Web], None]
