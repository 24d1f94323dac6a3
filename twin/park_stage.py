"""`python -m twin.park_stage FOLDER PRESENT [FLOWS]`: reads one piece of work; see `twin.park_desk`.

A process of its own, with bounded memory. It says what it is doing in its folder and ends when a file named
`stop` appears there, or when the process that started it is gone.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from geodata import crs, intake
from geodata import park as parks
from geodata.check.run import check
from geodata.formats.report import FormatError, Guess, LayerReport, proposed
from geodata.framing import Settings
from geodata.intake import Intake
from geodata.park import VERSION_CHARS, content_hash
from geodata.places import Park
from geodata.words import Text
from twin.hydraulics.imported import flowed
from twin.hydraulics.kept import Kept
from twin.park_check import known
from twin.park_desk import Room, Said, Work

MEMORY = 4 * 2**30  # bytes of data this process may hold
LOOK_S = 0.2
LONGEST_S = 1800.0
ROWS_NAMED = 40
PRESENT = "present.gpkg"
READ, FLOWS = 0.6, 0.32  # shares of the whole: reading, and engines that tell directions


def main(words: Sequence[str]) -> int:
    """Read the files of one folder; returns 0 unless something unforeseen happened."""
    work, present = Work(Path(words[0]), Room()), Path(words[1])
    kept = Kept(Path(words[2])) if words[2:] else None
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    threading.Thread(target=_watch, args=(work,), daemon=True).start()
    try:
        work.finish(stage(work, present, kept))
    except MemoryError:
        work.put("failed", NO_MEMORY.fill(gb=MEMORY // 2**30), 1.0)
    except FormatError as error:  # of a mapping: nothing was read
        work.put("failed", error.text, 1.0)
    return 0


def stage(work: Work, present: Path, kept: Kept | None = None) -> dict[str, Any]:
    """Read the files of a piece of work and write the park they make beside them.

    Parameters
    ----------
    present : Path
        The park file in use: its name is kept, its place helps to tell a zone, and the files may come to it.
    kept : Kept, optional
        What engines said of models before.

    Returns
    -------
    dict
        The account as plain JSON values.
    """
    began = time.perf_counter()
    said, now = work.said(), parks.read(present)
    sources = _sources(work, said, present)
    made = intake.gather(sources, _settings(work, said, now), _teller(work))
    work.put("running", FLOWING, READ)
    flowed(made, sources, kept, lambda text, share: work.put("running", text, READ + FLOWS * share))
    result = account(made)
    if made.preview is not None:
        work.put("running", CHECKING, READ + FLOWS)
        park = _named(made.preview, said, now)
        found = check(park, known(park))
        count = Counter(str(f.severity) for f in found)
        work.put("running", WRITING, 0.96)
        parks.write(park, work.park(park.version))
        result |= {"version": park.version, "counts": counts(park), "findings": dict(count)}
        result["present"] = counts(now)
        result["placed"] = crs.is_known(park.crs) and not crs.is_local(park.crs)
    result["ready"] = made.park is not None
    result["seconds"] = round(time.perf_counter() - began, 2)
    return result


def account(made: Intake) -> dict[str, Any]:
    """Return what was read, what became of it and what is asked, as plain JSON values."""
    report = made.report
    return {
        "layers": [_layer(x, made) for x in report.layers],
        "guesses": [_guess(g) for g in report.guesses],
        "merged": [_text(t) for t in report.merged],
        "errors": [_text(t) for t in report.errors],
        "crs": report.crs,
    }


def counts(park: Park) -> dict[str, float]:
    """Return how much of everything a park has."""
    records = {layer: len(getattr(park, attribute)) for layer, _, attribute in parks.RECORDS}
    length = float(np.nansum(park.links["length_m"].to_numpy(float))) if len(park.links) else 0.0
    return {"node": len(park.nodes), "link": len(park.links), "km": round(length / 1000, 1), **records}


def _sources(work: Work, said: Said, present: Path) -> list[Path]:
    sources = work.sources()
    if said.mode == "add":
        copy = work.folder / PRESENT
        shutil.copyfile(present, copy)
        os.utime(copy, (0, 0))  # when it was put together tells nothing of what it holds
        sources.insert(0, copy)  # what is there already keeps its ids
    return sources


def _settings(work: Work, said: Said, now: Park) -> Settings:
    return Settings(
        mapping=work.mapping(),
        crs=said.crs,
        axes=said.axes,
        as_of=said.as_of,
        file_dates=True,
        encoding=said.encoding,
        near=middle(now),
        snap_m=said.snap_m,
        attach_m=said.attach_m,
        name=now.id,
    )


def middle(park: Park) -> tuple[float, float] | None:
    """Longitude and latitude of the middle of a park; None where it has no place on Earth."""
    if not len(park.nodes) or not crs.is_known(park.crs) or crs.is_local(park.crs):
        return None
    x, y = (float(np.nanmedian(park.nodes[c].to_numpy(float))) for c in ("x", "y"))
    lon, lat = crs.to_lonlat(x, y, park.crs)
    return (float(lon), float(lat)) if np.isfinite(lon) and np.isfinite(lat) else None


def _named(park: Park, said: Said, now: Park) -> Park:
    """The park under its own name, with the stored flow field where its links are still the same."""
    name = Text(said.name_zh.strip() or now.name.zh, said.name_en.strip() or now.name.en)
    kept = parks.keep_flow_field(replace(park, id=now.id, name=name), now)
    return replace(kept, version=content_hash(kept)[:VERSION_CHARS])


def _teller(work: Work) -> intake.Tell:
    def tell(step: Text, share: float) -> None:
        work.put("running", step, READ * share)

    return tell


def _layer(x: LayerReport, made: Intake) -> dict[str, Any]:
    m = made.mapping.get(f"{x.file}/{x.layer}")
    said = {name: getattr(m, name) for name in ("system", "kind", "scenery", "axes")} if m else {}
    return {
        "key": f"{x.file}/{x.layer}",
        **{
            n: getattr(x, n)
            for n in ("file", "layer", "format", "role", "crs", "encoding", "as_of", "as_of_by")
        },
        **{n: getattr(x, n) for n in ("read", "mapped", "skipped", "fields", "sample")},
        **said,
        "said_crs": m.crs if m else "",
        "notes": _notes(x),
    }


def _notes(x: LayerReport) -> list[dict[str, Any]]:
    """Notes of one sentence together, with the first of their rows."""
    found: dict[tuple[str, str, bool], dict[str, Any]] = {}
    for note in x.notes:
        key = (note.text.zh, note.field, note.skipped)
        kept = found.setdefault(
            key,
            {"text": _text(note.text), "field": note.field, "skipped": note.skipped, "rows": [], "n": 0},
        )
        kept["n"] += 1
        if note.row and len(kept["rows"]) < ROWS_NAMED:
            kept["rows"].append(note.row)
    return list(found.values())


def _guess(g: Guess) -> dict[str, Any]:
    names = ("file", "layer", "kind", "value", "axes")
    return {
        **{n: getattr(g, n) for n in names},
        "layers": list(g.layers),
        "others": list(g.others),
        "proof": _text(g.proof),
        "said": _text(proposed(g)),
    }


def _text(t: Text) -> dict[str, str]:
    return {"zh": t.zh, "en": t.en}


def _watch(work: Work) -> None:
    """Show that this process lives, and end it when somebody wants that, or nobody is left to want it."""
    parent, began = os.getppid(), time.monotonic()
    while True:
        if not work.folder.is_dir():
            os._exit(0)
        work.beat()
        gone = os.getppid() != parent
        if (work.folder / "stop").exists() or gone or time.monotonic() - began > LONGEST_S:
            work.put("stopped", STOPPED, 0.0)
            os._exit(0)
        time.sleep(LOOK_S)


FLOWING = Text("由模型自带的水力定流向", "directions from the models' own hydraulics")
CHECKING = Text("检查", "checking")
WRITING = Text("写入候选园区", "writing the candidate park")
STOPPED = Text("已停止", "stopped")
NO_MEMORY = Text(
    "需要的内存超过 {gb} GB，已停止；请按区域或按类分成几次导入",
    "it needs more than {gb} GB of memory and was stopped; import by area or by class",
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
