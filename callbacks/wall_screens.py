"""Which walls there are, and what each of them shows: `/wall` and `/wall/<screen>`.

The product has one wall. A park with several screens names a TOML file by TWIN_WALLS::

    [[wall]]
    screen = "canals"                  # /wall/canals; the first wall is also /wall
    name = ["河网屏", "Canals"]
    left = ["verdict", "stations", "exceedances"]
    right = ["alarms", "gates"]        # either side may be empty: the map takes its place
    turn_s = 30                        # how long each view is shown
    incident = true                    # an incident takes this wall over
    quiet_hour = 4                     # when the page loads itself again, o'clock

    [[wall.view]]
    name = ["河网", "Canals"]
    hide = ["pipe", "rack", "outlet"]  # layers of the map that are left out
    fit = [120.10, 33.02, 120.16, 33.06]  # west, south, east, north; the whole park without it
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geodata.words import Lang, Text
from layers.map import LAYERS
from twin.errors import ConfigError

PANELS: Mapping[str, int] = {
    "verdict": 118,
    "stations": 246,
    "transmission": 94,
    "exceedances": 130,
    "works": 124,
    "water": 118,
    "alarms": 396,
    "loads": 220,
    "gates": 168,
    "storage": 172,
}
"""What may stand beside the map, and how high it is when full, px of a wall of 1080."""

ROOM = 1000
"""How high a side may be: 1080 px without header and frame."""

TURN_S, QUIET_HOUR = 30.0, 4


@dataclass(frozen=True, slots=True)
class View:
    """One of the views a wall turns through: what it leaves out of the map, and where it looks."""

    name: Text
    hide: tuple[str, ...] = ()
    fit: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Wall:
    """One screen."""

    screen: str
    name: Text
    left: tuple[str, ...]
    right: tuple[str, ...]
    views: tuple[View, ...]
    turn_s: float = TURN_S
    incident: bool = True
    quiet_hour: int = QUIET_HOUR


USUAL = Wall(
    "main",
    Text("大屏", "Wall"),
    ("verdict", "stations", "transmission", "exceedances", "works", "water"),
    ("alarms", "loads", "gates", "storage"),
    (
        View(Text("总览", "Overview")),
        View(Text("河网", "Canals"), ("pipe", "rack", "outlet", "plot")),
        View(Text("管网", "Pipes"), ("canal", "rain")),
    ),
)


class Walls:
    """Every wall of a park, by the last part of its address; the first is also shown without one."""

    def __init__(self, walls: tuple[Wall, ...] = (USUAL,)) -> None:
        self._first = walls[0]
        self._by_screen = {wall.screen: wall for wall in walls}

    def find(self, screen: str) -> Wall | None:
        """Return a wall, None where there is none of that name."""
        return self._by_screen.get(screen) if screen else self._first

    def __iter__(self) -> Any:
        """Go through them in their order."""
        return iter(self._by_screen.values())


def load(path: Path | None) -> Walls:
    """Read the walls of a TOML file; the product's own where there is none.

    Raises
    ------
    ConfigError
        It cannot be used; the message names the file, the wall, the member and the mend.
    """
    if path is None:
        return Walls()
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"TWIN_WALLS: {path} cannot be read ({error})") from None
    rows = told.get("wall")
    if not isinstance(rows, list) or not rows:
        raise ConfigError(f"TWIN_WALLS: {path} names no wall: write one under [[wall]]")
    walls = tuple(_wall(_Row(path, f"wall {n}", row)) for n, row in enumerate(rows, 1))
    for n, wall in enumerate(walls):
        if wall.screen in [w.screen for w in walls[:n]]:
            raise ConfigError(f"{path}: wall {n + 1}, screen: {wall.screen!r} is there twice: name each anew")
    return Walls(walls)


@dataclass(frozen=True, slots=True)
class _Row:
    """One table of the file; every complaint names it."""

    path: Path
    where: str
    body: Any

    def wrong(self, member: str, what: str) -> ConfigError:
        return ConfigError(f"{self.path}: {self.where}, {member}: {what}")

    def only(self, *known: str) -> None:
        if not isinstance(self.body, dict):
            raise self.wrong("wall", "write it as a table")
        for member in self.body:
            if member not in known:
                raise self.wrong(member, f"there is no such setting: use {', '.join(known)}")

    def text(self, member: str) -> Text:
        said = self.body.get(member)
        if isinstance(said, str) and said:
            return Text(said, said)
        if isinstance(said, list) and len(said) == 2 and all(isinstance(s, str) and s for s in said):
            return Text(*said)
        raise self.wrong(member, 'write it in Chinese and English, such as ["河网屏", "Canals"]')

    def names(self, member: str, known: Mapping[str, Any], usual: tuple[str, ...]) -> tuple[str, ...]:
        said = self.body.get(member, list(usual))
        if not isinstance(said, list):
            raise self.wrong(member, "write a list")
        for name in said:
            if name not in known:
                raise self.wrong(member, f"there is no {name!r}: use {', '.join(known)}")
        if len(set(said)) < len(said):
            raise self.wrong(member, "one of them is there twice")
        return tuple(said)

    def number(self, member: str, usual: float, low: float, high: float) -> float:
        said = self.body.get(member, usual)
        if isinstance(said, bool) or not isinstance(said, int | float) or not low <= said <= high:
            raise self.wrong(member, f"write a number from {low:g} to {high:g}")
        return float(said)


def _wall(row: _Row) -> Wall:
    row.only("screen", "name", "left", "right", "turn_s", "incident", "quiet_hour", "view")
    screen = row.body.get("screen")
    if not isinstance(screen, str) or not screen or not all(c.isalnum() or c in "-_" for c in screen):
        raise row.wrong("screen", "write the end of its address: letters, digits, - and _")
    left, right = (row.names(side, PANELS, getattr(USUAL, side)) for side in ("left", "right"))
    if both := set(left) & set(right):
        raise row.wrong("right", f"{', '.join(sorted(both))} stands on the left already")
    for side, panels in (("left", left), ("right", right)):
        if (high := sum(PANELS[p] for p in panels)) > ROOM:
            raise row.wrong(side, f"{high - ROOM} px too high for a wall of 1080: leave a panel out")
    incident = row.body.get("incident", True)
    if not isinstance(incident, bool):
        raise row.wrong("incident", "write true or false")
    hour = row.number("quiet_hour", QUIET_HOUR, 0, 23)
    if hour != int(hour):
        raise row.wrong("quiet_hour", "write a whole number from 0 to 23")
    views = row.body.get("view", [])
    if not isinstance(views, list):
        raise row.wrong("view", "write each under [[wall.view]]")
    found = tuple(_view(_Row(row.path, f"{row.where}, view {n}", body)) for n, body in enumerate(views, 1))
    turn_s = row.number("turn_s", TURN_S, 5, 3600)
    return Wall(screen, row.text("name"), left, right, found or USUAL.views, turn_s, incident, int(hour))


def _view(row: _Row) -> View:
    row.only("name", "hide", "fit")
    fit = row.body.get("fit")
    if fit is not None:
        numbers = isinstance(fit, list) and all(isinstance(v, int | float) for v in fit)
        if not numbers or len(fit) != 4 or not (fit[0] < fit[2] and fit[1] < fit[3]):
            raise row.wrong("fit", "write [west, south, east, north] in degrees")
        fit = tuple(float(v) for v in fit)
    return View(row.text("name"), row.names("hide", LAYERS, ()), fit)


def unknown(walls: Walls, screen: str, lang: Lang) -> str:
    """Say that there is no such wall, and which there are."""
    there = "、" if lang == "zh" else ", "
    names = there.join(f"/wall/{wall.screen}" for wall in walls)
    return (
        Text("没有大屏“{s}”，已有：{n}", "There is no wall {s}; there are {n}")
        .fill(s=screen, n=names)
        .say(lang)
    )
