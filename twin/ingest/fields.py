"""Settings of a TOML file, field by field: every complaint names the place, nothing is passed over."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from twin.errors import ConfigError


class Fields:
    """One table of a settings file.

    Parameters
    ----------
    row : mapping
        The table as the TOML reader gives it.
    where : str
        How a person finds it: the file, the kind of table and its name or number.
    """

    def __init__(self, row: Mapping[str, Any], where: str) -> None:
        self._row = row
        self._known: set[str] = set()
        self.where = where

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; without a default it must be there and not be empty."""
        value = self._value(name, default)
        if not isinstance(value, str) or (default is None and not value):
            raise self.wrong(f"{name} = {value!r} is not a text: put it in quotes")
        return value

    def number(self, name: str, default: float | None = None, *, least: float = -1e300) -> float:
        """Return a number not below `least`."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
            bound = "" if least == -1e300 else f" of {least:g} or more"
            raise self.wrong(f"{name} = {value!r} is not a number{bound}")
        return float(value)

    def whole(self, name: str, default: int | None = None, *, least: int = 0, most: int = 1 << 31) -> int:
        """Return a whole number between two bounds, both included."""
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(f"{name} = {value!r} is not a whole number, {least} to {most}")
        return value

    def switch(self, name: str, default: bool) -> bool:
        """Return true or false."""
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise self.wrong(f"{name} = {value!r}: write true or false")
        return value

    def choice(self, name: str, among: tuple[str, ...], default: str | None = None) -> str:
        """Return one of some words."""
        value = self._value(name, default)
        if value not in among:
            raise self.wrong(f"{name} = {value!r}: write one of {', '.join(among)}")
        return str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; an empty one where there is none."""
        value = self._value(name, [])
        if not isinstance(value, list) or not all(isinstance(x, str) for x in value):
            raise self.wrong(f"{name} is not a list of texts")
        return tuple(value)

    def words(self, name: str) -> dict[str, str]:
        """Return a table of texts by text; an empty one where there is none."""
        value = self._value(name, {})
        if not isinstance(value, dict) or not all(isinstance(x, str) for x in value.values()):
            raise self.wrong(f"{name} is not a table of texts")
        return dict(value)

    def tables(self, name: str) -> Iterator[Fields]:
        """Go through a list of tables, each named by its own `name` or its number."""
        value = self._value(name, [])
        if not isinstance(value, list) or not all(isinstance(x, dict) for x in value):
            raise self.wrong(f"{name} is not a list of tables: write [[{name}]]")
        for number, row in enumerate(value, 1):
            yield Fields(row, f"{self.where}, {name} {row.get('name', number)}")

    def table(self, name: str) -> Fields | None:
        """Return an inner table, None where there is none."""
        value = self._value(name, {})
        if not isinstance(value, dict):
            raise self.wrong(f"{name} is not a table: write [{name}]")
        return Fields(value, f"{self.where}, {name}") if name in self._row else None

    def done(self) -> None:
        """Complain about what nobody asked for: a mistyped setting must not be passed over."""
        odd = sorted(self._row.keys() - self._known)
        if odd:
            known = ", ".join(sorted(self._known))
            raise self.wrong(f"unknown setting {', '.join(odd)} (known: {known})")

    def wrong(self, what: str) -> ConfigError:
        """Return a complaint that names this place."""
        return ConfigError(f"{self.where}: {what}")

    def __contains__(self, name: str) -> bool:
        return name in self._row

    def _value(self, name: str, default: object) -> Any:
        self._known.add(name)
        value = self._row.get(name, default)
        if value is None:
            raise self.wrong(f"{name} is missing")
        return value


def read(path: Path, setting: str) -> Fields:
    """Read a TOML file.

    Parameters
    ----------
    setting : str
        The setting that names the file, for the complaint.

    Raises
    ------
    ConfigError
        It cannot be read.
    """
    try:
        return Fields(tomllib.loads(path.read_text("utf-8")), str(path))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{setting}={path} cannot be read: {error}") from error
