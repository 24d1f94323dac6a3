"""An EPANET 2 input file as a network with its hydraulics."""

from __future__ import annotations

import numpy as np

from geodata.formats.inp import ALWAYS, FOOT_M, Builder, Model, Row, Sections
from geodata.formats.report import FormatError, Note
from geodata.words import Text

INCH_M = 0.0254
# m3/s of one flow unit.
FLOW = {
    "CFS": FOOT_M**3,
    "GPM": 6.30902e-5,
    "MGD": 0.0438126,
    "IMGD": 0.0526168,
    "AFD": 0.0142764,
    "LPS": 1e-3,
    "LPM": 1e-3 / 60,
    "MLD": 1000 / 86400,
    "CMH": 1 / 3600,
    "CMD": 1 / 86400,
    "CMS": 1.0,
}
AMERICAN = ("CFS", "GPM", "MGD", "IMGD", "AFD")
ONE_WAY = ("PRV", "PSV", "PBV", "FCV")
USED = ALWAYS | {"JUNCTIONS", "RESERVOIRS", "TANKS", "PIPES", "PUMPS", "VALVES", "STATUS", "DEMANDS"}
SLOPE = 0.005  # at which a Hazen-Williams pipe is given its Manning roughness


def build(sections: Sections) -> Model:
    """Turn the sections of an EPANET model into nodes and links in metres and m3/s.

    Demands are negative inflows. Pipes have no direction of their own: it is assumed, unless a check valve,
    pump or one-way valve declares it.

    Raises
    ------
    FormatError
        A number is none, or the flow units are not known.
    """
    units = sections.option("UNITS", "GPM")
    if units not in FLOW:
        raise FormatError(NO_UNITS.fill(file=sections.file, units=units, known=", ".join(FLOW)))
    american = units in AMERICAN
    made = Builder(sections)
    _nodes(made, FOOT_M if american else 1.0, FLOW[units])
    _links(made, FOOT_M if american else 1.0, INCH_M if american else 1e-3)
    for values in (*made.nodes.values(), *made.links.values()):
        values["system"] = "sewage"
    made.notes.append(Note(PRESSURE))
    unit = next((r.text(1) for r in sections["BACKDROP"] if r.text(0).upper() == "UNITS"), "")
    return made.model("EPANET", american, unit, USED)


def _nodes(made: Builder, foot: float, flow: float) -> None:
    s = made.sections
    factor = next((s.number(r, 2, "Demand Multiplier") for r in s["OPTIONS"] if _is_multiplier(r)), 1.0)
    demand: dict[str, float] = {}
    for row in s["DEMANDS"]:
        demand[row.text(0)] = demand.get(row.text(0), 0.0) + s.number(row, 1, "Demand", 0.0)
    for row in s["JUNCTIONS"]:
        level = s.number(row, 1, "Elev") * foot
        taken = demand.get(row.text(0), s.number(row, 2, "Demand", 0.0)) * factor * flow
        made.node("JUNCTIONS", row, invert_m=level, ground_m=level, inflow_m3s=-taken if taken else 0.0)
    for row in s["RESERVOIRS"]:
        head = s.number(row, 1, "Head") * foot
        made.node("RESERVOIRS", row, kind="source", invert_m=head, ground_m=head, stage_m=head)
    for row in s["TANKS"]:
        level, high = s.number(row, 1, "Elevation") * foot, s.number(row, 4, "MaxLevel", 0.0) * foot
        wide = s.number(row, 5, "Diameter", 0.0) * foot
        made.node(
            "TANKS",
            row,
            kind="storage",
            invert_m=level,
            max_depth_m=high,
            ground_m=level,  # a tank stands on the ground, it is not dug into it
            area_m2=np.pi * wide**2 / 4,
        )


def _links(made: Builder, foot: float, inch: float) -> None:
    s = made.sections
    formula = s.option("HEADLOSS", "H-W")
    status = {r.text(0): r.text(1).upper() for r in s["STATUS"]}

    def state(row: Row, word: str, kind: str = "") -> str:
        said = status.get(row.text(0), word.upper())
        # A number is a pump's speed or a valve's setting: only a pump of speed 0 stands still.
        off = said == "CLOSED" or (kind == "pump" and _is_zero(said))
        return "closed" if off else "one_way" if word in ("CV", "one_way") else "open"

    for row in s["PIPES"]:
        wide = s.number(row, 4, "Diameter") * inch
        word = next((w.upper() for w in row.words[6:] if w.upper() in ("OPEN", "CLOSED", "CV")), "OPEN")
        made.link(
            "PIPES",
            row,
            length_m=s.number(row, 3, "Length") * foot,
            height_m=wide,
            width_m=wide,
            roughness=manning(s.number(row, 5, "Roughness"), wide, formula, foot * 1e-3),
            direction_source="declared" if word == "CV" else "assumed",
            status=state(row, word),
        )
    for row in s["PUMPS"]:
        made.link("PUMPS", row, kind="pump", status=state(row, "OPEN", "pump"))
    for row in s["VALVES"]:
        wide = s.number(row, 3, "Diameter") * inch
        source = "declared" if row.text(4).upper() in ONE_WAY else "assumed"
        made.link(
            "VALVES",
            row,
            kind="valve",
            shape="circular",
            height_m=wide,
            width_m=wide,
            direction_source=source,
            status=state(row, "one_way" if source == "declared" else "OPEN"),
        )


def manning(value: float, diameter_m: float, formula: str, unit_m: float) -> float:
    """Return the Manning n of a pipe given its roughness in EPANET's formula.

    Parameters
    ----------
    value : float
        Hazen-Williams C, Darcy-Weisbach roughness height, or Manning n.
    diameter_m : float
        m.
    formula : str
        "H-W", "D-W" or "C-M".
    unit_m : float
        Metres of one unit of roughness height (thousandths of a foot, or mm).

    Notes
    -----
    Hazen-Williams and Manning are set equal at one slope: v = 0.849 C R^0.63 S^0.54 = R^(2/3) S^0.5 / n.
    Strickler for a roughness height: n = k^(1/6) / 26.
    """
    if value <= 0:
        return 0.013
    if formula.startswith("C"):
        return value
    if formula.startswith("D"):
        return float((value * unit_m) ** (1 / 6) / 26)
    return float((max(diameter_m, 1e-3) / 4) ** (2 / 3 - 0.63) * SLOPE ** (0.5 - 0.54) / (0.849 * value))


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return False


def _is_multiplier(row: Row) -> bool:
    return [w.upper() for w in row.words[:2]] == ["DEMAND", "MULTIPLIER"]


NO_UNITS = Text(
    "{file}：流量单位 {units} 不认识；可用 {known}",
    "{file}: the flow units {units} are not known; known are {known}",
)
PRESSURE = Text(
    "EPANET 管段没有自己的方向：未声明的按起点到终点假定，需水量记为负入流",
    "pipes of EPANET have no direction of their own: from first to second node is assumed; demands are "
    "negative inflows",
)
