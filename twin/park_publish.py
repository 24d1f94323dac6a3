"""A park becomes the one in use: kept as a version, and put where every running process reads its park."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from geodata import crs
from geodata import park as parks
from geodata.places import Park
from geodata.versions import Store, Version
from geodata.words import Text
from twin.clock import as_datetime, wall_ms
from twin.config import Config
from twin.errors import ConfigError, RefusedError
from twin.park_file import present_path
from twin.park_watch import Present

BEFORE = "as it was before the first version was saved here"


class Unfit(RefusedError):  # noqa: N818 - it is the park that is unfit
    """A park that no process could work with; `text` says why in both languages."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def store(config: Config) -> Store:
    """Return the versions of the park of this installation."""
    return Store(config.versions)


def publish(config: Config, park: Park, note: str, by: str, account: dict[str, Any] | None = None) -> Version:
    """Save a park as a version and put it to use; what is in use now is kept first.

    Parameters
    ----------
    account : dict, optional
        Which files it came from; see `geodata.versions.Store.save`.

    Raises
    ------
    Unfit
        Nothing could work with it, so nothing was saved.
    """
    fit(config, park)
    kept, now = store(config), as_datetime(wall_ms())
    keep_present(config, now)
    made = kept.save(park, note, by, now, account)
    kept.install(made.version, config.parks[0])
    return made


def restore(config: Config, version: str, note: str, by: str) -> Version:
    """Put an old version to use again.

    Raises
    ------
    KeyError
        There is no such version.
    ValueError
        Its file was changed after it was saved.
    Unfit
        Nothing could work with it.
    """
    kept, now = store(config), as_datetime(wall_ms())
    fit(config, kept.load(version))
    keep_present(config, now)
    made = kept.restore(version, by, now, note)
    kept.install(version, config.parks[0])
    return made


def keep_present(config: Config, now: datetime) -> Version | None:
    """Save the park in use as a version unless it is the newest one; return the newest."""
    kept = store(config)
    current = kept.current()
    try:
        present = parks.read(present_path(config.parks))
    except FileNotFoundError:
        return current
    if current is not None and current.version == present.version:
        return current
    return kept.save(present, BEFORE, "", now)


def fit(config: Config, park: Park) -> None:
    """See that the product could run on a park.

    Raises
    ------
    Unfit
        It could not; the text says why.
    """
    if not crs.is_known(park.crs) or crs.is_local(park.crs):
        raise Unfit(NO_PLACE)
    if not len(park.nodes) or not len(park.links):
        raise Unfit(NO_NETWORK)
    try:
        Present.of(park, config.limits)
    except ConfigError as error:
        raise Unfit(BROKEN.fill(why=error)) from error


NO_PLACE = Text(
    "它在自己的平面里，没有地理位置，不能成为正式版本；请在坐标系里写明换算参数 grid:EPSG:…,dx=…,dy=…",
    "it lies in a plane of its own and has no place on Earth, so it cannot be put to use; give its "
    "parameters as its coordinate system, grid:EPSG:...,dx=...,dy=...",
)
NO_NETWORK = Text(
    "它没有管段，追踪和关闸都无从谈起，不能成为正式版本",
    "it has no links, so nothing could be traced or closed; it cannot be put to use",
)
BROKEN = Text(
    "它不能成为正式版本（{why}）；请按检查结果处理",
    "it cannot be put to use ({why}); mend what the check finds",
)
