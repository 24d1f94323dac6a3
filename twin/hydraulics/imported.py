"""Directions of a model made by others, taken from the engine the model was made for.

A file of SWMM or EPANET brings its hydraulics, so nobody has to guess which way its water runs: the engine
runs it once, and its mean flows become the park's stored flow field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from geodata import park as park_file
from geodata.formats import inp, inp_epanet, inp_swmm
from geodata.formats.report import FormatError
from geodata.intake import Intake, say_assumed
from geodata.places import Park
from geodata.words import Text
from twin.errors import TwinError
from twin.hydraulics import epanet, swmm_file
from twin.hydraulics.flowfield import velocities
from twin.hydraulics.kept import Kept
from twin.hydraulics.watched import STILL_M3S, Share, Watched, untold

MODEL = ".inp"

RUNS = Text("{engine} 计算 {file} 的流向", "{engine} runs {file} for its directions")
RAN = Text(
    "{file}：按 {engine} 计算的 {hours} 小时平均流量定流向，{told} 条原为假定的已确定，"
    "{turned} 条与所画相反，{still} 条没有流动、仍按原样",
    "{file}: directions are those of {engine}'s mean flows over {hours} h; {told} links that were assumed "
    "are known, {turned} run against the file's drawing, {still} carry nothing and stay as they were",
)
FAILED = Text(
    "{file}：{engine} 算不了，流向仍按文件：{why}",
    "{file}: {engine} cannot run it, directions stay as the file has them: {why}",
)


Tell = Callable[[Text, float], None]
"""Is told which engine runs which file, and which share of it is done, 0..1."""


@dataclass(frozen=True, slots=True)
class Flowed:
    """A park with the directions of its models, and what is to be said about each."""

    park: Park
    said: tuple[Text, ...]


def with_engine_flow(
    park: Park, files: Sequence[Path], kept: Kept | None = None, tell: Tell | None = None
) -> Flowed:
    """Give the links of a park that came from model files the flows of the files' engines.

    Links are found by their ids; those of other files are left alone, and so is every direction the engine
    cannot tell because nothing runs there.

    Parameters
    ----------
    kept : Kept, optional
        Runs of before; without it every engine runs.
    """
    said = []
    for path in files:
        if path.suffix.lower() != MODEL or not path.is_file():
            continue
        engine, seen = _watch(path, kept, tell)
        if isinstance(seen, Watched):
            park, text = _stored(park, path, engine, seen)
        else:
            text = FAILED.fill(file=path.name, engine=engine, why=seen)
        said.append(text)
    return Flowed(park, tuple(said))


def flowed(made: Intake, files: Sequence[Path], kept: Kept | None = None, tell: Tell | None = None) -> None:
    """Give the park of an import, or what it would be, the directions of its models; the report says so."""
    if made.preview is None:
        return
    before, found = made.preview, with_engine_flow(made.preview, files, kept, tell)
    made.preview = found.park
    made.park = found.park if made.park is not None else None
    say_assumed(found.park.links, made.report, before.links)
    made.report.merged += found.said


def _watch(path: Path, kept: Kept | None, tell: Tell | None) -> tuple[str, Watched | str]:
    try:
        sections = inp.split(path.name, path.read_text("utf-8", errors="replace"))
    except FormatError as error:
        return "inp", str(error)
    pressure = "PIPES" in sections.rows
    engine = inp_epanet if pressure else inp_swmm
    units = sections.option("UNITS", "GPM") if pressure else sections.option("FLOW_UNITS", "CFS")
    metre = inp.FOOT_M if units in engine.AMERICAN else 1.0
    name = "EPANET" if pressure else "SWMM"
    if kept is not None and (seen := kept.find(path, name)) is not None:
        return name, seen
    text = RUNS.fill(engine=name, file=path.name)
    say: Share = (lambda share: tell(text, share)) if tell is not None else untold
    say(0.0)
    try:
        seen = (epanet.watch if pressure else swmm_file.watch)(path, engine.FLOW[units], metre, say)
    except TwinError as error:
        return name, " ".join(str(error).split())
    if kept is not None:
        kept.keep(path, name, sections, seen)
    return name, seen


def _stored(park: Park, path: Path, engine: str, seen: Watched) -> tuple[Park, Text]:
    """Write what was watched into the link table; a flow against the drawing is negative there."""
    table = park.links.copy()
    at = {k: i for i, k in enumerate(seen.links)}
    rows = np.array([at.get(str(k), -1) for k in table["id"]])
    if "source" in table:
        rows[~table["source"].astype(str).str.startswith(f"{path.name}:").to_numpy()] = -1
    mine = np.flatnonzero(rows >= 0)
    of = rows[mine]
    flow = np.where(np.abs(seen.flow_m3s[of]) > STILL_M3S, seen.flow_m3s[of], 0.0)
    source = table["direction_source"].to_numpy(object).copy()
    was = source[mine].astype(str)
    flows, turned = flow != 0, flow < 0
    source[mine] = np.where(flows & ((was == "assumed") | turned), "flow", was)
    table["direction_source"] = source
    columns = {"flow_m3s": flow, "reversal": np.where(flows, seen.reversal[of], 0.0)}
    depth = seen.depth_m[of]
    columns["depth_m"] = np.where(np.isfinite(depth), depth, table["height_m"].to_numpy(float)[mine])
    for name, values in columns.items():
        column = table[name].to_numpy(float).copy()
        column[mine] = values
        table[name] = column
    made = replace(park, links=table)
    speed = velocities(made, table["flow_m3s"].to_numpy(float), table["depth_m"].to_numpy(float))
    if engine == "EPANET":
        speed[mine] = np.where(flows, seen.speed_ms[of], 0.0)
    column = table["velocity_ms"].to_numpy(float).copy()
    column[mine] = speed[mine]
    table["velocity_ms"] = column
    if "status" in table:  # a pump that is off at the start and runs later is no closed link
        status = table["status"].to_numpy(object).copy()
        status[mine] = np.where(flows & (status[mine] == "closed"), "open", status[mine])
        table["status"] = status
    made = replace(park, links=table)
    counts = {"told": int((flows & (was == "assumed")).sum()), "turned": int(turned.sum())}
    text = RAN.fill(
        file=path.name, engine=engine, hours=f"{seen.hours:.0f}", still=int((~flows).sum()), **counts
    )
    version = park_file.content_hash(made)[: park_file.VERSION_CHARS]
    return replace(made, version=version), text
