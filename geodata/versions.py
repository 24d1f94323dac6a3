"""Every version of a park ever saved, in one folder: which is the present one, who saved it, what it changed.

The folder holds one GeoPackage for every content (``<version>.gpkg``), the account of an import beside it
(``<version>.json``) and ``versions.jsonl``, one line for every save. The last line is the present version.
Nothing is ever overwritten: restoring an old version writes another line.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
import shapely

from geodata import park as park_file
from geodata import provenance
from geodata.park import EVERY, VERSION_CHARS, content_hash
from geodata.places import Park

JOURNAL = "versions.jsonl"
ACCOUNT = ".json"
MOVED_M = 0.01  # a point or line that differs by less than this is where it was
Columns = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """One save of a park.

    `version` names the content; the same content saved twice carries the same. `parent` is what was present
    before, empty at the first save.
    """

    version: str
    at: datetime
    by: str
    note: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What differs in one layer between two parks.

    Attributes
    ----------
    added, removed : tuple of str
        Ids.
    moved : dict of str to float
        Id to the distance in m (of lines: how far the farthest part lies from the old line).
    changed : dict of str to tuple of str
        Id to the columns that differ, the position not counted.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    moved: dict[str, float] = field(default_factory=dict)
    changed: dict[str, Columns] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.moved or self.changed)


class Store:
    """The versions of one park.

    Parameters
    ----------
    folder : Path
        Made at the first save.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(
        self, park: Park, note: str, by: str, at: datetime, account: dict[str, Any] | None = None
    ) -> Version:
        """Keep a park as the present version; saving the present content again changes nothing.

        Parameters
        ----------
        at : datetime
            Aware.
        account : dict, optional
            Which files it came from, in which systems and charsets; plain JSON, kept beside it.

        Raises
        ------
        ValueError
            The time has no zone.
        """
        if at.tzinfo is None:
            raise ValueError("a version's time needs a zone")
        name = content_hash(park)[:VERSION_CHARS]
        with self._lock():
            path = self._write(park, name)
            if account is not None:
                path.with_suffix(ACCOUNT).write_text(json.dumps(account, ensure_ascii=False), "utf-8")
            return self._append(name, note, by, at)

    def keep(self, park: Park) -> None:
        """Keep the file of a park that something refers to; it is no save, and the present version stays."""
        if not self.path(park.version).exists():
            with self._lock():
                self._write(park, content_hash(park)[:VERSION_CHARS])

    def kept(self, version: str) -> Park:
        """Read a park that was saved, or kept because something refers to it.

        Raises
        ------
        KeyError
            There is no such file.
        ValueError
            The file does not hold what was kept: somebody has changed it.
        """
        if not self.path(version).is_file():
            raise KeyError(version)
        park = park_file.read(self.path(version))
        if park.version != version:
            raise ValueError(
                f"{self.path(version).name} holds {park.version}: it was changed after it was saved"
            )
        return park

    def account(self, version: str) -> dict[str, Any]:
        """Return which files a version came from; empty where it was not imported.

        Raises
        ------
        KeyError
            There is no such version.
        """
        self._known(version)
        path = self.path(version).with_suffix(ACCOUNT)
        return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}

    def list(self) -> tuple[Version, ...]:
        """Return every save, the newest first."""
        try:
            lines = (self.folder / JOURNAL).read_text("utf-8").splitlines(keepends=True)
        except FileNotFoundError:
            return ()
        # A last line without its end was cut off while it was written; that save was never answered.
        rows = [json.loads(line) for line in lines if line.endswith("\n") and line.strip()]
        return tuple(Version(**{**r, "at": datetime.fromisoformat(r["at"])}) for r in reversed(rows))

    def current(self) -> Version | None:
        """Return the present version; None if nothing was ever saved."""
        return next(iter(self.list()), None)

    def path(self, version: str) -> Path:
        """Return where a version's file lies or would lie."""
        return self.folder / f"{version}.gpkg"

    def load(self, version: str) -> Park:
        """Read a version.

        Raises
        ------
        KeyError
            There is no such version.
        ValueError
            The file does not hold what was saved: somebody has changed it.
        """
        self._known(version)
        return self.kept(version)

    def restore(self, version: str, by: str, at: datetime, note: str = "") -> Version:
        """Make an old version the present one again; the versions between are kept.

        Raises
        ------
        KeyError
            There is no such version.
        """
        self._known(version)
        with self._lock():
            return self._append(version, note or f"restored {version}", by, at)

    def counts(self, version: str) -> dict[str, int]:
        """Return how many rows each layer of a version holds, without reading them.

        Raises
        ------
        KeyError
            There is no such version.
        ValueError
            Its file cannot be read.
        """
        self._known(version)
        path = self.path(version)
        try:
            layers = [str(name) for name, _ in pyogrio.list_layers(path)]
            return {n: int(pyogrio.read_info(path, layer=n)["features"]) for n in layers}
        except pyogrio.errors.DataSourceError as error:
            raise ValueError(f"{path.name} cannot be read: {error}") from error

    def compare(self, a: str, b: str) -> dict[str, Change]:
        """Return what happened from version `a` to version `b`; see `compare`."""
        return compare(self.load(a), self.load(b))

    def install(self, version: str, path: Path) -> None:
        """Put a version where the processes read their park, in one step.

        Raises
        ------
        KeyError
            There is no such version.
        """
        self._known(version)
        part = path.with_name(path.stem + ".part.gpkg")
        shutil.copyfile(self.path(version), part)
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        part.replace(path)

    def _write(self, park: Park, name: str) -> Path:
        path = self.path(name)
        if not path.exists():
            park_file.write(replace(park, version=name), path)
        return path

    def _known(self, version: str) -> None:
        if not any(v.version == version for v in self.list()) or not self.path(version).is_file():
            raise KeyError(version)

    def _append(self, name: str, note: str, by: str, at: datetime) -> Version:
        before = self.current()
        if before is not None and before.version == name:
            return before
        made = Version(name, at, by, note, before.version if before else "")
        row = {"version": name, "at": at.isoformat(), "by": by, "note": note, "parent": made.parent}
        line = json.dumps(row, ensure_ascii=False)
        with (self.folder / JOURNAL).open("ab+") as journal:
            _drop_torn_line(journal)
            journal.write(line.encode() + b"\n")
            journal.flush()
            os.fsync(journal.fileno())
        return made

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _drop_torn_line(journal: Any) -> None:
    """Cut off a last line that a crash left without its end."""
    journal.seek(0)
    written = journal.read()
    journal.truncate(written.rfind(b"\n") + 1)
    journal.seek(0, os.SEEK_END)


def compare(a: Park, b: Park) -> dict[str, Change]:
    """Return what differs from park `a` to park `b`, by layer; layers that are the same are left out.

    Drawn layers carry no ids: of them it is said only how many shapes came and went, as the texts
    ``"+3"`` and ``"-1"``.
    """
    found: dict[str, Change] = {}
    if (a.id, a.name, a.crs) != (b.id, b.name, b.crs):
        columns = tuple(c for c in ("id", "name", "crs") if getattr(a, c) != getattr(b, c))
        found["park"] = Change(changed={b.id: columns})
    for layer, kind, attribute in EVERY:
        names = [f.name for f in fields(kind)]
        old, new = (
            pd.DataFrame([[getattr(r, n) for n in names] for r in getattr(p, attribute)], columns=names)
            for p in (a, b)
        )
        found[layer] = _compare(_keyed(old, layer), _keyed(new, layer))
    found["node"] = _compare(_keyed(a.nodes, "node"), _keyed(b.nodes, "node"))
    found["link"] = _compare(_keyed(a.links, "link"), _keyed(b.links, "link"))
    found[provenance.LAYER] = _said(a.provenance, b.provenance)
    for name in sorted({*a.scenery, *b.scenery}):
        found[f"map_{name}"] = _drawn(a.scenery.get(name), b.scenery.get(name))
    return {layer: change for layer, change in found.items() if change}


def _said(a: provenance.Provenance, b: provenance.Provenance) -> Change:
    """What differs in what is said of where values come from, by layer/id/attribute."""
    old, new = ({"/".join(k): o for k, o in p.said.items()} for p in (a, b))
    both = old.keys() & new.keys()
    differ = {
        key: tuple(f for f in provenance.Origin._fields if getattr(old[key], f) != getattr(new[key], f))
        for key in sorted(both)
    }
    return Change(
        tuple(sorted(new.keys() - old.keys())),
        tuple(sorted(old.keys() - new.keys())),
        changed={key: names for key, names in differ.items() if names},
    )


def _keyed(table: pd.DataFrame, layer: str) -> pd.DataFrame:
    """The table by id, the first of a double counting; a fingerprint's id is enterprise and factor."""
    if layer == "fingerprint":
        table = table.assign(id=table["enterprise"].astype(str) + "/" + table["factor"].astype(str))
    return table.drop_duplicates("id").set_index("id")


def _compare(a: pd.DataFrame, b: pd.DataFrame) -> Change:
    added = tuple(str(i) for i in b.index.difference(a.index))
    removed = tuple(str(i) for i in a.index.difference(b.index))
    both = a.index.intersection(b.index)
    old, new = a.loc[both], b.loc[both]
    away = _moves(old, new)
    moved = {str(both[i]): round(float(away[i]), 2) for i in np.flatnonzero(away > MOVED_M)}
    changed: dict[str, list[str]] = {}
    for column in sorted({*old.columns, *new.columns} - {"x", "y"}):
        if column == "geometry":
            differs = np.asarray(old[column].isna() != new[column].isna(), bool)
        elif column not in old.columns or column not in new.columns:
            differs = np.ones(len(both), bool)
        else:
            differs = _differs(old[column], new[column])
        for i in np.flatnonzero(differs):
            changed.setdefault(str(both[i]), []).append(str(column))
    return Change(added, removed, moved, {key: tuple(columns) for key, columns in changed.items()})


def _moves(old: pd.DataFrame, new: pd.DataFrame) -> np.ndarray:
    """How far each feature moved, m."""
    if "x" in old.columns:
        away = np.hypot((new["x"] - old["x"]).to_numpy(float), (new["y"] - old["y"]).to_numpy(float))
        return np.asarray(np.nan_to_num(away), float)
    if "geometry" in old.columns:
        away = shapely.hausdorff_distance(old["geometry"].to_numpy(), new["geometry"].to_numpy())
        return np.asarray(np.nan_to_num(away), float)  # a line that came or went is a change, not a move
    return np.zeros(len(old))


def _differs(old: pd.Series, new: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(old) and pd.api.types.is_numeric_dtype(new):
        same = np.isclose(old.to_numpy(float), new.to_numpy(float), rtol=1e-12, atol=0.0, equal_nan=True)
        return np.asarray(~same, bool)
    return np.asarray(old.fillna("").to_numpy(object) != new.fillna("").to_numpy(object), bool)


def _drawn(a: Any, b: Any) -> Change:
    old, new = _shapes(a), _shapes(b)
    came, went = (new - old).total(), (old - new).total()
    return Change((f"+{came}",) if came else (), (f"-{went}",) if went else ())


def _shapes(table: Any) -> Counter[tuple[Any, ...]]:
    if table is None:
        return Counter()
    columns = [shapely.to_wkb(table.geometry.to_numpy())]
    columns += [table[c].astype(str).to_numpy() for c in sorted(table.columns) if c != "geometry"]
    return Counter(zip(*columns, strict=True))
