"""Times, spans and numbers as they are read, in the product's languages and in a third."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from callbacks import wording
from geodata import zone
from geodata.words import Text

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
SEEN = datetime(2026, 11, 20, 18, 59, 4, tzinfo=UTC)


@pytest.fixture
def berlin() -> Iterator[None]:
    zone.live_in(zone.named("Europe/Berlin"))
    yield
    zone.live_in(zone.CHINA)


def test_the_products_own_looks() -> None:
    for lang in ("zh", "en"):
        assert wording.number(-12345.6, 1, lang=lang) == "−12\u2009345.6"
        assert wording.number(9999, lang=lang) == "9999"
        assert wording.number(float("nan"), lang=lang) == wording.NONE
        assert wording.signed(-0.5, lang=lang) == "−0.5"
        assert wording.signed(0.25, 2, lang=lang) == "+0.25"
        assert wording.percent(0.002, lang=lang) == "<1"
        assert wording.day(SEEN, lang) == "11-21"
        assert wording.date_hm(SEEN, lang) == "2026-11-21 02:59"
        assert wording.day_hms(SEEN, lang) == "11-21 02:59:04"
    assert wording.moment(SEEN, NOW, "zh") == "昨 02:59"
    assert [wording.span(932, lang) for lang in ("zh", "en")] == ["15 分 32 秒", "15 min 32 s"]


def test_a_third_language_is_written_its_own_way() -> None:
    assert wording.number(-12345.6, 1, lang="de") == "−12.345,6"
    assert wording.kilograms(3.25, lang="de") == "3,2"
    assert wording.signed(0.25, 2, lang="de") == "+0,25"
    assert wording.number(None, lang="de") == wording.NONE
    assert wording.date_hm(SEEN, "de") == "21.11.2026 02:59"
    assert wording.span(932, "de") == "15 Min. 32 Sek."
    assert wording.span(7200, "ja") == "2 時間"


def test_a_figure_in_a_sentence_is_written_as_its_reader_writes() -> None:
    said = Text("约 {kg} 千克", "about {kg} kg").fill(kg=wording.Figure(wording.kilograms, 3.25))
    assert [said.say(lang) for lang in ("zh", "en", "de")] == ["约 3.2 千克", "about 3.2 kg", "about 3,2 kg"]


@pytest.mark.usefixtures("berlin")
def test_times_are_on_the_parks_clocks() -> None:
    assert wording.hm(SEEN) == "19:59"
    assert wording.day(SEEN, "zh") == "11-20"


def test_a_rate_has_its_decimals_and_its_sign() -> None:
    assert [wording.rate(0.9971, lang) for lang in ("zh", "de")] == ["99.7%", "99,7%"]
    assert wording.rate(0.00064, "en", 2) == "0.06%"
    assert wording.rate(None, "en") == wording.NONE


def test_a_clock_that_is_hours_wrong_reads_as_hours() -> None:
    assert wording.skew(-0.24, "en") == "−0.2 s"
    assert wording.skew(-0.04, "en") == "0.0 s"
    assert wording.skew(-12_021.0, "en") == "−3 h 20 min"
    assert wording.skew(12_021.0, "zh") == "+3 时 20 分"
