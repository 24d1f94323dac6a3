"""Which field of a layer means what: guessed by known names, shown, edited and kept as TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geodata.formats.aliases import ALIASES, KNOWN, UNITS, bare, key, role_of_name, same, system_of
from geodata.formats.report import FormatError
from geodata.formats.sheet import Sheet
from geodata.schema import SCENERY
from geodata.words import Text

ROLES = (*ALIASES, "scenery", "model", "skip")
TEXTS = ("role", "crs", "axes", "encoding", "system", "kind", "scenery")
AXES = ("xy", "yx")
PLACE_ROLES = ("enterprise", "outlet", "gate", "device", "station", "receptor", "pool", "facility",
               "fingerprint")  # fmt: skip


@dataclass(slots=True)
class LayerMap:
    """What one layer is and which of its fields mean what.

    Attributes
    ----------
    role : str
        One of `ROLES`; "skip" leaves the layer out.
    fields : dict of str to str
        Our name -> the layer's.
    crs, axes, encoding : str
        What a person said of it; empty to find out. axes "yx": north comes first.
    system, kind : str
        For every row that does not say its own.
    scenery : str
        Which drawn layer it is, for role scenery.
    """

    role: str
    fields: dict[str, str] = field(default_factory=dict)
    crs: str = ""
    axes: str = ""
    encoding: str = ""
    system: str = ""
    kind: str = ""
    scenery: str = ""


Mapping = dict[str, LayerMap]


def known_names(cells: Iterable[str]) -> int:
    """Return how many of these cells are field names we know."""
    return sum(_known(c) for c in cells if c)


def guess(sheet: Sheet) -> LayerMap:
    """Propose what a layer is: by its own fields first, then by its name and geometry."""
    if sheet.model is not None:
        return LayerMap("model")
    names = [str(c) for c in sheet.frame.columns]
    if sheet.format in ("KML", "KMZ") and any(bool(v) for v in sheet.frame.get("Name", ())):
        names = [n for n in names if n != "id"]  # numbers its program gave; people wrote the name
    title = f"{sheet.layer} {Path(sheet.file).stem}"
    role = _role(sheet, names, title)
    found = LayerMap(role)
    if role in ALIASES:
        found.fields = fields_for(role, names)
        if sheet.geometry is not None and not _carries_no_shape(sheet):
            found.fields.pop("x", None)
            found.fields.pop("y", None)
    if role in ("node", "link") and "system" not in found.fields:
        known, system = system_of(title)
        found.system = (system or "none") if known else ""
    if role == "scenery":
        found.scenery = _scenery(sheet.layer)
    if role == "link" and any(w in title.lower() for w in ("渠", "沟", "channel", "ditch")):
        found.kind = "channel"
    if role == "link" and any(w in title.lower() for w in ("河", "reach", "river", "canal")):
        found.kind, found.system = "reach", found.system or "canal"
    return found


def fields_for(role: str, names: list[str]) -> dict[str, str]:
    """Return our names -> theirs; each of theirs is used once."""
    found: dict[str, str] = {}
    free = list(names)
    for ours, aliases in ALIASES[role].items():
        match = next((n for a in aliases for n in free if same(n, a)), None)
        if match is not None:
            found[ours] = match
            free.remove(match)
    return found


def load(path: Path) -> Mapping:
    """Read a mapping.

    Raises
    ------
    FormatError
        It is not TOML, or a role, field or axes is not known; the text names the layer and the mend.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FormatError(NOT_TOML.fill(file=path.name, error=error)) from error
    return {name: _layer(path.name, name, values) for name, values in data.items()}


def dump(mapping: Mapping) -> str:
    """Return a mapping as TOML."""
    parts: list[str] = []
    for name, m in mapping.items():
        lines = [f"[{_quote(name)}]"]
        lines += [f"{t} = {_quote(getattr(m, t))}" for t in TEXTS if getattr(m, t)]
        if m.fields:
            lines += ["", f"[{_quote(name)}.fields]"]
            lines += [f"{ours} = {_quote(theirs)}" for ours, theirs in m.fields.items()]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _layer(file: str, name: str, values: Any) -> LayerMap:
    if not isinstance(values, dict):
        raise FormatError(BAD_ENTRY.fill(file=file, layer=name, key=name, allowed="role, fields"))
    unknown = set(values) - {*TEXTS, "fields"}
    if unknown:
        raise FormatError(
            BAD_ENTRY.fill(file=file, layer=name, key=min(unknown), allowed=", ".join((*TEXTS, "fields")))
        )
    role, fields = values.get("role", ""), values.get("fields", {})
    if role not in ROLES:
        raise FormatError(
            BAD_ENTRY.fill(file=file, layer=name, key=f"role = {role}", allowed=", ".join(ROLES))
        )
    known = ALIASES.get(role, {})
    wrong = [f for f in fields if f not in known]
    if wrong:
        raise FormatError(BAD_ENTRY.fill(file=file, layer=name, key=wrong[0], allowed=", ".join(known)))
    if values.get("axes", "") not in ("", *AXES):
        raise FormatError(BAD_ENTRY.fill(file=file, layer=name, key="axes", allowed=", ".join(AXES)))
    texts = {t: str(values.get(t, "")) for t in TEXTS}
    return LayerMap(fields={str(k): str(v) for k, v in fields.items()}, **texts)


def _role(sheet: Sheet, names: list[str], title: str) -> str:
    """Choose by structure where it is plain, by the layer's name where it is not."""
    if sheet.layer in ALIASES:
        return sheet.layer
    if sheet.layer == "park" or sheet.layer.startswith("map_"):
        return "scenery" if sheet.layer != "park" else "skip"
    shape = _dimension(sheet)
    link, node = fields_for("link", names), fields_for("node", names)
    if {"from_node", "to_node"} <= set(link) and shape in (-1, 1):
        return "link"
    by_name = role_of_name(sheet.layer) or role_of_name(title)
    if by_name and shape in (-1, 0, 2):
        return by_name
    if shape == 2:
        return "scenery" if _scenery(sheet.layer) else "skip"
    if shape == 1:
        return "scenery" if _scenery(sheet.layer) in ("road", "dike", "boundary") else "link"
    if "uscc" in fields_for("enterprise", names):
        return "enterprise"
    if "mn" in fields_for("station", names):
        return "station"
    if shape == 0 or {"id", "x", "y"} <= set(node):
        return "node"
    return "skip"


def _dimension(sheet: Sheet) -> int:
    """0 points, 1 lines, 2 areas, -1 none: what most features are."""
    if sheet.geometry is None or _carries_no_shape(sheet):
        return -1
    kinds = shapely.get_dimensions(sheet.geometry)
    kinds = kinds[kinds >= 0]
    return int(np.bincount(kinds).argmax()) if len(kinds) else -1


def _carries_no_shape(sheet: Sheet) -> bool:
    return sheet.geometry is None or bool(np.all(shapely.is_missing(sheet.geometry)))


def _scenery(layer: str) -> str:
    """Return the drawn layer a name speaks of, empty if none."""
    name = layer.lower().removeprefix("map_")
    if name in SCENERY:
        return name
    return next((ours for words, ours in SCENERY_WORDS if any(w in name for w in words)), "")


def _known(cell: str) -> bool:
    k = key(cell)
    return (
        k in KNOWN or key(bare(cell)) in KNOWN or any(k.endswith(u) and k[: -len(u)] in KNOWN for u in UNITS)
    )


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'


SCENERY_WORDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("道路", "公路", "road"), "road"),
    (("河", "水系", "水面", "river", "canal", "water"), "canal"),
    (("边界", "范围", "红线", "boundary"), "boundary"),
    (("地块", "宗地", "厂区", "parcel"), "parcel"),
    (("建筑", "房屋", "装置", "building"), "plot"),
    (("储罐", "罐", "tank"), "tank"),
    (("绿地", "绿化", "green"), "green"),
    (("农田", "耕地", "field"), "field"),
    (("海堤", "堤", "dike"), "dike"),
    (("管廊", "rack"), "rack"),
    (("海", "sea"), "sea"),
)
NOT_TOML = Text("读不了对应表 {file}：{error}", "the mapping {file} cannot be read: {error}")
BAD_ENTRY = Text(
    "对应表 {file} 的 [{layer}]:{key} 不认识；可用：{allowed}",
    "mapping {file}, [{layer}]: {key} is not known; known are: {allowed}",
)
