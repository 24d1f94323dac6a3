"""A sentence in the product's two languages, kept together so that neither can be forgotten.

The pair in the source is what is said where nothing else is given. A park may give wordings of its own, for
these two languages or for a third, as gettext catalogues; `geodata.catalogues` reads them and a process takes
them over once, when it starts (`speak`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Lang = str  # "zh", "en", or the name of a catalogue: "ja", "zh-tw"
LANGS: tuple[Lang, ...] = ("zh", "en")
Wordings = Mapping[tuple[str, str], str]

_GIVEN: dict[Lang, Wordings] = {}  # this process's, set once when it starts


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """One sentence or name, Chinese and English.

    Examples
    --------
    >>> Text("关闭{gate}", "Close {gate}").fill(gate="G05").say("en")
    'Close G05'
    """

    zh: str
    en: str

    def __eq__(self, other: object) -> bool:
        return (self.zh, self.en) == (other.zh, other.en) if isinstance(other, Text) else NotImplemented

    def __hash__(self) -> int:
        return hash((self.zh, self.en))

    def say(self, lang: Lang) -> str:
        """Return the wording in one language; in one that has none for it, the English."""
        own = self.zh if lang == "zh" else self.en
        given = _GIVEN.get(lang)
        return given.get((self.zh, self.en), own) if given else own

    def fill(self, **values: object) -> Text:
        """Put values into every wording; a value that is itself a `Text` is put in by language."""
        return Filled(self, values)


class Filled(Text):
    """A sentence whose values are put in: it still knows what it was made of, for languages beyond two."""

    __slots__ = ("_template", "_values")
    _template: Text
    _values: Mapping[str, object]

    def __init__(self, template: Text, values: Mapping[str, object]) -> None:
        object.__setattr__(self, "_template", template)
        object.__setattr__(self, "_values", values)
        Text.__init__(self, self._in("zh"), self._in("en"))

    def __reduce__(self) -> tuple[type[Text], tuple[str, str]]:
        return Text, (self.zh, self.en)

    def say(self, lang: Lang) -> str:
        """Return the wording in one language, its values put in."""
        return self.zh if lang == "zh" else self.en if lang == "en" else self._in(lang)

    def _in(self, lang: Lang) -> str:
        said = {k: v.say(lang) if isinstance(v, Text) else v for k, v in self._values.items()}
        if lang not in LANGS:
            from geodata.locales import Number  # Babel, which the two languages do without

            said = {k: Number(v, lang) if isinstance(v, float) else v for k, v in said.items()}
        return self._template.say(lang).format(**said)


def speak(given: Mapping[Lang, Wordings]) -> None:
    """Let this process say the wordings of catalogues; nothing else is said differently."""
    _GIVEN.clear()
    _GIVEN.update(given)


def languages() -> tuple[Lang, ...]:
    """Return the languages a reader may choose: the two of the product and those a park gave."""
    return LANGS + tuple(sorted(set(_GIVEN) - set(LANGS)))


OWN_NAME = Text("中文", "English")  # each catalogue's name of its own language


def after(lang: Lang) -> tuple[Lang, str]:
    """Return the language a reader of one is offered next, and its name in itself."""
    every = languages()
    other = every[(every.index(lang) + 1) % len(every)] if lang in every else LANGS[0]
    name = OWN_NAME.say(other)
    return other, other.upper() if other not in LANGS and name == OWN_NAME.en else name


def tag(lang: Lang) -> str:
    """Return a language as HTML names it."""
    return "zh-CN" if lang == "zh" else lang


def as_lang(value: object) -> Lang:
    """Read a language from a cookie, a query or a locale name; Chinese where nothing else is said."""
    said = str(value or "").lower().replace("_", "-").partition(".")[0]
    for name in (said, said.partition("-")[0]):
        if name in languages():
            return name
    return "zh"
