"""Numbers, dates and spans of a third language."""

from __future__ import annotations

from datetime import datetime

import pytest

from geodata import locales
from geodata.words import Text

AT = datetime(2026, 11, 2, 3, 4, 5)  # noqa: DTZ001  (already on the park's clocks)


@pytest.mark.parametrize(
    ("lang", "number", "day", "date", "span"),
    [
        ("de", "−12.345,6", "02.11.", "02.11.2026", "15 Min."),
        ("ja", "−12,345.6", "11/2", "2026/11/2", "15 分"),
        ("pt-br", "−12.345,6", "02/11", "02/11/2026", "15 min"),
        ("tlh", "−12,345.6", "11/2", "11/2/2026", "15 min"),  # a language Babel has no data of
    ],
)
def test_a_third_language_has_its_own_form(lang: str, number: str, day: str, date: str, span: str) -> None:
    assert locales.number("-12,345.6", lang) == number
    assert locales.written(AT, locales.DAY, lang).replace("0", "") == day.replace("0", "")
    assert locales.written(AT, locales.DATE, lang).replace("0", "") == date.replace("0", "")
    assert locales.unit(15, "min", lang) == span


def test_the_products_languages_have_its_own_form() -> None:
    for lang in ("zh", "en"):
        assert locales.number("-12,345.6", lang) == "−12\u2009345.6"


def test_names_of_months_and_days_as_browsers_count_them() -> None:
    assert len(locales.months("de")) == 12
    assert locales.months("ja")[10] == "11月"
    assert (locales.weekdays("de")[0], locales.weekdays("ja")[6]) == ("So.", "土")


def test_a_sentence_of_a_third_language_formats_its_figures() -> None:
    said = Text("距离 {km:.1f} 公里，{n} 处", "{km:.1f} km away, {n} places").fill(km=-1.25, n=3)
    assert said.say("de") == "−1,2 km away, 3 places"
    assert said.say("en") == "-1.2 km away, 3 places"
