"""Which charset bytes are in, with the proof, and text that an earlier program has already spoilt."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import NamedTuple

from geodata.formats.report import FormatError
from geodata.words import Text

GBK = "gb18030"  # reads everything GBK and GB 2312 do
# Language driver ids of dBASE that mean a Chinese code page.
DBF_LANGUAGES = {0x4D: "gb18030", 0x7A: "gb18030", 0x4F: "big5", 0x78: "big5"}
NAMES = {
    "936": GBK,
    "cp936": GBK,
    "ansi936": GBK,
    "ansi_936": GBK,
    "gbk": GBK,
    "gb2312": GBK,
    "gb18030": GBK,
    "65001": "utf-8",
    "utf8": "utf-8",
    "utf-8": "utf-8",
    "utf_8": "utf-8",
    "ascii": "ascii",
}
SURE_SHARE = 0.95  # above which the other of two charsets counts more than what the file says
LOST = re.compile("\ufffd|锟斤拷|锟絡|烫烫烫|屯屯屯|\\?{3,}")
COMMON_SHARE = (
    0.7  # share of two-byte characters in GB 2312 level 1 (the 3755 common ones) that makes GBK likely
)


class Reading(NamedTuple):
    """A charset for some bytes; `sure` where the file and its bytes agree, or bytes alone prove it."""

    encoding: str
    sure: bool
    proof: Text


def canonical(name: str) -> str:
    """Return Python's name of a charset as people and .cpg files write it.

    Raises
    ------
    FormatError
        There is no such charset.
    """
    key = name.strip().lower().removeprefix("windows-").removeprefix("iso ")
    found = NAMES.get(key) or NAMES.get(key.replace(" ", "")) or name.strip()
    try:
        "a".encode(found)  # refuses Python's codecs that are no charsets: rot13, zlib
    except (LookupError, UnicodeError) as error:
        raise FormatError(NO_CHARSET.fill(name=name.strip())) from error
    return found


def detect(data: bytes, declared: str = "", language: int = 0) -> Reading:
    """Say which charset bytes are in.

    Parameters
    ----------
    data : bytes
        Text of the file, enough of it; a character cut at the end does no harm.
    declared : str
        What a .cpg file, or an encoding line, says.
    language : int
        Language driver id of a dBASE file.
    """
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return Reading(name, True, MARKED.fill(name=name))
    said = _declared(declared, language)
    if data.isascii():
        return Reading(said or "utf-8", True, PLAIN)
    utf8, many = _valid(data, "utf-8"), sum(b >= 0xC0 for b in data)
    if said and _valid(data, said) and not (said != "utf-8" and utf8 and many > 2):
        other = _rather(data, said)
        if other:
            return Reading(other, False, SAID_BUT.fill(said=said, rest=LOOKS.fill(name=other)))
        return Reading(said, True, AGREES.fill(name=said))
    if utf8:
        proof = VALID_UTF8.fill(n=many)
        return Reading("utf-8", not said, SAID_BUT.fill(said=said, rest=proof) if said else proof)
    share = _common(data)
    likely = _valid(data, GBK) and share >= COMMON_SHARE
    proof = LIKE_GBK.fill(share=round(100 * share)) if likely else UNREADABLE
    if said:
        proof = SAID_BUT.fill(said=said, rest=proof)
    return Reading(GBK if likely else "", False, proof)


def shown_as_latin(texts: Iterable[str]) -> str:
    """Return the charset of texts whose bytes were shown as Latin letters, "" if no one charset fits all.

    That is what becomes of a drawing or a table that does not say its code page.
    """
    shown = [t for t in texts if not t.isascii()]
    return next((c for c in ("utf-8", GBK) if shown and all(_is_chinese(shown_in(t, c)) for t in shown)), "")


def shown_in(text: str, charset: str) -> str:
    """Return a text whose bytes were shown as Latin letters as its charset reads them, "" if it cannot be."""
    return _again(text, "latin-1", charset) or _again(text, "cp1252", charset)


def spoilt(text: str) -> str:
    """Say whether a text was spoilt before it came here.

    Returns
    -------
    str
        "" where it is well, "lost" where characters are gone for good, or the right text where reading the
        bytes in the wrong charset can be undone.
    """
    if text.isascii():
        return "lost" if "???" in text else ""
    if LOST.search(text):
        return "lost"
    if "\u0080" <= max(text) <= "\u024f":  # GBK or UTF-8 bytes shown as Latin letters
        for charset in ("utf-8", "gbk"):
            mended = shown_in(text, charset)
            if mended and _is_chinese(mended):
                return mended
        return ""
    mended = _again(text, GBK, "utf-8")  # UTF-8 bytes shown as rare ideographs
    return mended if mended and _is_chinese(mended) else ""


def dbf_text(data: bytes) -> tuple[bytes, int]:
    """Return the bytes of the text fields and field names of a dBASE table, and its language id."""
    if len(data) < 32:
        return b"", 0
    head, width = int.from_bytes(data[8:10], "little"), int.from_bytes(data[10:12], "little")
    spans, at, offset = [], 32, 1
    names = []
    while at + 32 <= min(head, len(data)) and data[at] != 0x0D:
        names.append(data[at : at + 11].split(b"\0")[0])
        size = data[at + 16]
        if data[at + 11 : at + 12] == b"C":
            spans.append((offset, offset + size))
        offset += size
        at += 32
    parts = [b"\n".join(names)]
    for start in range(head, len(data) - width + 1, width) if width else ():
        parts += [data[start + a : start + b].rstrip(b" \0") for a, b in spans]
    return b"\n".join(p for p in parts if p), data[29]


def _declared(name: str, language: int) -> str:
    try:
        return canonical(name) if name.strip() else DBF_LANGUAGES.get(language, "")
    except FormatError:
        return ""


def _valid(data: bytes, charset: str) -> bool:
    """Whether bytes decode; the last character of a line may be cut, as dBASE cuts names and long texts."""
    decoder = codecs.getincrementaldecoder(charset)()
    try:
        for line in data.split(b"\n"):
            decoder.decode(line)
            decoder.reset()
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def _common(data: bytes) -> float:
    """Share of two-byte characters that are common ones (lead byte B0..D7, or symbols A1..A3)."""
    pairs, common, i = 0, 0, 0
    while i < len(data) - 1:
        if data[i] < 0x81:
            i += 1
            continue
        pairs += 1
        trail = data[i + 1]
        common += (0xB0 <= data[i] <= 0xD7 or 0xA1 <= data[i] <= 0xA3) and trail >= 0xA1
        i += 2
    return common / pairs if pairs else 0.0


def _rather(data: bytes, said: str) -> str:
    """Which of GBK and Big5 bytes are in when the file says the other: either decodes much of the other."""
    gbk, big5 = _common(data), _common_big5(data)
    if said == "big5" and gbk >= SURE_SHARE and gbk > big5 and _valid(data, GBK):
        return GBK
    if said == GBK and big5 >= SURE_SHARE and gbk < COMMON_SHARE and _valid(data, "big5"):
        return "big5"
    return ""


def _common_big5(data: bytes) -> float:
    """Share of two-byte characters that are common ones of Big5 (lead byte A4..C6, or symbols A1..A3)."""
    pairs, common, i = 0, 0, 0
    while i < len(data) - 1:
        if data[i] < 0x81:
            i += 1
            continue
        pairs += 1
        trail = data[i + 1]
        common += 0xA1 <= data[i] <= 0xC6 and (0x40 <= trail <= 0x7E or trail >= 0xA1)
        i += 2
    return common / pairs if pairs else 0.0


def _again(text: str, wrong: str, right: str) -> str:
    try:
        return text.encode(wrong).decode(right)
    except UnicodeError:
        return ""


def _is_chinese(text: str) -> bool:
    """Whether the letters beyond ASCII are common ideographs, some Chinese punctuation allowed."""
    beyond = [c.encode(GBK) for c in text if ord(c) > 127]
    good = sum(len(c) == 2 and 0xB0 <= c[0] <= 0xD7 and c[1] >= 0xA1 for c in beyond)
    marks = sum(len(c) == 2 and 0xA1 <= c[0] <= 0xA3 for c in beyond)
    return 2 * good >= len(beyond) > 0 and good + marks >= 0.9 * len(beyond)


NO_CHARSET = Text("没有编码 {name}", "there is no charset {name}")
MARKED = Text("文件开头的标记说明是 {name}", "the mark at its start says {name}")
PLAIN = Text("全部是 ASCII 字符", "every byte is ASCII")
AGREES = Text("文件声明为 {name}，字节相符", "the file says {name} and its bytes agree")
SAID_BUT = Text("文件声明为 {said}，但{rest}", "the file says {said}, but {rest}")
LOOKS = Text("按 {name} 读才是常用字", "only read as {name} its characters are common ones")
VALID_UTF8 = Text("{n} 处多字节字符全部符合 UTF-8", "all {n} characters of several bytes are valid UTF-8")
LIKE_GBK = Text(
    "不是 UTF-8；按 GBK 读，{share}% 是常用字",
    "it is not UTF-8; read as GBK, {share} % are common characters",
)
UNREADABLE = Text("既不是 UTF-8，也不像 GBK", "it is neither UTF-8 nor likely GBK")
