"""Saving a park for everybody: kept as a version, put where the running processes read it, and told.

Each process finds the new file by itself within half a second (`twin.park_watch`); that it was told is for
people: the state key "park" says which version was saved last, by whom and why.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from geodata.places import Park
from geodata.versions import Store, Version
from twin.config import Config
from twin.errors import UnavailableError
from twin.model import to_json
from twin.park_file import open_park, present_path
from twin.park_watch import Present

KEY = "park"
FIRST = "before the first change"


class Board(Protocol):
    """Where what was saved last is told."""

    def put(self, name: str, body: bytes) -> None:
        """Write a small piece of present state."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved last, as the state key "park" says."""

    version: str
    at: datetime
    by: str
    note: str


def save(config: Config, stream: Board, park: Park, note: str, by: str, at: datetime) -> Version:
    """Save a park and let every running process go on with it.

    The park that was there before the first save is kept as a version too, so that there is a way back.

    Raises
    ------
    ConfigError
        No process could use this park; nothing is saved.
    """
    Present.of(park, config.limits)
    store = Store(config.versions)
    if store.current() is None:
        before = open_park(present_path(config.parks))
        if before.version != park.version:
            store.save(before, FIRST, "", at)
    return _release(config, stream, store, store.save(park, note, by, at))


def restore(config: Config, stream: Board, version: str, by: str, at: datetime, note: str = "") -> Version:
    """Make an old version the present one again, for every running process.

    Raises
    ------
    KeyError
        There is no such version.
    ConfigError
        No process could use it; nothing is changed.
    """
    store = Store(config.versions)
    Present.of(store.load(version), config.limits)
    return _release(config, stream, store, store.restore(version, by, at, note))


def _release(config: Config, stream: Board, store: Store, version: Version) -> Version:
    home: Path = config.parks[0]
    home.parent.mkdir(parents=True, exist_ok=True)
    store.install(version.version, home)
    with suppress(UnavailableError):  # the file is what counts
        stream.put(KEY, to_json(Saved(version.version, version.at, version.by, version.note)))
    return version
