"""What a page is, and what every page may use. The contract around it is told in `callbacks.shell`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal

import dash
from dash.development.base_component import Component

from callbacks.once import Once
from callbacks.wall_screens import Walls
from geodata.places import Park
from geodata.words import Lang, Text, as_lang
from layers.geo import Shelf
from twin import scorecard
from twin.config import Config
from twin.park_watch import Present
from twin.quality import rules
from twin.quality.rules import Rules
from twin.scorecard import Indicator
from twin.stream import Stream

if TYPE_CHECKING:
    from callbacks.as_of import Past
    from callbacks.live import Live
    from callbacks.tickets import Tickets
    from callbacks.tiles import Base
    from geodata.network import Network
    from twin.access import Access
    from twin.history.reader import History
    from twin.limits import Limits
    from twin.records import Records

Theme = Literal["dark", "light"]
Scale = Literal["desk", "wall"]


@dataclass(frozen=True, slots=True)
class Visit:
    """One reader looking at one address."""

    path: str
    rest: str
    query: Mapping[str, str]
    lang: Lang


@dataclass(frozen=True, slots=True)
class Page:
    """One page: where it is, what it is called, how it is laid out."""

    path: str
    name: Text
    layout: Callable[[Visit], Component]
    theme: Theme = "dark"
    scale: Scale = "desk"
    header: Callable[[Visit], Component] | None = None  # what it puts into the middle of the header
    nav: bool = True


class Pages:
    """The pages in the order of the navigation."""

    def __init__(self) -> None:
        self._pages: list[Page] = []

    def add(self, page: Page) -> None:
        """Add a page at the end of the navigation."""
        self._pages.append(page)

    def all(self) -> tuple[Page, ...]:
        """Every page, in order."""
        return tuple(self._pages)

    def find(self, path: str) -> tuple[Page | None, str]:
        """Return the page of an address and what follows its path; "/" is /atlas, or the first page."""
        clean = "/" + path.strip("/")
        if clean == "/":
            by_path = {page.path: page for page in self._pages}
            return by_path.get("/atlas", self._pages[0] if self._pages else None), ""
        for page in self._pages:
            if clean == page.path:
                return page, ""
            if clean.startswith(page.path + "/"):
                return page, clean[len(page.path) + 1 :]
        return None, ""


class Ground:
    """The park the pages show now, and its geometry as it is sent; replaced as a whole, never in parts.

    Attributes
    ----------
    trouble : callable
        Why a park that was saved since is not shown; empty if there is none.
    """

    def __init__(self, present: Present, trouble: Callable[[], str] = lambda: "") -> None:
        self.trouble = trouble
        self.renew(present)

    def renew(self, present: Present) -> None:
        """Show another version from now on."""
        self._shown = present, Shelf(present.park)

    @property
    def present(self) -> Present:
        """Park, network and limits."""
        return self._shown[0]

    @property
    def shelf(self) -> Shelf:
        """Geometry of the present park."""
        return self._shown[1]


@dataclass(frozen=True)
class Web:
    """Everything a page may use. One for the process; nothing in it is about one reader.

    The park may be another one at the next call: what belongs together is taken from one `ground.present`.
    A reader may replay the past (`callbacks.as_of`): stream, records, history and live then answer as of it.
    """

    config: Config
    ground: Ground
    past: Past
    access: Access
    tickets: Tickets
    rules: Rules = field(default_factory=rules.load)
    indicators: tuple[Indicator, ...] = field(default_factory=scorecard.load)
    pages: Pages = field(default_factory=Pages)
    base: Base | None = None  # the base map
    walls: Walls = field(default_factory=Walls)
    counts: Once = field(default_factory=Once)  # what is counted over the whole park

    @property
    def stream(self) -> Stream:
        """The stream server; of the moment that the request replays, as everything below."""
        return self.past.doors().stream

    @property
    def records(self) -> Records:
        """Incidents and what belongs to them."""
        return self.past.doors().records

    @property
    def history(self) -> History:
        """Readings."""
        return self.past.doors().history

    @property
    def live(self) -> Live:
        """Levels and gates."""
        return self.past.doors().live

    @property
    def park(self) -> Park:
        """The park as it is now."""
        return self.ground.present.park

    @property
    def network(self) -> Network:
        """Its network, gates as they usually stand."""
        return self.ground.present.network

    @property
    def limits(self) -> Limits:
        """The limits of its points."""
        return self.ground.present.limits


def reader_lang(default: Lang = "zh") -> Lang:
    """Return the language of whoever rang the present callback."""
    return as_lang((dash.ctx.cookies or {}).get("lang") or default)


def clicked() -> Any:
    """Return the id of the button that rang the present callback; None where none was clicked.

    A button that has only just appeared rings too, with no click on it, whatever was clicked before.
    """
    rang = dash.ctx.triggered
    return dash.ctx.triggered_id if rang and rang[0]["value"] else None


def in_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a callback run beside the event loop, so that the live feed never waits for it.

    The web server runs plain callbacks on the loop that also serves `/live`. Every callback that reads
    records, history or the network is wrapped in this: ``@app.callback(...)`` above ``@in_thread``.
    """

    @wraps(function)
    async def run(*args: Any) -> Any:
        return await asyncio.to_thread(function, *args)

    return run


def reader_theme(default: Theme = "dark") -> Theme:
    """Return the theme of whoever rang the present callback; the page's own where nothing was chosen."""
    chosen = (dash.ctx.cookies or {}).get("theme")
    return "light" if chosen == "light" else "dark" if chosen == "dark" else default


def data(**values: str) -> dict[str, Any]:
    """Return data attributes for a component: ``data(live_gate="G05")`` is ``{"data-live-gate": "G05"}``."""
    return {f"data-{name.replace('_', '-')}": value for name, value in values.items()}
