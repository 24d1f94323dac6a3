"""Charsets are told with their proof; spoilt text is seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.formats.encoding import canonical, detect, spoilt
from geodata.formats.report import FormatError

COMMON = [bytes([a, b]).decode("gb2312") for a in range(0xB0, 0xD7) for b in range(0xA1, 0xFF)]
WORDS = "化工园区雨水管网检查井"


def test_files_word_and_bytes_agree() -> None:
    assert detect(WORDS.encode("gbk"), "936")[:2] == ("gb18030", True)
    assert detect(WORDS.encode("gbk"), "", 0x4D)[:2] == ("gb18030", True)
    assert detect(WORDS.encode(), "UTF-8")[:2] == ("utf-8", True)
    assert detect(b"pipe", "UTF-8")[:2] == ("utf-8", True)
    assert detect(WORDS.encode("utf-8-sig"))[:2] == ("utf-8-sig", True)


def test_a_wrong_word_is_a_guess_with_its_proof() -> None:
    reading = detect(WORDS.encode("gbk"), "UTF-8")
    assert reading[:2] == ("gb18030", False)
    assert "utf-8" in reading.proof.zh
    assert "100%" in reading.proof.zh
    assert detect(WORDS.encode(), "GBK")[:2] == ("utf-8", False)


def test_undeclared_gbk_is_asked_about_and_noise_is_not_named() -> None:
    assert detect(WORDS.encode("gbk"))[:2] == ("gb18030", False)
    assert detect(b"\x81\xff\xfe\x90\x81\x30")[:2] == ("", False)


@given(st.lists(st.sampled_from(COMMON), min_size=3, max_size=30))
def test_common_chinese_is_told_in_either_charset(letters: list[str]) -> None:
    text = "".join(letters)
    assert detect(text.encode()).encoding == "utf-8"
    assert detect(b"ID," + text.encode("gbk") + b"\xff\xff").encoding != "utf-8"
    assert spoilt(text) == ""


@pytest.mark.parametrize("text", ["锟斤拷", "管\ufffd", "???号井"])
def test_lost_text_is_lost(text: str) -> None:
    assert spoilt(text) == "lost"


def test_text_read_in_the_wrong_charset_is_mended() -> None:
    assert spoilt("化工园区".encode("gbk").decode("latin-1")) == "化工园区"
    assert spoilt("化工园区".encode().decode("gb18030")) == "化工园区"
    assert spoilt("Gemüse") == ""


@pytest.mark.parametrize(
    ("name", "right"), [("ANSI 936", "gb18030"), ("cp936", "gb18030"), ("UTF8", "utf-8")]
)
def test_names_as_people_write_them(name: str, right: str) -> None:
    assert canonical(name) == right


def test_a_charset_nobody_knows_is_refused() -> None:
    with pytest.raises(FormatError, match="klingon"):
        canonical("klingon")


BIG5 = "化工園區雨水管網檢查井污水處理廠"


def test_gbk_and_big5_that_the_file_mixes_up_are_told_apart() -> None:
    assert detect(WORDS.encode("gbk"), "big5")[:2] == ("gb18030", False)
    assert detect(BIG5.encode("big5"), "GBK")[:2] == ("big5", False)
    assert detect(BIG5.encode("big5"), "big5")[:2] == ("big5", True)
    assert detect(WORDS.encode("gbk"), "GBK")[:2] == ("gb18030", True)


@given(st.lists(st.sampled_from(COMMON), min_size=6, max_size=30))
def test_gbk_that_says_so_is_believed(letters: list[str]) -> None:
    assert detect("".join(letters).encode("gbk"), "GBK")[:2] == ("gb18030", True)


@pytest.mark.parametrize("name", ["rot13", "zlib", "hex", "base64"])
def test_what_is_no_charset_is_refused(name: str) -> None:
    with pytest.raises(FormatError):
        canonical(name)
