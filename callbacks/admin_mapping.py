"""What the layers of an import are taken for: changed by hand, saved by name, used for other files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from geodata.formats import mapping as maps
from geodata.formats.aliases import ALIASES
from geodata.formats.mapping import LayerMap, fields_for
from geodata.words import Text
from twin.park_desk import DeskError, Work

NAME = re.compile(r"[\w一-鿿 .()()-]{1,60}")


def save(folder: Path, work: Work, name: str) -> Text:
    """Keep what the layers of an import are taken for under a name; returns what was done.

    Raises
    ------
    DeskError
        It is no name.
    """
    name = name.strip()
    if not NAME.fullmatch(name) or name.startswith("."):
        raise DeskError(BAD_MAPPING_NAME)
    used = {x["key"]: layer_map(x) for x in work.result().get("layers", ())} | work.mapping()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(maps.dump(used), "utf-8")
    return MAPPING_SAVED.fill(name=name, n=len(used))


def layer_map(x: Mapping[str, Any]) -> LayerMap:
    """Return what a layer of the account was taken for."""
    names = ("axes", "system", "kind", "scenery")
    return LayerMap(
        x["role"], dict(x["fields"]), crs=x.get("said_crs", ""), **{n: x.get(n, "") for n in names}
    )


def changed_map(x: Mapping[str, Any], fields: Mapping[str, str]) -> LayerMap | None:
    """Return a layer as the fields of the form have it now; None where nothing differs.

    A new role brings its own guess of the fields.

    Raises
    ------
    DeskError
        Two fields of the file are given the same meaning.
    """
    old, key = layer_map(x), x["key"]
    role = fields.get(f"role|{key}", old.role)
    if role not in maps.ROLES:
        return None
    said = {
        n: fields.get(f"{n}|{key}", getattr(old, n)).strip()
        for n in ("crs", "axes", "system", "kind", "scenery")
    }
    if role != old.role:
        guessed = fields_for(role, list(x["sample"])) if role in ALIASES else {}
        return LayerMap(role, guessed, crs=said["crs"], axes=said["axes"])
    meant: dict[str, str] = {}
    for theirs in x["sample"]:
        ours = fields.get(f"field|{key}|{theirs}")
        if ours is None:  # the grid was not there
            return replace(old, **said) if replace(old, **said) != old else None
        if ours in meant:
            raise DeskError(TWICE.fill(layer=key, a=meant[ours], b=theirs))
        if ours:
            meant[ours] = theirs
    made = replace(old, fields=meant, **said)
    return made if made != old else None


def saved(folder: Path) -> list[str]:
    """Return the names of the mappings people saved."""
    return sorted(p.stem for p in folder.glob("*.toml")) if folder.is_dir() else []


def use(folder: Path, work: Work, name: str) -> None:
    """Use a saved mapping: layers of the same file, else of the same layer name, take what it says.

    Raises
    ------
    DeskError
        There is no such mapping.
    """
    if name not in saved(folder):
        raise DeskError(NO_MAPPING.fill(name=name))
    kept = maps.load(folder / f"{name}.toml")
    by_layer = {key.rpartition("/")[2]: m for key, m in kept.items()}
    keys = [x["key"] for x in work.result().get("layers", ())]
    files = {name.rpartition("/")[2] for name, _ in work.files()}
    found = {k: m for k, m in kept.items() if k.rpartition("/")[0] in files}
    for key in keys:
        layer = key.rpartition("/")[2]
        if key not in found and layer in by_layer:
            found[key] = by_layer[layer]
    work.map(work.mapping() | found)


BAD_MAPPING_NAME = Text(
    "请给对应表起个名字（字母、汉字、数字）", "give the mapping a name of letters and digits"
)
MAPPING_SAVED = Text("对应表 {name} 已保存，{n} 个图层", "the mapping {name} was saved, {n} layers")
NO_MAPPING = Text("没有对应表 {name}", "there is no mapping {name}")
TWICE = Text("{layer}：字段 {a} 和 {b} 给了同一个含义", "{layer}: the fields {a} and {b} mean the same")
