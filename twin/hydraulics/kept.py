"""What engines said of model files, kept by content: opening the same file again computes nothing.

A run of SWMM takes seconds. What comes of it depends on the file, the engine and how it is summed up, so the
three together are the name it is kept by; a file that reads others beside it is computed every time.
"""

from __future__ import annotations

import hashlib
import secrets
import zipfile
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path

import numpy as np

from geodata.formats.inp import Sections
from twin.hydraulics.watched import FORM, Watched

MOST = 200  # runs kept, the last used
PACKAGES = {"SWMM": "swmm-toolkit", "EPANET": "owa-epanet"}
OUTSIDE = {"FILE", "USE"}  # words by which a model reads another file
PROSE = {"TITLE", "BACKDROP", "LABELS", "TAGS"}  # sections that change no flow


class Kept:
    """A folder of runs; made when the first is kept. Where it cannot be written nothing is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, path: Path, engine: str) -> Watched | None:
        """Return what an engine said of this content before; None if it never ran it."""
        place = self._place(path, engine)
        try:
            with np.load(place, allow_pickle=False) as found:
                columns = {f.name: found[f.name] for f in fields(Watched)}
            place.touch()
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        return Watched(
            links=tuple(columns.pop("links").tolist()), hours=float(columns.pop("hours")), **columns
        )

    def keep(self, path: Path, engine: str, sections: Sections, seen: Watched) -> None:
        """Keep what an engine said, unless it may have read more than the file."""
        read = (r for name, rows in sections.rows.items() if name not in PROSE for r in rows)
        if any(w.upper() in OUTSIDE for r in read for w in r.words):
            return
        place = self._place(path, engine)
        part = place.with_name(f"{secrets.token_hex(8)}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as out:
                columns = {f.name: getattr(seen, f.name) for f in fields(Watched)}
                np.savez_compressed(out, **columns | {"links": np.array(seen.links, str)})
            part.replace(place)
            for old in sorted(self.folder.glob("*.npz"), key=lambda p: p.stat().st_mtime)[:-MOST]:
                old.unlink(missing_ok=True)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _place(self, path: Path, engine: str) -> Path:
        name = hashlib.sha256(f"{FORM} {engine} {version(PACKAGES[engine])}\n".encode())
        name.update(path.read_bytes())
        return self.folder / f"{name.hexdigest()}.npz"
