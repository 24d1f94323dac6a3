"""The account of an import: what each file held, what became of every row, and what had to be guessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from geodata.words import Lang, Text

SHOWN = 5  # rows named one by one before "and n more"


class FormatError(ValueError):
    """A file cannot be read, or must not be; the text says which, where, and the mend."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


@dataclass(frozen=True, slots=True)
class Note:
    """One thing a person should know about a row, or about a whole layer (row 0).

    Attributes
    ----------
    row : int
        Row of the file as its reader counts: header 1 in tables, first feature 1 in layers, line in models.
    field : str
        Field of the file, empty where it is the whole row.
    skipped : bool
        The row did not get into the park.
    """

    text: Text
    row: int = 0
    field: str = ""
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Guess:
    """Something read from evidence and not from the file's own word; it waits for a person.

    Attributes
    ----------
    kind : {"crs", "axes", "encoding"}
    value : str
        What is proposed, empty where nothing can be.
    option : str
        What to write on the command line to say so.
    layer, layers : str, tuple of str
        The first layer it is about, and every one of its file; empty for the whole file.
    axes : str
        "yx" where a proposed coordinate system is meant with its axes swapped: one word settles both.
    """

    file: str
    kind: str
    value: str
    proof: Text
    option: str
    others: tuple[str, ...] = ()
    layer: str = ""
    axes: str = ""
    layers: tuple[str, ...] = ()


@dataclass(slots=True)
class LayerReport:
    """What became of one layer of one file."""

    file: str
    layer: str
    format: str
    read: int = 0
    mapped: int = 0
    role: str = ""
    crs: str = ""
    encoding: str = ""
    as_of: str = ""
    as_of_by: str = ""
    fields: dict[str, str] = field(default_factory=dict)  # our name -> theirs
    unused: tuple[str, ...] = ()
    sample: dict[str, list[str]] = field(default_factory=dict)  # their fields, the first rows as text
    notes: list[Note] = field(default_factory=list)

    @property
    def skipped(self) -> int:
        """Rows that were read and did not get into the park."""
        return self.read - self.mapped

    def warn(self, text: Text, row: int = 0, field: str = "") -> None:
        """Say something about a row that is kept, or about the layer."""
        self.notes.append(Note(text, row, field))

    def skip(self, text: Text, rows: Iterable[int], field: str = "") -> None:
        """Leave rows out, with the reason."""
        self.notes += [Note(text, int(r), field, skipped=True) for r in rows]


@dataclass(slots=True)
class Report:
    """The account of one import."""

    layers: list[LayerReport] = field(default_factory=list)
    guesses: list[Guess] = field(default_factory=list)
    errors: list[Text] = field(default_factory=list)
    merged: list[Text] = field(default_factory=list)
    crs: str = ""  # the plane of the park made

    @property
    def asks(self) -> bool:
        """Whether anything waits for a person."""
        return bool(self.guesses)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values, sentences in both languages."""
        return {
            "files": [_layer(x) for x in self.layers],
            "guesses": [
                {
                    "file": g.file,
                    "layer": g.layer,
                    "kind": g.kind,
                    "value": g.value,
                    "proof": _text(g.proof),
                    "option": g.option,
                    "others": list(g.others),
                    "axes": g.axes,
                }
                for g in self.guesses
            ],
            "merged": [_text(t) for t in self.merged],
            "errors": [_text(t) for t in self.errors],
        }

    def say(self, lang: Lang) -> str:
        """Return the account as lines of text."""
        lines: list[str] = []
        for layer in self.layers:
            lines += _lines(layer, lang)
        lines += [t.say(lang) for t in self.merged]
        for g in self.guesses:
            at = f"{g.file} {g.layer}".strip()
            lines.append(GUESS.fill(at=at, kind=KIND[g.kind], value=proposed(g), proof=g.proof).say(lang))
            lines.append("  " + OPTION.fill(option=g.option).say(lang))
            if g.others:
                lines.append("  " + OTHERS.fill(others=", ".join(g.others)).say(lang))
        lines += [t.say(lang) for t in self.errors]
        return "\n".join(lines) + "\n"


def proposed(guess: Guess) -> Text:
    """Return what a guess proposes, in words."""
    if not guess.value:
        return UNKNOWN
    value = guess.value if guess.kind != "axes" else AXES.get(guess.value, guess.value)
    return BOTH.fill(value=value, axes=AXES[guess.axes]) if guess.axes else ONE.fill(value=value)


def _lines(layer: LayerReport, lang: Lang) -> list[str]:
    head = HEAD.fill(
        file=layer.file,
        layer="" if layer.layer in layer.file else f"[{layer.layer}]",
        role=ROLE.get(layer.role, UNUSED),
        read=layer.read,
        mapped=layer.mapped,
        skipped=layer.skipped,
    )
    lines = [head.say(lang)]
    if layer.fields:
        lines.append("  " + FIELDS.say(lang) + ", ".join(f"{k}={v}" for k, v in layer.fields.items()))
    if layer.role not in ("", "skip"):
        day = SAY_DAY[layer.as_of_by].fill(date=layer.as_of)
        lines.append("  " + day.say(lang))
    by_text: dict[tuple[str, str, bool], list[int]] = {}
    for note in layer.notes:
        by_text.setdefault((note.text.say(lang), note.field, note.skipped), []).append(note.row)
    for (text, name, skipped), rows in by_text.items():
        named = [str(r) for r in rows[:SHOWN] if r]
        more = MORE.fill(n=len(rows)).say(lang) if len(rows) > SHOWN else ""
        where = (ROW.say(lang) + ", ".join(named) + more + ": ") if named else ""
        mark = SKIPPED.say(lang) if skipped else ""
        lines.append(f"  {mark}{where}{name + ': ' if name else ''}{text}")
    return lines


def _layer(x: LayerReport) -> dict[str, Any]:
    notes = [{"row": n.row, "field": n.field, "skipped": n.skipped, "reason": _text(n.text)} for n in x.notes]
    return {
        "file": x.file,
        "layer": x.layer,
        "format": x.format,
        "role": x.role,
        "crs": x.crs,
        "encoding": x.encoding,
        "as_of": x.as_of,
        "as_of_by": x.as_of_by,
        "read": x.read,
        "mapped": x.mapped,
        "skipped": x.skipped,
        "fields": x.fields,
        "unused_fields": list(x.unused),
        "notes": notes,
    }


def _text(t: Text) -> dict[str, str]:
    return {"zh": t.zh, "en": t.en}


KIND = {
    "crs": Text("坐标系", "coordinate system"),
    "axes": Text("坐标轴", "axes"),
    "encoding": Text("编码", "encoding"),
}
ROLE = {
    "node": Text("节点", "nodes"),
    "link": Text("管段、渠段或河段", "links"),
    "enterprise": Text("企业", "enterprises"),
    "outlet": Text("排口", "outlets"),
    "gate": Text("闸", "gates"),
    "device": Text("企业端的阀和泵", "valves and pumps of enterprises"),
    "station": Text("监测站点", "stations"),
    "receptor": Text("敏感点", "receptors"),
    "pool": Text("应急池", "pools"),
    "facility": Text("污水厂和泵站", "works and pump stations"),
    "fingerprint": Text("企业废水组成", "compositions of enterprises' water"),
    "model": Text("水力模型", "hydraulic model"),
    "scenery": Text("底图", "scenery"),
}
AXES = {
    "xy": Text("东坐标在前", "east comes first"),
    "yx": Text("北坐标在前（两轴对调）", "north comes first (axes swapped)"),
}
ONE, BOTH = Text("{value}", "{value}"), Text("{value},{axes}", "{value}, {axes}")
UNUSED = Text("未用", "not used")
UNKNOWN = Text("无法判断", "cannot be told")
HEAD = Text(
    "{file}{layer}：{role}，读入 {read}，采用 {mapped}，跳过 {skipped}",
    "{file}{layer}: {role}; {read} read, {mapped} mapped, {skipped} skipped",
)
FIELDS = Text("字段对应：", "fields: ")
ROW = Text("第 ", "row ")
MORE = Text(" 等 {n} 行", " and more, {n} in all")
SKIPPED = Text("跳过 ", "skipped ")
GUESS = Text(
    "请确认 {at} 的{kind}：{value}。依据：{proof}", "please confirm {kind} of {at}: {value}. Proof: {proof}"
)
OPTION = Text("确认：{option}，或用 --yes 接受全部", "to say so: {option}, or --yes for all")
OTHERS = Text("也可能是：{others}", "could also be: {others}")
SAY_DAY = {  # by how the day of a layer is known, as `geodata.dating.Known`
    "stated": Text("资料日期 {date}（导入时说明）", "of {date}, as was said at the import"),
    "rows": Text("资料日期 {date}（最新一行）", "of {date}, its newest row"),
    "file": Text("文件修改于 {date}，资料不晚于此日", "file changed {date}; what it holds is no newer"),
    "": Text("资料日期未知", "of no known date"),
}
