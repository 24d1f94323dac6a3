"""A SWMM 5 input file as a network with its hydraulics."""

from __future__ import annotations

from typing import Any

import numpy as np

from geodata.formats.inp import ALWAYS, FOOT_M, Builder, Model, Row, Sections
from geodata.formats.report import FormatError, Note
from geodata.words import Text

# m3/s of one flow unit.
FLOW = {
    "CFS": FOOT_M**3,
    "GPM": 6.30902e-5,
    "MGD": 0.0438126,
    "CMS": 1.0,
    "LPS": 1e-3,
    "MLD": 1000 / 86400,
}
AMERICAN = ("CFS", "GPM", "MGD")
ROUND = ("CIRCULAR", "FORCE_MAIN", "FILLED_CIRCULAR")
OPEN_ = ("RECT_OPEN", "TRAPEZOIDAL", "TRIANGULAR", "IRREGULAR", "STREET", "PARABOLIC", "POWER")
USED = ALWAYS | {
    *("JUNCTIONS", "OUTFALLS", "STORAGE", "DIVIDERS", "CONDUITS", "PUMPS", "ORIFICES", "WEIRS", "OUTLETS"),
    *("XSECTIONS", "TRANSECTS", "CURVES", "INFLOWS", "DWF"),
}


def build(sections: Sections) -> Model:
    """Turn the sections of a SWMM model into nodes and links in metres and m3/s.

    Raises
    ------
    FormatError
        A number is none, or the flow units are not known.
    """
    units = sections.option("FLOW_UNITS", "CFS")
    if units not in FLOW:
        raise FormatError(NO_UNITS.fill(file=sections.file, units=units, known=", ".join(FLOW)))
    foot = FOOT_M if units in AMERICAN else 1.0
    made = Builder(sections)
    _nodes(made, foot, _curves(sections))
    _inflows(made, FLOW[units])
    _links(made, foot, FLOW[units])
    _crossings(made, foot)
    system = "sewage" if sections["DWF"] else "rain"
    for values in (*made.nodes.values(), *made.links.values()):
        values["system"] = system
    unit = next((r.text(1) for r in sections["MAP"] if r.text(0).upper() == "UNITS"), "")
    return made.model("SWMM", units in AMERICAN, unit, USED)


def _nodes(made: Builder, foot: float, curves: dict[str, list[tuple[float, float]]]) -> None:
    s = made.sections

    def level(row: Row) -> float:
        return s.number(row, 1, "Elevation") * foot

    def rim(row: Row, i: int) -> dict[str, float]:
        depth = s.number(row, i, "MaxDepth", 0.0) * foot
        # SWMM reads a depth of 0 as "up to the highest link": unknown to us.
        return {
            "invert_m": level(row),
            "max_depth_m": depth or np.nan,
            "ground_m": level(row) + depth if depth else np.nan,
        }

    for row in s["JUNCTIONS"]:
        made.node("JUNCTIONS", row, **rim(row, 2))
    for row in s["DIVIDERS"]:
        made.node("DIVIDERS", row, invert_m=level(row))
    for row in s["OUTFALLS"]:
        stage = s.number(row, 3, "Stage") * foot if row.text(2).upper() == "FIXED" else np.nan
        made.node("OUTFALLS", row, kind="outfall", invert_m=level(row), stage_m=stage)
    for row in s["STORAGE"]:
        area = _area(s, row, curves) * foot**2
        made.node("STORAGE", row, kind="storage", area_m2=area, **rim(row, 2))


def _area(s: Sections, row: Row, curves: dict[str, list[tuple[float, float]]]) -> float:
    """Surface of a storage when full, in the file's units."""
    shape, depth = row.text(4).upper(), s.number(row, 2, "MaxDepth", 0.0)
    if shape == "TABULAR":
        return max((y for _, y in curves.get(row.text(5), [])), default=0.0)
    a, b, c = (s.number(row, i, "Params", 0.0) for i in (5, 6, 7))
    if shape == "FUNCTIONAL":
        return float(a * depth**b + c)
    return float(np.pi * a * b / 4) if shape == "CYLINDRICAL" else float(a * b)


def _curves(s: Sections) -> dict[str, list[tuple[float, float]]]:
    """Points of each curve; the type stands on its first line only."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in s["CURVES"]:
        words = list(row.words[1:])
        if words and not _is_number(words[0]):
            words = words[1:]
        points = [float(w) for w in words if _is_number(w)]
        found.setdefault(row.text(0), []).extend(zip(points[::2], points[1::2], strict=False))
    return found


def _inflows(made: Builder, flow: float) -> None:
    s = made.sections
    for section, at in (("DWF", 2), ("INFLOWS", 6)):
        for row in s[section]:
            if row.text(1).upper() != "FLOW" or row.text(0) not in made.nodes:
                continue
            made.nodes[row.text(0)]["inflow_m3s"] += s.number(row, at, "Baseline", 0.0) * flow


def _links(made: Builder, foot: float, flow: float) -> None:
    s = made.sections
    by_level = s.option("LINK_OFFSETS", "DEPTH") == "ELEVATION"

    def offset(row: Row, i: int, node: str) -> float:
        value = s.number(row, i, "Offset", 0.0) * foot
        if by_level and node in made.nodes:
            return (
                max(value - float(made.nodes[node]["invert_m"]), 0.0) if row.text(i) not in ("", "*") else 0.0
            )
        return value

    for row in s["CONDUITS"]:
        made.link(
            "CONDUITS",
            row,
            length_m=s.number(row, 3, "Length") * foot,
            roughness=s.number(row, 4, "Roughness"),
            offset_in_m=offset(row, 5, row.text(1)),
            offset_out_m=offset(row, 6, row.text(2)),
        )
    curves = _curves(s)
    for row in s["PUMPS"]:
        most = max((y for _, y in curves.get(row.text(3), [])), default=0.0)
        kinds = {r.text(0): r.text(1).upper() for r in reversed(s["CURVES"]) if not _is_number(r.text(1))}
        if kinds.get(row.text(3), "") in ("PUMP3", "PUMP5"):  # head over flow: the flow stands first
            most = max((x for x, _ in curves.get(row.text(3), [])), default=0.0)
        status = "closed" if row.text(4).upper() == "OFF" else "open"
        made.link("PUMPS", row, kind="pump", capacity_m3s=most * flow, status=status)
    for row in s["ORIFICES"]:
        made.link("ORIFICES", row, kind="gate", shape="rectangle", offset_in_m=offset(row, 4, row.text(1)))
    for row in s["WEIRS"]:
        made.link("WEIRS", row, kind="weir", shape="rectangle", offset_in_m=offset(row, 4, row.text(1)))
    for row in s["OUTLETS"]:
        made.link("OUTLETS", row, kind="weir", shape="rectangle", offset_in_m=offset(row, 3, row.text(1)))


def _crossings(made: Builder, foot: float) -> None:
    """Give every link its cross-section."""
    s = made.sections
    transects = _transects(s)
    seen = set()
    for row in s["XSECTIONS"]:
        link = made.links.get(row.text(0))
        if link is None:
            continue
        seen.add(row.text(0))
        form = row.text(1).upper()
        section = transects.get(row.text(2)) if form in ("IRREGULAR", "STREET") else _section(s, row, form)
        if section is None:
            made.notes.append(Note(NO_TRANSECT.fill(name=row.text(2)), row.line, "XSECTIONS"))
            continue
        for name in ("height_m", "width_m"):
            section[name] = section[name] * foot
        if not link["roughness"]:
            link["roughness"] = section.pop("roughness", 0.0) or 0.03
        section.pop("roughness", None)
        if link["kind"] == "pipe" and form in OPEN_:
            link["kind"] = "channel"
        if link["kind"] in ("gate", "weir") and section["shape"] == "circular":
            section["shape"] = "rectangle"
        link.update(section)
    for name, link in made.links.items():
        if name not in seen and link["kind"] != "pump":
            made.notes.append(Note(NO_SECTION.fill(id=name), link["line"], "XSECTIONS"))


def _section(s: Sections, row: Row, form: str) -> dict[str, Any]:
    """A cross-section in our three shapes; others become the rectangle or trapezoid of their size."""
    height = s.number(row, 2, "Geom1", 0.0)
    if form in ROUND:
        return {"shape": "circular", "height_m": height, "width_m": height, "side_slope": 0.0}
    width, left, right = (s.number(row, i, f"Geom{i - 1}", 0.0) for i in (3, 4, 5))
    if form == "TRAPEZOIDAL":
        return {"shape": "trapezoid", "height_m": height, "width_m": width, "side_slope": (left + right) / 2}
    if form == "TRIANGULAR":
        side = width / 2 / height if height else 0.0
        return {"shape": "trapezoid", "height_m": height, "width_m": 0.0, "side_slope": side}
    return {"shape": "rectangle", "height_m": height, "width_m": width or height, "side_slope": 0.0}


def _transects(s: Sections) -> dict[str, dict[str, Any]]:
    """Natural sections as trapezoids of the same depth, area and top width when full."""
    found: dict[str, dict[str, Any]] = {}
    name, rough, points = "", 0.03, list[float]()
    station, raised = 1.0, 0.0

    def close() -> None:
        if name and len(points) >= 4:
            y, x = np.array(points[::2]) + raised, np.array(points[1::2]) * station
            depth = float(y.max() - y.min())
            area, top = float(np.trapezoid(y.max() - y, x)), float(x.max() - x.min())
            bottom = min(max(2 * area / depth - top, 0.0), top) if depth else top
            side = (top - bottom) / 2 / depth if depth else 0.0
            shape = {"shape": "trapezoid", "height_m": depth, "width_m": bottom, "side_slope": side}
            found[name] = {**shape, "roughness": rough}

    for row in s["TRANSECTS"]:
        word = row.text(0).upper()
        if word == "NC":
            close()
            name = ""
            rough = s.number(row, 3, "Nchanl", 0.0) or rough
        elif word == "X1":
            close()
            name, points = row.text(1), []
            station = s.number(row, 7, "Wfactor", 0.0) or 1.0
            raised = s.number(row, 8, "Eoffset", 0.0)
        elif word == "GR":
            points += [s.number(row, i, "GR") for i in range(1, len(row.words))]
    close()
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


NO_UNITS = Text(
    "{file}：流量单位 {units} 不认识；可用 {known}",
    "{file}: the flow units {units} are not known; known are {known}",
)
NO_TRANSECT = Text("没有断面 {name}，按缺省断面", "there is no transect {name}; a default section is taken")
NO_SECTION = Text("{id} 没有断面，按缺省断面", "{id} has no section; a default one is taken")
