"""Monitoring factors: HJ 212 code to name, unit and decimals, and the codes of 2005 to those of 2017.

The table is HJ 212-2017 appendix B with a few codes that surface-water stations use (`data/factors.csv`).
Decimals are those of assessment values, which are also what a limit is compared with.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from geodata.words import Text


@dataclass(frozen=True, slots=True)
class Factor:
    """What is measured.

    Attributes
    ----------
    code : str
        HJ 212-2017 code.
    name, short : Text
        In full, and as it fits a table or a map.
    unit : str
        As written for people; empty for pure numbers.
    decimals : int
        Digits after the point, for showing and for comparing with a limit (round half to even).
    """

    code: str
    name: Text
    short: Text
    unit: str
    decimals: int

    def show(self, value: float | None) -> str:
        """Write a value with the factor's decimals; a dash where there is none."""
        return "—" if value is None or value != value else f"{value:.{self.decimals}f}"


_SHORT = {
    "w00000": Text("流量", "Flow"),
    "w01001": Text("pH", "pH"),
    "w01009": Text("溶解氧", "DO"),
    "w01010": Text("水温", "Temp."),
    "w01012": Text("悬浮物", "SS"),
    "w01014": Text("电导率", "Cond."),
    "w01017": Text("BOD₅", "BOD₅"),
    "w01018": Text("COD", "COD"),
    "w01019": Text("高锰酸盐指数", "CODMn"),
    "w01020": Text("TOC", "TOC"),
    "w21001": Text("总氮", "TN"),
    "w21003": Text("氨氮", "NH3-N"),
    "w21011": Text("总磷", "TP"),
    "w22001": Text("石油类", "Oils"),
}
_DECIMALS = {
    "w00000": 1,
    "w01001": 2,
    "w01003": 1,
    "w01009": 2,
    "w01010": 1,
    "w01014": 1,
    "w01018": 1,
    "w01019": 1,
    "w21001": 2,
    "w21003": 2,
    "w21011": 3,
    "w21016": 3,
    "w21017": 3,
    "w21019": 3,
    "w22001": 2,
    "w23002": 4,
}
_UNITS = {
    "1": "",
    "ug/L": "μg/L",
    "uS/cm": "μS/cm",
    "degC": "℃",
    "mg/m3": "mg/m³",
    "m3/s": "m³/s",
    "deg": "°",
}
_WATER = frozenset(("21", "24", "25", "26", "32", "33", "34", "35", "52"))
_AIR = frozenset(("22", "27", "31", "39", "51"))
_EITHER = 2  # decimals of a factor nobody has described


def factor(code: str) -> Factor:
    """Look a factor up by its 2017 code; an unknown code is shown as itself, never dropped."""
    found = _table().get(code)
    if found is None:
        return Factor(code, Text(code, code), Text(code, code), "", _EITHER)
    return found


def known() -> tuple[Factor, ...]:
    """Every factor of the table."""
    return tuple(_table().values())


def canonical(st: str, code: str) -> str:
    """Turn a code as sent into the code of 2017.

    Parameters
    ----------
    st : str
        System type of the frame: the 2005 codes mean different things in water and in air.
    code : str
        As sent. A code in the wrong case is put right; an unknown one comes back unchanged.
    """
    table = _table()
    if code in table:
        return code
    media = ("water", "air") if st not in _AIR else ("air",)
    if st in _WATER:
        media = ("water",)
    for medium in media:
        new = _old().get((medium, code.upper()))
        if new is not None:
            return new
    lower = code.lower()
    return lower if lower in table else code


@cache
def aliases(code: str) -> tuple[str, ...]:
    """Every code under which a factor may have been sent: its own, and the one of 2005."""
    return (code, *(old for (_, old), new in _old().items() if new == code))


@cache
def _rows() -> tuple[dict[str, str], ...]:
    # Reads a file of this package that never changes while the program runs.
    text = resources.files("twin").joinpath("data", "factors.csv").read_text("utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def _table() -> MappingProxyType[str, Factor]:
    return MappingProxyType({row["code2017"]: _factor(row) for row in _rows()})


@cache
def _old() -> MappingProxyType[tuple[str, str], str]:
    rows = ((row["medium"], row["code2005"], row["code2017"]) for row in _rows())
    return MappingProxyType({(medium, old): new for medium, old, new in rows if old})


def _factor(row: dict[str, str]) -> Factor:
    code, zh, en = row["code2017"], row["name_zh"], row["name_en"]
    abbreviation = re.search(r"\(([A-Z][A-Za-z0-9]{1,5})\)$", en)
    short = _SHORT.get(code, Text(zh, abbreviation[1] if abbreviation else en))
    digits = row["format"].partition(".")[2]
    decimals = _DECIMALS.get(code, int(digits) if digits else 0 if row["format"] else _EITHER)
    return Factor(code, Text(zh, en), short, _UNITS.get(row["unit"], row["unit"]), decimals)
