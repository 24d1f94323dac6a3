"""Limits of every point: the standards of `data/limits.csv`, and what the park has agreed itself.

A station names one set: ``standard/class`` as in the CSV, with a third part where a row holds only under a
condition (``GB 3838-2002/V/湖库``), or the name of a table in the park's own TOML file (``permit``). Rows
nobody has checked against the published text are kept for reading and never raise an exceedance.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from geodata.places import Park
from geodata.words import Text
from twin.errors import ConfigError
from twin.factors import factor

_MASS = {"mg/L": 1.0, "μg/L": 1e-3, "ng/L": 1e-6}
_SAME = {"无量纲": "", "个/L": "count/L", "ug/L": "μg/L", "1": ""}
_GRADES = {"1A": "一级A", "1B": "一级B"}
# Only for lakes and reservoirs, so not for a canal unless its set asks for it (GB 3838-2002 table 1).
_ONLY_IF_ASKED = frozenset(("湖库",))
_NOTHING = Text("", "")
# Class, grade and condition words of the table, longest first.
_ENGLISH = (
    ("表2特别排放限值-直接", "Table 2 special, direct"),
    ("表2特别排放限值-间接", "Table 2 special, indirect"),
    ("表3有机特征污染物", "Table 3 organics"),
    ("表1(第一类,车间口)", "Table 1, workshop outlet"),
    ("园区集中污水厂(记忆值)", "park works, from memory"),
    ("表1直接排放", "Table 1, direct"),
    ("表1间接排放", "Table 1, indirect"),
    ("表3(选择控制)", "Table 3"),
    ("表2(不分级)", "Table 2"),
    ("车间或设施口", "workshop outlet"),
    ("碱性高锰酸钾法", "alkaline permanganate"),
    ("医药原料药/染料/石油化工", "pharma, dyes, petrochemicals"),
    ("其他排污单位", "other dischargers"),
    ("注2所列产品", "products of note 2"),
    ("2006年起建", "built from 2006"),
    ("2005年底前建", "built before 2006"),
    ("石油化工", "petrochemicals"),
    ("第一类", "Class 1"),
    ("第二类", "Class 2"),
    ("第三类", "Class 3"),
    ("第四类", "Class 4"),
    ("水温", "water "),
    ("河流", "river"),
    ("湖库", "lake or reservoir"),
    ("一级", "Grade 1"),
    ("二级", "Grade 2"),
    ("三级", "Grade 3"),
    ("B级", "Grade B"),
)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a value must stay within, in the factor's own unit.

    Attributes
    ----------
    low, high : float or None
        Bounds that still comply.
    standard : str
        Where it comes from, with class and condition, as the table names it.
    verified : bool
        Whether somebody has checked it; only then may it raise an exceedance.
    unit : str
    title : Text
        `standard` for people.
    source : Text
        Who checked it against what, or who agreed it.
    """

    low: float | None
    high: float | None
    standard: str
    verified: bool
    unit: str = ""
    title: Text = _NOTHING
    source: Text = _NOTHING

    def broken_by(self, value: float, decimals: int) -> bool:
        """Tell whether a value, rounded half to even as GB/T 8170 asks, is outside."""
        rounded = round(value, decimals)
        over = self.high is not None and rounded > self.high
        under = self.low is not None and rounded < self.low
        return over or under


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of standards, in the factor's own unit."""

    set: str
    condition: str
    factor: str
    limit: Limit


class Limits:
    """The limit of every point of one park.

    Parameters
    ----------
    rows : mapping of (station, factor) to Limit
        The strictest row that counts.
    unverified : mapping of (station, factor) to Limit
        The strictest row among those nobody has checked.
    """

    def __init__(
        self, rows: Mapping[tuple[str, str], Limit], unverified: Mapping[tuple[str, str], Limit]
    ) -> None:
        self._rows = dict(rows)
        self._unverified = dict(unverified)

    @classmethod
    def load(cls, park: Park, own: Path | None = None) -> Limits:
        """Read the limits of every station of a park.

        Parameters
        ----------
        park : Park
        own : Path, optional
            The park's own TOML file; the demo park's if not given.

        Raises
        ------
        ConfigError
            A station names a set that does not exist, or the file cannot be used.
        """
        contracts = _contracts(own)
        rows: dict[tuple[str, str], Limit] = {}
        unverified: dict[tuple[str, str], Limit] = {}
        for station in park.stations:
            if not station.limit_set:
                continue
            found = contracts.get(station.limit_set) or _standard(station.limit_set)
            if not found:
                raise ConfigError(
                    f"station {station.id} of {park.id} names the limit set {station.limit_set!r}, "
                    f"which does not exist: use one of {', '.join(sorted({*contracts, *_names()}))}"
                )
            for code in station.factors:
                of_code = [row.limit for row in found if row.factor == code]
                for target, counts in ((rows, True), (unverified, False)):
                    chosen = strictest(limit for limit in of_code if limit.verified is counts)
                    if chosen is not None:
                        target[station.id, code] = chosen
        return cls(rows, unverified)

    def of(self, station: str, factor: str) -> Limit | None:
        """The limit that counts at a point; None where there is none, or none that was checked."""
        return self._rows.get((station, factor))

    def unverified(self, station: str, factor: str) -> Limit | None:
        """A limit that nobody has checked: for reading, marked as such, never for judging."""
        return self._unverified.get((station, factor))


def strictest(limits: Iterable[Limit]) -> Limit | None:
    """Return the limit that allows least: the lowest upper bound, then the highest lower one."""

    def room(limit: Limit) -> tuple[float, float]:
        high = float("inf") if limit.high is None else limit.high
        return high, -(float("-inf") if limit.low is None else limit.low)

    return min(limits, key=room, default=None)


@cache
def table() -> tuple[Row, ...]:
    """Return every row of the table of standards that has a factor code."""
    # Reads a file of this package that never changes while the program runs.
    text = resources.files("twin").joinpath("data", "limits.csv").read_text("utf-8")
    return tuple(_row(r) for r in csv.DictReader(text.splitlines()) if r["factor_code"])


def _row(r: dict[str, str]) -> Row:
    named = re.fullmatch(r"(.+?)\(([^()]+)\)", r["name_zh"])
    condition = named[2] if named else ""
    name = f"{r['standard']} {r['class_or_grade']}" + (f" ({condition})" if condition else "")
    note = r["source_verification"]
    limit = Limit(
        low=float(r["limit_low"]) if r["limit_low"] else None,
        high=float(r["limit_high"]) if r["limit_high"] else None,
        standard=name,
        verified=note.startswith("verified"),
        unit=_SAME.get(r["unit"], r["unit"]),
        title=Text(name, _english(name)),
        source=Text(note, note),
    )
    return Row(f"{r['standard']}/{r['class_or_grade']}", condition, r["factor_code"], _in_unit(limit, r))


def _in_unit(limit: Limit, r: dict[str, str]) -> Limit:
    """Turn a limit into the factor's unit; where the units cannot be compared it must not judge."""
    wanted = factor(r["factor_code"]).unit
    if limit.unit == wanted:
        return limit
    if limit.unit not in _MASS or wanted not in _MASS:
        return replace(limit, verified=False)
    scale = _MASS[limit.unit] / _MASS[wanted]
    low, high = (None if v is None else float(f"{v * scale:.12g}") for v in (limit.low, limit.high))
    return replace(limit, low=low, high=high, unit=wanted)


def _english(name: str) -> str:
    for zh, en in _ENGLISH:
        name = name.replace(zh, en)
    return name


@cache
def _names() -> frozenset[str]:
    return frozenset(row.set for row in table())


def _standard(name: str) -> list[Row]:
    """Rows of a set of the table, named as in the CSV or with the grade as 1A, 1B."""
    condition = ""
    if name not in _names() and name.count("/") >= 2 and name.rpartition("/")[0] in _names():
        name, _, condition = name.rpartition("/")
    head, _, grade = name.rpartition("/")
    wanted = f"{head}/{_GRADES.get(grade, grade)}"
    return [
        row
        for row in table()
        if row.set == wanted
        and (row.condition in ("", condition) if condition else row.condition not in _ONLY_IF_ASKED)
    ]


def _contracts(path: Path | None) -> dict[str, list[Row]]:
    """Read the park's own sets."""
    try:
        if path is None:
            text = resources.files("twin").joinpath("data", "park_limits.toml").read_text("utf-8")
        else:
            text = path.read_text("utf-8")
        return {name: _contract(name, body) for name, body in tomllib.loads(text).items()}
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"the park's own limits {path or 'park_limits.toml'} cannot be read: {error!r}"
        ) from error


def _contract(name: str, body: dict[str, Any]) -> list[Row]:
    source, title = Text(**body["source"]), Text(**body["title"])
    rows = []
    for code, given in body["limits"].items():
        wanted = factor(code).unit
        if given["unit"] != wanted:
            raise ValueError(f"{name}.{code} is in {given['unit']!r}, the factor is in {wanted!r}")
        low, high = (None if given.get(k) is None else float(given[k]) for k in ("low", "high"))
        rows.append(Row(name, "", code, Limit(low, high, name, True, wanted, title, source)))
    return rows
