"""Units in which instruments report, turned into the unit a factor is kept in.

Only what is a plain multiple is turned. A temperature in kelvin or a volume without its pressure is not:
there a person says scale and offset.
"""

from __future__ import annotations

import unicodedata
from types import MappingProxyType

from twin.factors import factor

# Unit -> (what it measures, how many of the base unit one is).
_UNITS = MappingProxyType(
    {
        "mg/l": ("mass per volume", 1.0),
        "ug/l": ("mass per volume", 1e-3),
        "ng/l": ("mass per volume", 1e-6),
        "g/l": ("mass per volume", 1e3),
        "g/m3": ("mass per volume", 1.0),
        "kg/m3": ("mass per volume", 1e3),
        "mg/m3": ("mass per volume", 1e-3),
        "ug/m3": ("mass per volume", 1e-6),
        "ng/m3": ("mass per volume", 1e-9),
        "l/s": ("flow", 1.0),
        "l/min": ("flow", 1 / 60),
        "l/h": ("flow", 1 / 3600),
        "m3/s": ("flow", 1000.0),
        "m3/min": ("flow", 1000 / 60),
        "m3/h": ("flow", 1000 / 3600),
        "m3/d": ("flow", 1000 / 86_400),
        "us/cm": ("conductivity", 1.0),
        "ms/cm": ("conductivity", 1000.0),
        "s/m": ("conductivity", 10_000.0),
        "ms/m": ("conductivity", 10.0),
        "pa": ("pressure", 1.0),
        "kpa": ("pressure", 1e3),
        "hpa": ("pressure", 100.0),
        "mbar": ("pressure", 100.0),
        "bar": ("pressure", 1e5),
        "mpa": ("pressure", 1e6),
        "m": ("length", 1.0),
        "cm": ("length", 0.01),
        "mm": ("length", 1e-3),
        "m/s": ("speed", 1.0),
        "cm/s": ("speed", 0.01),
        "km/h": ("speed", 1 / 3.6),
        "kg": ("mass", 1.0),
        "g": ("mass", 1e-3),
        "t": ("mass", 1e3),
    }
)
_FOLDED = str.maketrans({"³": "3", "μ": "u", "µ": "u", "·": "", " ": "", "²": "2", "/": "/"})


def multiple(unit: str, code: str) -> float | None:
    """Return what a value in a unit is multiplied by to be in the unit of a factor; None where unknown.

    Parameters
    ----------
    unit : str
        As a person writes it; empty for the factor's own unit.
    code : str
        HJ 212 code. A factor of unknown unit takes every unit as its own.

    Examples
    --------
    >>> multiple("m³/h", "w00000")
    0.2777777777777778
    """
    own = folded(factor(code).unit)
    given = folded(unit)
    if not given or not own or given == own:
        return 1.0
    if given not in _UNITS or own not in _UNITS or _UNITS[given][0] != _UNITS[own][0]:
        return None
    return _UNITS[given][1] / _UNITS[own][1]


def folded(unit: str) -> str:
    """Return a unit as it is compared: no case, no blanks, plain digits."""
    plain = unicodedata.normalize("NFKC", unit.translate(_FOLDED)).translate(_FOLDED).casefold()
    return {"°c": "degc", "℃": "degc", "无量纲": "", "1": "", "ph": ""}.get(plain, plain)
