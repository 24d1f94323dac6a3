"""Every text in both languages, and a park's own wordings in a folder of gettext catalogues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po

from geodata import words
from geodata.catalogues import LOCALES, SHIPPED, Message, lang_of, load, messages, pairs, values, write
from geodata.words import Text, after, as_lang, languages, speak

ROOT = Path(__file__).parent.parent.parent
HAN = re.compile("[\u3400-\u9fff]")
HALF_WIDTH = re.compile("[\u3400-\u9fff][,;:!?](?![0-9])|[,;:][\u3400-\u9fff]")
# values that may begin or end in a letter or a figure
LATIN = "(?:factors?|worst|unit|code|mn|kg|km|mg_l|m3|value|peak)"
TOUCHING = re.compile(
    "[\u3400-\u9fff][A-Za-z0-9]|[A-Za-z0-9%][\u3400-\u9fff]"
    rf"|[\u3400-\u9fff]{{{LATIN}[:}}]|{{{LATIN}(?::[^}}]*)?}}[\u3400-\u9fff]|}}{{(?:unit|worst|way)}}"
)
NAMES = {"Modbus TCP"}
COUNTED = "次"  # a measure word, which English has none for
CLOSE = Text("关闭{gate}", "Close {gate}")
FOUND = (
    Message("关闭{gate}", "Close {gate}", ("a.py",)),
    Message("关", "Close", ("a.py",)),
    Message("关", "shut", ("b.py",)),
)


@pytest.fixture(scope="module")
def every() -> tuple[Message, ...]:
    return messages(ROOT)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    yield
    speak({})


def worded(folder: Path, locale: str, said: dict[tuple[str, str], str]) -> None:
    """Write wordings into a catalogue, as a translator does."""
    write(folder, locale, FOUND)
    path = folder / locale / "LC_MESSAGES" / "twin.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=locale)
    for (zh, en), wording in said.items():
        catalogue.get(zh, context=en).string = wording  # type: ignore[union-attr]
    with path.open("wb") as file:
        write_po(file, catalogue)
    write(folder, locale, FOUND)


def test_every_text_is_said_in_both_languages(every: tuple[Message, ...]) -> None:
    assert len(every) > 2000
    assert [m for m in every if not m.zh or (not m.en and m.zh != COUNTED)] == []
    assert [m for m in every if HAN.search(m.en) and m.en not in {"中文"}] == []
    alike = [m for m in every if m.zh == m.en and " " in m.en and m.en not in NAMES]
    assert [m for m in alike if re.search("[A-Za-z]{4}", re.sub("{.*?}", "", m.en))] == []


def test_chinese_is_set_in_chinese_punctuation(every: tuple[Message, ...]) -> None:
    assert [m.zh for m in every if HALF_WIDTH.search(m.zh)] == []


def test_chinese_stands_apart_from_latin_letters_and_figures(every: tuple[Message, ...]) -> None:
    assert [m.zh for m in every if TOUCHING.search(m.zh)] == []
    for bad in ("升高{peak} ", "{peak}{unit}，", "{factor}升高", "{km:.1f}公里", "限值5", "COD偏少"):
        assert TOUCHING.search(bad), bad
    assert not TOUCHING.search("{factor} 升高 {peak:.1f} {unit}，历时 5 分")


def test_braces_match_in_what_is_filled(every: tuple[Message, ...]) -> None:
    for m in every:
        assert values(m.zh) is not None
        assert values(m.en) is not None


def test_names_put_together_are_no_texts() -> None:
    source = (
        'a = Text("一", "one"); b = words.Text(zh="二", en="two"); c = Text(x, "z"); d = Text(f"{x}", "y")'
    )
    assert [t for _, t in pairs(source)] == [Text("一", "one"), Text("二", "two")]


def test_the_shipped_languages_are_what_the_source_says(tmp_path: Path) -> None:
    for locale in LOCALES.values():
        account = write(tmp_path, locale, FOUND)
        assert (account.worded, account.missing, account.faulty) == (3, (), ())
    assert load(tmp_path) == {"zh": {}, "en": {}}


@pytest.mark.parametrize(("lang", "locale"), LOCALES.items())
def test_the_catalogues_of_the_product_are_the_texts_of_its_source(
    every: tuple[Message, ...], lang: str, locale: str
) -> None:
    with (SHIPPED / locale / "LC_MESSAGES" / "twin.po").open("rb") as file:
        said = {(str(m.id), m.context or ""): str(m.string) for m in read_po(file, locale=locale) if m.id}
    texts = {(m.zh, m.en): str(getattr(m, lang)) for m in every}
    mend = "`make texts` brings the catalogues up to the source"
    assert [k for k in texts if k not in said] == [], mend
    assert [k for k in said if k not in texts] == [], mend
    assert [k for k, own in texts.items() if bool(own) != bool(said[k])] == [], "not worded"
    assert [said[k] for k, own in texts.items() if values(said[k]) != values(own)] == [], "other values"


def test_a_catalogue_written_twice_is_the_same_file(tmp_path: Path) -> None:
    for n in range(2):
        write(tmp_path / str(n), "en", FOUND)
    first, second = (tmp_path / str(n) / "en" / "LC_MESSAGES" / "twin.po" for n in range(2))
    again = second.read_bytes()
    assert first.read_bytes() == again
    write(tmp_path / "1", "en", FOUND)
    assert second.read_bytes() == again
    assert not re.search(rb"Date|Generated|#: .*:[0-9]", again)


def test_of_two_catalogues_the_last_is_heard_where_it_words_a_text_itself(tmp_path: Path) -> None:
    shipped, park = tmp_path / "shipped", tmp_path / "park"
    worded(shipped, "en", {("关", "shut"): "Shut it", ("关", "Close"): "Close it"})
    worded(park, "en", {("关", "shut"): "Valve shut"})
    speak(load(shipped, park))
    assert Text("关", "shut").say("en") == "Valve shut"
    assert Text("关", "Close").say("en") == "Close it"
    assert load(tmp_path / "none", None) == {}


def test_a_park_words_one_of_two_alike(tmp_path: Path) -> None:
    worded(tmp_path, "en", {("关", "shut"): "Valve shut"})
    speak(load(tmp_path))
    assert Text("关", "shut").say("en") == "Valve shut"
    assert Text("关", "Close").say("en") == "Close"
    assert Text("关", "shut").say("zh") == "关"


def test_a_third_language_fills_and_falls_back_to_english(tmp_path: Path) -> None:
    worded(tmp_path, "ja", {("关闭{gate}", "Close {gate}"): "{gate}を閉じる"})
    speak(load(tmp_path))
    said = CLOSE.fill(gate=Text("五号闸", "gate five"))
    assert said.say("ja") == "gate fiveを閉じる"
    assert said.say("en") == "Close gate five"
    assert said == Text("关闭五号闸", "Close gate five")
    assert Text("关", "shut").say("ja") == "shut"
    assert languages() == ("zh", "en", "ja")
    assert (as_lang("ja-JP"), as_lang("en-GB"), as_lang("zh-TW"), as_lang("fr")) == ("ja", "en", "zh", "zh")
    assert [after(lang) for lang in languages()] == [("en", "English"), ("ja", "JA"), ("zh", "中文")]


def test_a_wording_with_a_value_nobody_gives_is_not_used(tmp_path: Path) -> None:
    worded(tmp_path, "en", {("关闭{gate}", "Close {gate}"): "Close {sluice}", ("关", "shut"): "{"})
    assert set(write(tmp_path, "en", FOUND).faulty) == {"Close {sluice}", "{"}
    speak(load(tmp_path))
    assert CLOSE.fill(gate="G05").say("en") == "Close G05"


def test_wordings_outlive_an_update_and_go_with_their_text(tmp_path: Path) -> None:
    worded(tmp_path, "ja", {("关", "shut"): "閉"})
    account = write(tmp_path, "ja", FOUND[1:])
    assert (account.worded, account.missing) == (1, ("关",))
    account = write(tmp_path, "ja", FOUND[:1])
    assert (account.worded, account.missing) == (0, ("关闭{gate}",))


def test_folders_are_named_as_babel_names_locales() -> None:
    assert [lang_of(n) for n in ("zh_CN", "en", "pt_BR", "ja")] == ["zh", "en", "pt-br", "ja"]
    assert load(None) == {}
    assert words.tag("zh") == "zh-CN"
