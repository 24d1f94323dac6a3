"""Every text of the program as gettext catalogues: read out of the source, written by Babel, read back.

`locale/<locale>/LC_MESSAGES/twin.po` beside this file are the product's own: a wording corrected there is
what is said, once it is compiled (`.mo`, never kept in git); a park's folder has the last word.

A message is a `Text` pair of the source: its Chinese is the msgid and its English the msgctxt, so that a word
that is one in Chinese and two in English ("关") stays two messages, and who translates sees both. What a
catalogue words as the source does, or with other `{values}`, is left to the source.
"""

from __future__ import annotations

import ast
import gettext
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from string import Formatter
from typing import IO, Any

from geodata.words import LANGS, Lang, Text, Wordings

DOMAIN = "twin"
LOCALES: dict[Lang, str] = {"zh": "zh_CN", "en": "en"}
SHIPPED = Path(__file__).parent / "locale"
PACKAGES = ("geodata", "twin", "layers", "callbacks")
ABOUT = """\
# Texts of park-twin: msgctxt is the English of the source, msgid its Chinese, msgstr what is said."""
_GLUE = "\x04"  # gettext's own, between context and message
_KEPT = ('"Language:', '"Plural-Forms:', '"MIME-Version:', '"Content-')  # of the header; the rest is noise


@dataclass(frozen=True, slots=True)
class Message:
    """One pair of the source and the files it stands in."""

    zh: str
    en: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """What a catalogue words: how many messages, which it has no wording for, which it words wrongly."""

    lang: Lang
    worded: int
    missing: tuple[str, ...]
    faulty: tuple[str, ...]


def texts(
    file: IO[bytes], keywords: Mapping[str, Any], tags: Iterable[str], options: Mapping[str, Any]
) -> Iterator[tuple[int, str, tuple[str, str], list[str]]]:
    """Give the `Text` pairs of one file: an extraction method for Babel, also `pybabel extract`."""
    del keywords, tags, options
    for line, pair in pairs(file.read().decode()):
        yield line, "pgettext", (pair.en, pair.zh), []


def pairs(source: str) -> Iterator[tuple[int, Text]]:
    """Give the `Text` pairs of a source, with the line each begins on; names put together are none."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or _name(node.func) != "Text":
            continue
        given = [*node.args, *(k.value for k in node.keywords)]
        said = [g.value for g in given if isinstance(g, ast.Constant) and isinstance(g.value, str)]
        if len(said) == len(given) == 2 and any(said):
            yield node.lineno, Text(*said)


def _name(called: ast.expr) -> str:
    """The last word of what is called: `Text` of `Text(...)` and of `words.Text(...)`."""
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


def messages(root: Path) -> tuple[Message, ...]:
    """Return every message of the program below a folder, in the order of its files and lines."""
    found: dict[tuple[str, str], list[str]] = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            source = path.read_text("utf-8")
            if "Text(" in source:
                name = path.relative_to(root).as_posix()
                for _, pair in sorted(pairs(source), key=lambda p: p[0]):
                    files = found.setdefault((pair.zh, pair.en), [])
                    files += [] if name in files else [name]
    return tuple(Message(zh, en, tuple(files)) for (zh, en), files in found.items())


def values(wording: str) -> frozenset[str]:
    """Return the names of the values a wording takes.

    Raises
    ------
    ValueError
        Its braces do not match.
    """
    return frozenset(
        name.partition(":")[0] for _, name, _, _ in Formatter().parse(wording) if name is not None
    )


def load(*folders: Path | None) -> dict[Lang, Wordings]:
    """Read the compiled catalogues `<locale>/LC_MESSAGES/twin.mo` of folders, for `geodata.words.speak`.

    Where several word a text otherwise than the source does, the last of them is heard.

    Raises
    ------
    OSError
        A catalogue is no gettext file.
    """
    found: dict[Lang, Wordings] = {}
    for path in (p for f in folders if f for p in sorted(f.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))):
        with path.open("rb") as file:
            catalogue: Mapping[Any, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        lang = lang_of(path.parent.parent.name)
        said: dict[tuple[str, str], str] = {}
        for key, wording in catalogue.items():
            en, glue, zh = key.partition(_GLUE) if isinstance(key, str) else ("", "", "")
            if glue and wording != (zh if lang == "zh" else en) and _fits(wording, zh, en):
                said[zh, en] = wording
        found[lang] = {**found.get(lang, {}), **said}
    return found


def lang_of(locale: str) -> Lang:
    """Return the language a catalogue is for, by the name of its folder: `zh_CN` is `zh`, `pt_BR` `pt-br`."""
    known = {name.lower(): lang for lang, name in LOCALES.items()}
    return known.get(locale.lower(), locale.lower().replace("_", "-"))


def write(folder: Path, locale: str, found: Iterable[Message], *, compiled: bool = True) -> Account:
    """Bring one catalogue up to the messages of the program; wordings that still belong to one are kept.

    Parameters
    ----------
    folder : Path
        Holds `<locale>/LC_MESSAGES/twin.po`, written anew, and `twin.mo`.
    locale : str
        As Babel names it: `en`, `zh_CN`, `ja`.
    compiled : bool
        Write the `.mo` too.

    Raises
    ------
    ValueError
        There is no such locale.
    """
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po, write_po

    place = folder / locale / "LC_MESSAGES"
    path, lang = place / f"{DOMAIN}.po", lang_of(locale)
    old = Catalog(locale=locale)
    if path.exists():
        with path.open("rb") as file:
            old = read_po(file, locale=locale, domain=DOMAIN)
    made = Catalog(locale=locale, domain=DOMAIN, project="park-twin", fuzzy=False, header_comment=ABOUT)
    said: list[tuple[Message, str]] = []
    for m in found:
        known = old.get(m.zh, context=m.en)
        wording = str(known.string) if known and known.string else getattr(m, lang) if lang in LANGS else ""
        said.append((m, wording))
        made.add(m.zh, wording, context=m.en, locations=[(f, None) for f in m.files])  # type: ignore[misc]
    place.mkdir(parents=True, exist_ok=True)
    text = BytesIO()
    write_po(text, made, width=0, omit_header=False, include_lineno=False)
    header, gap, rest = text.getvalue().decode().partition("\n\n")
    kept = [x for x in header.split("\n") if not x.startswith('"') or x.startswith(_KEPT)]
    path.write_text("\n".join(kept) + gap + rest, "utf-8")
    if compiled:
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, made)
    worded = [(m, w) for m, w in said if w]
    return Account(
        lang,
        len(worded),
        tuple(m.zh for m, w in said if not w and getattr(m, lang, True)),
        tuple(w for m, w in worded if not _fits(w, m.zh, m.en)),
    )


def _fits(wording: str, zh: str, en: str) -> bool:
    """Whether a wording takes no value that its message is not given."""
    try:
        given = values(zh) | values(en)
    except ValueError:  # a text that is never filled may hold braces
        return bool(wording)
    try:
        return bool(wording) and values(wording) <= given
    except ValueError:
        return False
