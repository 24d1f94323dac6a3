"""Numbers, dates and spans in the form of a third language, by the Unicode locale data that Babel carries.

Chinese and English have the product's own forms (`callbacks.wording`), which need none of this: what a locale
says is looked up once and remembered, since a page writes hundreds of numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_skeleton, get_day_names, get_month_names
from babel.numbers import get_decimal_symbol, get_group_symbol, get_minus_sign_symbol
from babel.units import format_unit

from geodata.words import LANGS, Lang

THIN, MINUS = "\u2009", "\u2212"
DAY, DATE = "MMdd", "yMMdd"  # skeletons of the Unicode locale data
UNITS = {"d": "duration-day", "h": "duration-hour", "min": "duration-minute", "s": "duration-second"}


@cache
def locale(lang: Lang) -> Locale:
    """Return what Babel knows about a language; of one it does not know, English."""
    try:
        return Locale.parse(lang, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@cache
def signs(lang: Lang) -> Mapping[str, str]:
    """Return the decimal sign, what parts thousands, and the minus sign of a language."""
    if lang in LANGS:
        return {".": ".", ",": THIN, "-": MINUS}
    it = locale(lang)
    minus = get_minus_sign_symbol(it)
    return {
        ".": get_decimal_symbol(it),
        ",": get_group_symbol(it),
        "-": MINUS if minus == "-" else minus,
    }


def number(text: str, lang: Lang) -> str:
    """Return a number as Python writes it (`-12,345.6`) with the signs of a language."""
    return text.translate(_table(lang))


@cache
def _table(lang: Lang) -> dict[int, str]:
    return {ord(sign): own for sign, own in signs(lang).items()}


class Number:
    """A number that a sentence of a third language formats: `{km:.1f}` with its own decimal sign."""

    __slots__ = ("_lang", "_value")

    def __init__(self, value: float, lang: Lang) -> None:
        self._value, self._lang = value, lang

    def __format__(self, form: str) -> str:
        return number(format(self._value, form), self._lang)


def written(at: datetime, skeleton: str, lang: Lang) -> str:
    """Return a date in the order and with the signs of a language; `skeleton` is `DAY` or `DATE`."""
    return format_skeleton(skeleton, at, locale=locale(lang))


def unit(n: int, name: str, lang: Lang) -> str:
    """Return a number of days, hours, minutes or seconds, `name` of `UNITS`, as a language shortens it."""
    return format_unit(n, UNITS[name], length="short", locale=locale(lang))


@cache
def months(lang: Lang) -> tuple[str, ...]:
    """Return the twelve months' short names."""
    names = get_month_names("abbreviated", locale=locale(lang))
    return tuple(str(names[n]) for n in range(1, 13))


@cache
def weekdays(lang: Lang) -> tuple[str, ...]:
    """Return the seven days' short names, Sunday first as browsers count."""
    names = get_day_names("abbreviated", locale=locale(lang))
    return tuple(str(names[n]) for n in (6, 0, 1, 2, 3, 4, 5))
