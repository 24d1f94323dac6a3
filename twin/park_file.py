"""A park from a file that somebody names: every way it can fail becomes one sentence."""

from __future__ import annotations

from pathlib import Path

from pyogrio.errors import DataLayerError, DataSourceError

from geodata import park as park_file
from geodata.places import Park
from twin.errors import ConfigError, MissingError


def open_park(path: Path) -> Park:
    """Read a park file.

    Raises
    ------
    MissingError
        There is no such file.
    ConfigError
        It is not a park file; the message says what is wrong with it.
    """
    if not path.is_file():
        raise MissingError(f"there is no file {path}")
    try:
        return park_file.read(path)
    except (ValueError, KeyError, IndexError, TypeError, DataSourceError, DataLayerError) as error:
        raise ConfigError(f"{path} cannot be read as a park: {error}") from error
