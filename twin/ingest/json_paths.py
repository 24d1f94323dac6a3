"""Paths into a JSON value: `$.data[0].cod`, `@.value`, `$["flow rate"]`, `$.samples[*]`.

The small part of JSONPath (RFC 9535) that mappings need: names, indices and one kind of "all of them". `$` is
the whole message, `@` one row of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_STEP = re.compile(
    r"\.([A-Za-z_\u4e00-\u9fff][\w\u4e00-\u9fff-]*)|\[(\d{1,6})\]|\[\"([^\"]{1,200})\"\]|\[(\*)\]"
)
ALL = object()
NOTHING = object()
"""What a path finds where there is nothing; a JSON null is None."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path that was understood.

    Attributes
    ----------
    row : bool
        It starts at the row (`@`), not at the whole message.
    steps : tuple
        Names, indices and `ALL`.
    """

    text: str
    row: bool
    steps: tuple[Any, ...]

    @property
    def many(self) -> bool:
        """True where it can find more than one value."""
        return ALL in self.steps

    def find(self, whole: Any, row: Any) -> Any:
        """Return what the path leads to, `NOTHING` where it leads nowhere."""
        return next(self.all(whole, row), NOTHING)

    def all(self, whole: Any, row: Any) -> Iterator[Any]:
        """Go through everything the path leads to."""
        return _walk(row if self.row else whole, self.steps)


def parse(text: str) -> Path:
    """Read a path.

    Raises
    ------
    ValueError
        It is not one; the message says where it stops making sense.
    """
    if text[:1] not in ("$", "@"):
        raise ValueError(f"{text!r} is no path: it starts with $ or @")
    steps: list[Any] = []
    at = 1
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise ValueError(f"{text!r} is no path from {text[at:]!r} on")
        name, index, quoted, star = match.groups()
        steps.append(ALL if star else int(index) if index else name or quoted)
        at = match.end()
    return Path(text, text[0] == "@", tuple(steps))


def _walk(value: Any, steps: tuple[Any, ...]) -> Iterator[Any]:
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if step is ALL:
        for inner in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
            yield from _walk(inner, rest)
    elif isinstance(step, int):
        if isinstance(value, list) and step < len(value):
            yield from _walk(value[step], rest)
    elif isinstance(value, dict) and step in value:
        yield from _walk(value[step], rest)
