"""Where every value of a park comes from: its source, the time it is of, and how it was got.

Three places say it, the most particular first. The layer `provenance` speaks of one attribute of one thing,
of all of one thing, or of a whole layer. The columns `source`, `as_of` and `confidence` of a node or link
speak of its row. The column `how` of a node or link names the attributes that were got otherwise than its
row, as in ``derived:invert_m,length_m;assumed:roughness``: one short text a row, so that a hundred thousand
rows cost little and any GIS can read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from geodata.places import Park

LAYER = "provenance"
COLUMNS = ("layer", "id", "attribute", "source", "as_of", "confidence")
MARK = "how_"  # before an attribute's name: the column of its marks while a table is made
ROWS = ("node", "link")  # layers whose rows carry columns of their own
Codes = NDArray[np.uint8]
Key = tuple[str, str, str]  # layer, id, attribute; "" stands for every one


class Confidence(StrEnum):
    """How a value was got."""

    SURVEYED = "surveyed"  # measured in the field
    DECLARED = "declared"  # said by a document, a model or a person
    DERIVED = "derived"  # worked out from other values of the park
    ASSUMED = "assumed"  # a usual value where nobody said anything


class Origin(NamedTuple):
    """Where one value comes from; `as_of` is a date or month as it was given, empty where it was not."""

    source: str
    as_of: str
    confidence: str


@dataclass(frozen=True)
class Provenance:
    """What the layer `provenance` says, by layer, id and attribute."""

    said: Mapping[Key, Origin] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.said)

    def with_(self, layer: str, id: str, attributes: Iterable[str], origin: Origin) -> Provenance:
        """Return this with more said; what was said of the same before is replaced."""
        return Provenance({**self.said, **{(layer, id, a): origin for a in attributes}})

    def frame(self) -> pd.DataFrame:
        """Return it as a table, sorted, so that the same always gives the same file."""
        rows = [(*key, *origin) for key, origin in sorted(self.said.items())]
        return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)

    @classmethod
    def of(cls, table: Mapping[str, NDArray[Any]]) -> Provenance:
        """Read the columns of a file's layer."""
        columns = [[str(v) for v in table[c].tolist()] for c in COLUMNS]
        return cls({(a, b, c): Origin(d, e, f) for a, b, c, d, e, f in zip(*columns, strict=True)})


def origin(park: Park, layer: str, id: str, attribute: str = "") -> Origin | None:
    """Return where a value comes from; None where nobody has said.

    Parameters
    ----------
    layer, id, attribute : str
        As in `geodata.schema`; without an attribute, of the thing as a whole.
    """
    said = park.provenance.said
    if (found := said.get((layer, id, attribute))) is not None:
        return found
    if layer in ROWS and (found := _of_row(park, layer, id, attribute)) is not None:
        return found
    for key in ((layer, id, ""), (layer, "", attribute), (layer, "", "")):
        if key in said:
            return said[key]
    return None


def _of_row(park: Park, layer: str, id: str, attribute: str) -> Origin | None:
    table = park.nodes if layer == "node" else park.links
    if not {"source", "confidence"} <= set(table.columns):
        return None
    row = np.flatnonzero(table["id"].to_numpy(object) == id)[:1]
    if not len(row):
        return None
    source, confidence, as_of, how = (
        str(table[c].iloc[row[0]]) if c in table.columns else ""
        for c in ("source", "confidence", "as_of", "how")
    )
    for part in filter(None, how.split(";")):
        other, _, names = part.partition(":")
        if attribute in names.split(","):
            return Origin(source, as_of, other)
    return Origin(source, as_of, confidence) if source or confidence else None


def gather(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its columns of marks (``how_<attribute>``) made into the one column `how`."""
    names = [c for c in table.columns if c.startswith(MARK)]
    if not names:
        return table.assign(how="") if "how" not in table.columns else table
    marks = {n.removeprefix(MARK): table[n].fillna(0).to_numpy().astype(np.uint8) for n in names}
    return table.drop(columns=names).assign(how=how(marks))


def how(marks: Mapping[str, Codes]) -> NDArray[np.object_]:
    """Return the column `how` of a table.

    Parameters
    ----------
    marks : mapping of str to (n,) uint8
        For each attribute 0 where it is as its row says, else a position in `Confidence` counted from 1.
    """
    names = sorted(marks)
    table = np.column_stack([marks[n] for n in names]).astype(np.uint8)
    kinds, which = np.unique(table, axis=0, return_inverse=True)
    words = np.array([_word(names, row) for row in kinds], object)
    return np.asarray(words[which.ravel()], object)


def _word(names: list[str], row: Codes) -> str:
    parts = []
    for code, kind in enumerate(Confidence, 1):
        mine = [n for n, c in zip(names, row.tolist(), strict=True) if c == code]
        if mine:
            parts.append(f"{kind}:{','.join(mine)}")
    return ";".join(parts)


def mark(kind: Confidence, where: NDArray[np.bool_]) -> Codes:
    """Return marks of one attribute: a confidence where a mask holds, nothing of its own elsewhere."""
    return np.where(where, list(Confidence).index(kind) + 1, 0).astype(np.uint8)


def changed(before: Park, after: Park, origin: Origin) -> Park:
    """Say of every value that differs between two parks that it now comes from here.

    What was said of things that are gone is taken back. Of a new thing the whole is said.
    """
    from geodata.versions import compare  # which itself looks at provenance

    said = dict(after.provenance.said)
    for layer, change in compare(before, after).items():
        if layer == LAYER or layer.startswith("map_"):
            continue
        gone = set(change.removed)
        said = {key: o for key, o in said.items() if key[0] != layer or key[1] not in gone}
        said |= {(layer, name, ""): origin for name in change.added}
        said |= {(layer, name, a): origin for name in change.moved for a in ("x", "y", "geometry")}
        said |= {(layer, name, a): origin for name, columns in change.changed.items() for a in columns}
    return replace(after, provenance=Provenance(said))
