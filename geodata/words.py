"""A sentence in the product's two languages, kept together so that neither can be forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Lang = Literal["zh", "en"]
LANGS: tuple[Lang, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence or name, Chinese and English.

    Examples
    --------
    >>> Text("关闭{gate}", "Close {gate}").fill(gate="G05").say("en")
    'Close G05'
    """

    zh: str
    en: str

    def say(self, lang: Lang) -> str:
        """Return the wording in one language."""
        return self.zh if lang == "zh" else self.en

    def fill(self, **values: object) -> Text:
        """Put values into both wordings; a value that is itself a `Text` is put in by language."""

        def pick(lang: Lang) -> dict[str, object]:
            return {k: v.say(lang) if isinstance(v, Text) else v for k, v in values.items()}

        return Text(self.zh.format(**pick("zh")), self.en.format(**pick("en")))


def as_lang(value: object) -> Lang:
    """Read a language from a cookie, a query or a locale name; Chinese where nothing else is said."""
    return "en" if str(value or "").lower().startswith("en") else "zh"
