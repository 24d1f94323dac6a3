"""Input files of SWMM and EPANET, read section by section; ids are kept as they are, sizes become metres."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.formats import guard
from geodata.formats.encoding import canonical, detect
from geodata.formats.report import FormatError, Guess, Note
from geodata.formats.sheet import Sheet
from geodata.words import Text

FOOT_M = 0.3048
TOKEN = re.compile(r'"([^"]*)"|(\S+)')
RATIO_SPREAD = 0.1  # lengths and map distances agree if half of the links do this well


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a section."""

    line: int
    words: tuple[str, ...]

    def text(self, i: int, default: str = "") -> str:
        """Return a word, or the default where the line is shorter."""
        return self.words[i] if i < len(self.words) else default


@dataclass(slots=True)
class Sections:
    """The sections of one input file."""

    file: str
    rows: dict[str, list[Row]]

    def __getitem__(self, name: str) -> list[Row]:
        return self.rows.get(name, [])

    def number(self, row: Row, i: int, name: str, default: float | None = None) -> float:
        """Return a word as a number.

        Raises
        ------
        FormatError
            It is none; the text names file, line and field.
        """
        text = row.text(i)
        if text in ("", "*") and default is not None:
            return default
        try:
            return float(text)
        except ValueError as error:
            raise FormatError(NOT_NUMBER.fill(file=self.file, line=row.line, name=name, text=text)) from error

    def option(self, name: str, default: str) -> str:
        """Return an option's word, upper case."""
        return next(
            (r.text(1).upper() for r in self["OPTIONS"] if r.text(0).upper() == name and r.text(1)), default
        )


@dataclass(slots=True)
class Model:
    """A network with its hydraulics, in metres and m3/s; positions still in the file's own plane.

    Attributes
    ----------
    nodes, links : DataFrame
        Columns of `geodata.places.Park`, without the geometry.
    bends : dict of str to list of (x, y)
        Points of a link between its ends.
    counts : dict of str to int
        Rows of each section that became nodes or links.
    unused : dict of str to int
        Rows of each section that did not.
    american : bool
        Feet and cubic feet or gallons.
    """

    engine: str
    nodes: pd.DataFrame
    links: pd.DataFrame
    bends: dict[str, list[tuple[float, float]]]
    counts: dict[str, int]
    unused: dict[str, int]
    american: bool
    notes: list[Note] = field(default_factory=list)
    map_units: str = ""


@dataclass(slots=True)
class Builder:
    """Collects rows of nodes and links, and says which cannot stand."""

    sections: Sections
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def node(self, section: str, row: Row, **values: Any) -> None:
        """Add a node, unless its id is taken."""
        self.counts[section] = self.counts.get(section, 0) + 1
        if row.text(0) in self.nodes:
            self.notes.append(Note(TWICE.fill(id=row.text(0)), row.line, section, skipped=True))
            return
        self.nodes[row.text(0)] = {**NODE, "id": row.text(0), "line": row.line, **values}

    def link(self, section: str, row: Row, **values: Any) -> None:
        """Add a link, unless its id is taken or an end of it is not there."""
        self.counts[section] = self.counts.get(section, 0) + 1
        name, a, b = row.text(0), row.text(1), row.text(2)
        lost = next((n for n in (a, b) if n not in self.nodes), None)
        if name in self.links or lost is not None:
            text = TWICE.fill(id=name) if name in self.links else NO_NODE.fill(id=name, node=lost)
            self.notes.append(Note(text, row.line, section, skipped=True))
            return
        self.links[name] = {**LINK, "id": name, "from_node": a, "to_node": b, "line": row.line, **values}

    def model(self, engine: str, american: bool, map_units: str, used: set[str]) -> Model:
        """Return what was collected, with its positions."""
        where: dict[str, tuple[float, float]] = {}
        for row in self.sections["COORDINATES"]:
            where[row.text(0)] = (
                self.sections.number(row, 1, "X-Coord"),
                self.sections.number(row, 2, "Y-Coord"),
            )
        if not where:
            raise FormatError(NO_COORDINATES.fill(file=self.sections.file))
        for name, values in self.nodes.items():
            values["x"], values["y"] = where.get(name, (np.nan, np.nan))
        bends: dict[str, list[tuple[float, float]]] = {}
        for row in self.sections["VERTICES"]:
            at = (self.sections.number(row, 1, "X-Coord"), self.sections.number(row, 2, "Y-Coord"))
            bends.setdefault(row.text(0), []).append(at)
        unused = {n: len(r) for n, r in self.sections.rows.items() if n not in used and r}
        nodes, links = pd.DataFrame(self.nodes.values()), pd.DataFrame(self.links.values())
        if not len(nodes) or not len(links):
            raise FormatError(NO_NETWORK.fill(file=self.sections.file))
        return Model(engine, nodes, links, bends, self.counts, unused, american, self.notes, map_units)


NODE: dict[str, Any] = {
    "kind": "junction",
    "system": "",
    "ground_m": np.nan,
    "invert_m": np.nan,
    "max_depth_m": np.nan,
    "area_m2": 0.0,
    "inflow_m3s": 0.0,
    "stage_m": np.nan,
}
LINK: dict[str, Any] = {
    "kind": "pipe",
    "system": "",
    "length_m": 1.0,
    "shape": "circular",
    "height_m": 0.3,
    "width_m": 0.3,
    "side_slope": 0.0,
    "roughness": 0.013,
    "offset_in_m": 0.0,
    "offset_out_m": 0.0,
    "capacity_m3s": 0.0,
    "direction_source": "declared",
    "status": "open",
}
# Sections that hold positions and options: used without making nodes or links.
ALWAYS = {"TITLE", "OPTIONS", "MAP", "COORDINATES", "VERTICES", "END", "REPORT", "BACKDROP"}


def read(path: Path, encoding: str = "") -> list[Sheet]:
    """Read a SWMM or EPANET input file.

    Raises
    ------
    FormatError
        It is neither, or a number in it is none.
    """
    from geodata.formats import inp_epanet, inp_swmm

    guard.check_file(path)
    data = path.read_bytes()
    reading = detect(data)
    charset = canonical(encoding) if encoding else reading.encoding
    try:
        text = data.decode(charset or "utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(NO_CHARSET.fill(file=path.name, proof=reading.proof)) from error
    sections = split(path.name, text)
    if "PIPES" in sections.rows:
        model = inp_epanet.build(sections)
    elif {"CONDUITS", "JUNCTIONS"} & set(sections.rows):
        model = inp_swmm.build(sections)
    else:
        raise FormatError(NOT_MODEL.fill(file=path.name))
    sheet = Sheet(path.name, path.stem, model.engine, pd.DataFrame(), encoding=charset, model=model)
    if not encoding and not reading.sure:
        sheet.guesses.append(
            Guess(path.name, "encoding", charset, reading.proof, f"--encoding {charset}", layer="")
        )
    return [sheet]


def split(file: str, text: str) -> Sections:
    """Divide the text of an input file into the rows of its sections."""
    rows: dict[str, list[Row]] = {}
    now: list[Row] = []
    for i, line in enumerate(text.splitlines(), 1):
        body = line.split(";", 1)[0].strip()
        if body.startswith("["):
            now = rows.setdefault(body.strip("[] ").upper(), [])
        elif body:
            now.append(Row(i, tuple(a or b for a, b in TOKEN.findall(body))))
    for name, found in rows.items():
        guard.check_rows(file, name, len(found))
    return Sections(file, rows)


def map_unit(model: Model) -> tuple[float, Text]:
    """Return metres per unit of the model's map, and why: what it says, or map distances against lengths."""
    said = {"FEET": FOOT_M, "METERS": 1.0, "METRES": 1.0}.get(model.map_units.upper())
    if said:
        return said, SAID_UNIT.fill(unit=model.map_units)
    ratio = _ratio(model)
    for metres in (1.0, FOOT_M):
        if len(ratio) and abs(float(np.median(ratio)) / metres - 1) < RATIO_SPREAD:
            return metres, BY_LENGTH.fill(unit="m" if metres == 1.0 else "ft", n=len(ratio))
    return (FOOT_M if model.american else 1.0), BY_FLOW_UNITS


def _ratio(model: Model) -> NDArray[np.float64]:
    """Length of each link in metres over the straight distance of its ends on the map."""
    at = model.nodes.set_index("id")
    a, b = at.loc[model.links["from_node"]], at.loc[model.links["to_node"]]
    gap = np.hypot(a["x"].to_numpy() - b["x"].to_numpy(), a["y"].to_numpy() - b["y"].to_numpy())
    straight = np.array([i not in model.bends for i in model.links["id"]])
    kind = model.links["kind"].to_numpy(str)
    good = straight & (gap > 0) & np.isin(kind, ("pipe", "channel"))
    return np.asarray(model.links["length_m"].to_numpy(float)[good] / gap[good])


NOT_NUMBER = Text(
    "{file} 第 {line} 行 {name}:“{text}” 不是数；请改正该行",
    "{file} line {line}, {name}: “{text}” is not a number; correct that line",
)
NO_COORDINATES = Text(
    "{file} 没有 [COORDINATES]，画不出来；请在建模软件里带坐标导出",
    "{file} has no [COORDINATES] and cannot be drawn; export it with its map",
)
NO_NETWORK = Text("{file} 里没有节点或没有管段", "{file} holds no nodes or no links")
NOT_MODEL = Text("{file} 不是 SWMM 或 EPANET 模型", "{file} is no SWMM or EPANET model")
NO_CHARSET = Text(
    "{file} 的编码无法判断（{proof}）；请用 --encoding 指定",
    "the charset of {file} cannot be told ({proof}); say it with --encoding",
)
TWICE = Text("编号 {id} 出现两次，只用第一个", "the id {id} is used twice; the first counts")
NO_NODE = Text("{id} 的端点 {node} 不在模型里", "{id} ends at {node}, which the model does not have")
SAID_UNIT = Text("[MAP] 单位为 {unit}", "[MAP] says {unit}")
BY_LENGTH = Text(
    "{n} 条直管的长度与图上距离之比说明图上单位是 {unit}",
    "lengths of {n} straight links against map distances: the map is in {unit}",
)
BY_FLOW_UNITS = Text(
    "图上距离与长度对不上，按流量单位制取图上单位",
    "map distances do not fit the lengths; taken from the flow units",
)
