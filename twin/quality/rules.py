"""The rules by which values count, read from a file that says of each number where it comes from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodata.words import Text
from twin.errors import ConfigError
from twin.history.catalogue import KINDS, Kind

_TO_CHECK = Text("（待核实，非法定）", " (not verified, not law)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One number, where it comes from, and whether somebody has checked that."""

    value: float
    source: Text
    verified: bool

    @property
    def cited(self) -> Text:
        """The source for people; a number nobody has checked says so."""
        if self.verified:
            return self.source
        return Text(self.source.zh + _TO_CHECK.zh, self.source.en + _TO_CHECK.en)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of an analyser. at_ms: park time, epoch milliseconds."""

    at_ms: int
    passed: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """Every rule.

    Attributes
    ----------
    hour_share, day_share, month_share : Rule
        Share of the values due that must be valid.
    zero_flow : Rule
        Mean flow of an hour, L/s, up to which nothing was discharged.
    good, fair : Rule
        Valid transmission from which it is good, from which it is fair.
    near : Rule
        Share of a permit from which a load is a warning.
    differs : Rule
        Share by which a logger's own hour or day value may be off from what follows from its values.
    standard : Rule
        Share by which a standard sample may be off in a check.
    jump : Rule
        Share by which an hour may rise or fall against the one before without a second look.
    constant, zero : Rule
        Equal hours in a row, and hours at zero while water runs, that want a look.
    checks : mapping of (station, factor code) to tuple of Check
        Checks that people have written down.
    counted : frozenset of int
        Character codes of the marks whose values count; 0 for none sent.
    ranges : mapping of factor code to (low, high)
        What can be a measurement at all; "*" for factors not named.
    keep_days : mapping of kind to float
        How long the history keeps files; 0 for ever.
    """

    hour_share: Rule
    day_share: Rule
    month_share: Rule
    zero_flow: Rule
    good: Rule
    fair: Rule
    near: Rule
    differs: Rule
    standard: Rule
    jump: Rule
    constant: Rule
    zero: Rule
    checks: Mapping[tuple[str, str], tuple[Check, ...]]
    counted: frozenset[int]
    ranges: Mapping[str, tuple[float, float]]
    keep_days: Mapping[Kind, float]

    def counts(self, flag: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Tell which marks are those of a measurement."""
        return np.isin(flag, list(self.counted))

    def possible(self, code: str, value: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which values an instrument of this factor can show."""
        low, high = self.ranges.get(code, self.ranges["*"])
        found: NDArray[np.bool_] = (value >= low) & (value <= high)
        return found


def load(path: Path | None = None) -> Rules:
    """Read the rules.

    Parameters
    ----------
    path : Path, optional
        A park's own file; the product's if not given.

    Raises
    ------
    ConfigError
        The file cannot be read, or a number is missing or impossible.
    """
    try:
        if path is None:
            text = resources.files("twin").joinpath("data", "quality.toml").read_text("utf-8")
        else:
            text = path.read_text("utf-8")
        return _rules(tomllib.loads(text))
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"the rules of data quality in {path or 'quality.toml'} cannot be used: {error!r};"
            " compare the file with twin/data/quality.toml"
        ) from error


def _rules(said: Mapping[str, Any]) -> Rules:
    rates = said["rate"]
    return Rules(
        hour_share=_rule(said["hour"]["least_share"], most=1.0),
        day_share=_rule(said["day"]["least_share"], most=1.0),
        month_share=_rule(said["month"]["least_share"], most=1.0),
        zero_flow=_rule(said["hour"]["zero_flow"]),
        good=_rule(rates["good"], most=1.0),
        fair=_rule(rates["fair"], most=1.0),
        near=_rule(said["load"]["near"], most=1.0),
        differs=_rule(said["transfer"]["differs"], most=1.0),
        standard=_rule(said["check"]["standard"], most=1.0),
        **{name: _rule(said["suspect"][name]) for name in ("jump", "constant", "zero")},
        checks=_checks(said.get("done", ())),
        counted=frozenset(ord(mark) if mark else 0 for mark in said["marks"]["count"]),
        ranges={code: _range(given) for code, given in said["range"].items() if code != "source"},
        keep_days={kind: float(said["keep"][kind]) for kind in KINDS},
    )


def _rule(said: Mapping[str, Any], most: float = float("inf")) -> Rule:
    value = float(said["value"])
    if not 0.0 <= value <= most:
        raise ValueError(f"{value:g} is not between 0 and {most:g}")
    return Rule(value, Text(**said["source"]), bool(said["verified"]))


def _range(said: Mapping[str, Any]) -> tuple[float, float]:
    return float(said.get("low", "-inf")), float(said.get("high", "inf"))


def _checks(said: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], tuple[Check, ...]]:
    out: dict[tuple[str, str], list[Check]] = {}
    for one in said:
        at = one["at"]
        if not isinstance(at, datetime) or at.tzinfo is None:
            raise ValueError(f"{at} of a check is no moment with a zone, such as 2026-11-20T08:00:00+08:00")
        check = Check(round(at.timestamp() * 1000), bool(one["passed"]))
        out.setdefault((str(one["station"]), str(one["factor"])), []).append(check)
    return {point: tuple(found) for point, found in out.items()}
