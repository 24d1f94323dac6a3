"""A small canal as the text of a SWMM model: two arms, a link between them, six gates, two outfalls.

    A0 -> A1 =GA1=> A2 -> A3 =GA2=> A4 -> A5 =GA3=> SEA
                          |
                         =GX=   (A3 to B3)
                          v
    B0 -> B1 =GB1=> B2 -> B3 -------------> B5 =GB3=> RIVER

The arms run at about 0.16 m/s, reaches are 1200 m long, banks 7 m above the bed.
"""

from __future__ import annotations

from itertools import pairwise

NODES = {  # invert m, inflow m3/s
    **{f"A{i}": (1.0 - 0.05 * i, 1.8 if i == 0 else 0.0) for i in range(6)},
    **{f"B{i}": (1.0 - 0.05 * i, 1.4 if i == 0 else 0.0) for i in (0, 1, 2, 3, 5)},
}
REACHES = [("A0", "A1"), ("A2", "A3"), ("A4", "A5"), ("B0", "B1"), ("B2", "B3"), ("B3", "B5")]
GATES = {
    "GA1": ("A1", "A2"),
    "GA2": ("A3", "A4"),
    "GA3": ("A5", "SEA"),
    "GX": ("A3", "B3"),
    "GB1": ("B1", "B2"),
    "GB3": ("B5", "RIVER"),
}
LENGTH_M, PARTS = 1200.0, 5
OUTFALLS = {"SEA": 0.6, "RIVER": 0.6}


def canal(flow: float = 1.0, roughness: float = 0.03) -> str:
    """Return the model's text; `flow` multiplies its inflows."""
    inner, conduits = [], []
    for a, b in REACHES:
        chain = [a, *(f"{a}{b}-{i}" for i in range(1, PARTS)), b]
        for i, (u, v) in enumerate(pairwise(chain)):
            conduits.append((f"R-{u}-{v}", u, v))
            if i:
                share = i / PARTS
                inner.append((u, NODES[a][0] * (1 - share) + NODES[b][0] * share))
    junctions = [*((n, z) for n, (z, _) in NODES.items()), *inner]
    section = [f"{k} TRAPEZOIDAL 7.0 5.0 1.5 1.5" for k, _, _ in conduits]
    rows = {
        "OPTIONS": [
            "FLOW_UNITS CMS",
            "FLOW_ROUTING DYNWAVE",
            "START_DATE 11/21/2026",
            "START_TIME 00:00:00",
            "END_DATE 11/22/2026",
            "END_TIME 06:00:00",
            "ROUTING_STEP 5",  # with longer ones the flow at gates turns from step to step
            "INERTIAL_DAMPING PARTIAL",
        ],
        "JUNCTIONS": [f"{n} {z:.3f} 7.0 1.5 0 0" for n, z in junctions],
        "OUTFALLS": [f"{n} {z} FIXED {z + 1.6} NO" for n, z in OUTFALLS.items()],
        "CONDUITS": [f"{k} {a} {b} {LENGTH_M / PARTS} {roughness} 0 0 0 0" for k, a, b in conduits],
        "ORIFICES": [f"{g} {a} {b} SIDE 0 0.8 NO 0" for g, (a, b) in GATES.items()],
        "XSECTIONS": [*section, *(f"{g} RECT_CLOSED 3.5 5.0 0 0" for g in GATES)],
        "INFLOWS": [f'{n} FLOW "" FLOW 1.0 {flow} {q}' for n, (_, q) in NODES.items() if q],
        "COORDINATES": [f"{n} {541000 + 50 * i} 3362000" for i, (n, _) in enumerate(junctions)]
        + [f"{n} {545000 + 50 * i} 3362000" for i, n in enumerate(OUTFALLS)],
    }
    return "\n".join(f"[{name}]\n" + "\n".join(lines) + "\n" for name, lines in rows.items())
