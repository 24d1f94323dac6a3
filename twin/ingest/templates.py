"""JSON messages to readings, by templates: which topics, and where in a message each thing stands.

No I/O here. A template never guesses: what it does not find is a note with a reason, as in HJ 212.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twin.blocks import Series
from twin.ingest.fields import Fields
from twin.ingest.hj212.readings import Note, Row
from twin.ingest.json_paths import NOTHING, Path, parse
from twin.ingest.moments import moment_ms
from twin.ingest.scales import KINDS, Scale, mark_of, number_of, scale_of, usual_stat

DEEPEST = 32  # brackets within brackets
MOST_ROWS = 10_000  # of one message
LONGEST = 64
_CAPTURE = re.compile(r"\{([a-z_]+)\}")
_NAME = re.compile(r"[0-9A-Za-z_.-]{1,40}")
_SEVERAL = re.compile(rb"[\[{]")

Source = Path | str
"""A path into the message, or a text with `{name}` for levels of the topic."""


@dataclass(frozen=True, slots=True)
class Field:
    """Where one value of a row stands, and what it is a value of."""

    factor: Source
    value: Path
    scale: Scale
    stat: str
    flag: Path | None = None
    skip_missing: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """How messages of some topics are read.

    Attributes
    ----------
    pattern : str
        Topic filter; `{name}` stands for one level, whose text can be used as `{name}`.
    qos : int
    each : Path or None
        Rows of a message; None: the message is its one row.
    time : Path or None
        None: the moment of receipt, by a setting that says so.
    factors, flags, mns : dict
        What names and marks in messages stand for.
    """

    pattern: str
    qos: int
    mn: Source
    each: Path | None
    time: Path | None
    kind: str
    fields: tuple[Field, ...]
    factors: dict[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    mns: dict[str, str] = field(default_factory=dict)

    @property
    def filter(self) -> str:
        """The pattern as the broker knows it."""
        return _CAPTURE.sub("+", self.pattern)

    def match(self, topic: str) -> dict[str, str] | None:
        """Return the levels a topic has for the names of the pattern; None if it does not fit."""
        want, have = self.pattern.split("/"), topic.split("/")
        found: dict[str, str] = {}
        for i, level in enumerate(want):
            if level == "#":
                return found
            if i >= len(have):
                return None
            name = _CAPTURE.fullmatch(level)
            if name is not None:
                found[name[1]] = have[i]
            elif level not in ("+", have[i]):
                return None
        return found if len(want) == len(have) else None


@dataclass(frozen=True, slots=True)
class Understood:
    """What a message says, and what of it was not understood."""

    rows: list[Row]
    notes: list[Note]


def read_template(fields: Fields) -> Template:
    """Read one `[[mqtt.topic]]`.

    Raises
    ------
    ConfigError
        A setting cannot be used.
    """
    pattern = fields.text("pattern")
    captures = frozenset(_CAPTURE.findall(pattern))
    for level in pattern.split("/"):
        if ("{" in level and not _CAPTURE.fullmatch(level)) or (len(level) > 1 and set(level) & set("+#")):
            raise fields.wrong(f"pattern = {pattern!r}: {{name}}, + and # each stand for a whole level")
    kind = fields.choice("kind", KINDS, "2011")
    factors = fields.words("factors")
    values = tuple(_field(f, kind, captures, factors) for f in fields.tables("value"))
    if not values:
        raise fields.wrong("there is no [[mqtt.topic.value]]")
    time = fields.text("time")
    template = Template(
        pattern,
        fields.whole("qos", 1, least=0, most=1),
        _source(fields, "mn", captures),
        _path(fields, "each") if "each" in fields else None,
        None if time == "receipt" else _path(fields, "time"),
        kind,
        values,
        factors,
        fields.words("flags"),
        fields.words("mns"),
    )
    fields.done()
    return template


def _field(f: Fields, kind: str, captures: frozenset[str], factors: dict[str, str]) -> Field:
    source = _source(f, "factor", captures)
    fixed = isinstance(source, str) and not _CAPTURE.search(source)
    if fixed:
        scale = scale_of(f, factors.get(str(source), str(source)))
    else:
        if "unit" in f:
            raise f.wrong("unit needs a fixed factor; with a factor from the message give scale and offset")
        scale = Scale(f.number("scale", 1.0), f.number("offset", 0.0))
    flag = _path(f, "flag") if "flag" in f else None
    stat = f.text("stat", usual_stat(kind))
    optional = f.switch("optional", False)
    out = Field(source, _path(f, "value"), scale, stat, flag, optional)
    f.done()
    return out


def _path(fields: Fields, name: str) -> Path:
    try:
        return parse(fields.text(name))
    except ValueError as error:
        raise fields.wrong(f"{name}: {error}") from error


def _source(fields: Fields, name: str, captures: frozenset[str]) -> Source:
    text = fields.text(name)
    if text[:1] in ("$", "@"):
        return _path(fields, name)
    unknown = set(_CAPTURE.findall(text)) - captures
    if unknown:
        raise fields.wrong(f"{name} = {text!r}: the pattern has no {{{unknown.pop()}}}")
    return text


def understand(
    template: Template, levels: Mapping[str, str], payload: bytes, received_ms: int
) -> Understood | str:
    """Read one message.

    Parameters
    ----------
    levels : mapping
        What the topic has for the names of the pattern.
    received_ms : int
        Park time at receipt: the moment of values whose template says `time = "receipt"`.

    Returns
    -------
    Understood, or str
        The reason why nothing of the message can be read: not_json, too_deep, too_many_rows, no_rows.
    """
    whole = load(payload)
    if isinstance(whole, str):
        return whole
    found = [whole[0]] if template.each is None else list(template.each.all(whole[0], whole[0]))
    if not found:
        return "no_rows"
    if len(found) * len(template.fields) > MOST_ROWS:
        return "too_many_rows"
    out = Understood([], [])
    for row in found:
        _row(template, levels, whole[0], row, received_ms, out)
    return out


def load(payload: bytes) -> tuple[Any] | str:
    """Read JSON that a stranger sent; the value in a tuple, or a reason."""
    if len(_SEVERAL.findall(payload)) > DEEPEST and _depth(payload) > DEEPEST:
        return "too_deep"
    try:
        return (json.loads(payload.decode("utf-8-sig")),)
    except (ValueError, RecursionError):
        return "not_json"


def _depth(payload: bytes) -> int:
    deepest = depth = 0
    for mark in re.findall(rb'"(?:[^"\\]|\\.)*"|[\[{\]}]', payload):
        depth += (mark in b"[{") - (mark in b"]}") if len(mark) == 1 else 0
        deepest = max(deepest, depth)
    return deepest


def _row(
    t: Template, levels: Mapping[str, str], whole: Any, row: Any, received_ms: int, out: Understood
) -> None:
    mn = _said(t.mn, levels, whole, row)
    mn = t.mns.get(mn, mn)
    if not _NAME.fullmatch(mn):
        out.notes.append(Note("mn", mn[:LONGEST], "mn_missing"))
        return
    at_ms = received_ms
    if t.time is not None:
        said = t.time.find(whole, row)
        read = None if said is NOTHING else moment_ms(said)
        if read is None:
            missing = said is NOTHING or said is None
            why = "datatime_missing" if missing else "datatime_invalid"
            out.notes.append(Note("time", "" if missing else str(said)[:LONGEST], why))
            return
        at_ms = read
    for f in t.fields:
        code = _said(f.factor, levels, whole, row)
        code = t.factors.get(code, code)
        value = f.value.find(whole, row)
        if value is NOTHING and f.skip_missing:
            continue
        number, why = number_of(None if value is NOTHING else value)
        if not _NAME.fullmatch(code):
            why = "factor_missing"
        if why:
            out.notes.append(Note(code[:LONGEST], "" if value is NOTHING else str(value)[:LONGEST], why))
            continue
        flag = None if f.flag is None else f.flag.find(whole, row)
        mark = mark_of(None if flag is NOTHING else flag, t.flags)
        out.rows.append((Series(mn, code, t.kind, f.stat), at_ms, f.scale(number), mark))


def _said(source: Source, levels: Mapping[str, str], whole: Any, row: Any) -> str:
    if isinstance(source, str):
        return _CAPTURE.sub(lambda m: levels[m[1]], source) if "{" in source else source
    found = source.find(whole, row)
    return "" if found is NOTHING or isinstance(found, dict | list | None | bool) else str(found)
