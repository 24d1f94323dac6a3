"""What the water carries in the model, and what carries what in dry weather.

SWMM moves six conservative substances. Five are factors of HJ 212 themselves; conductivity is carried as
dissolved salt, because mixing conserves salt and not microsiemens.
"""

from __future__ import annotations

from dataclasses import dataclass

from geodata.places import Park, System

POLLUTANTS: tuple[str, ...] = ("COD", "NH3N", "TP", "TN", "F", "SALT")

# Conductivity (uS/cm) of one mg/L of salt: the usual 0.6 to 0.7 mg/L for 1 uS/cm, turned round.
US_PER_MG = 1.6


@dataclass(frozen=True, slots=True)
class Carried:
    """How a factor is carried: its pollutant and the factor's value for 1 mg/L of it."""

    pollutant: str
    per_mg_l: float


BY_FACTOR: dict[str, Carried] = {
    "w01018": Carried("COD", 1.0),
    "w21003": Carried("NH3N", 1.0),
    "w21011": Carried("TP", 1.0),
    "w21001": Carried("TN", 1.0),
    "w21017": Carried("F", 1.0),
    "w01014": Carried("SALT", US_PER_MG),
}

# Clean water of the river and of the rain channels in dry weather, mg/L.
CANAL_BASE: dict[str, float] = {"COD": 18.0, "NH3N": 0.60, "TP": 0.15, "TN": 1.5, "F": 0.5, "SALT": 562.0}
RAIN_BASE: dict[str, float] = {"COD": 22.0, "NH3N": 0.70, "TP": 0.17, "TN": 1.7, "F": 0.6, "SALT": 600.0}

# What an enterprise's own pre-treatment leaves of its raw water, and the most it lets go on an ordinary day
# (mg/L): well under the contract, so that noise and batches stay below the warning at 80 %.
PRETREATED: dict[str, tuple[float, float]] = {
    "COD": (0.065, 330.0),
    "NH3N": (0.09, 22.0),
    "TP": (0.07, 4.8),
    "TN": (0.12, 42.0),
    "F": (0.09, 11.0),
    "SALT": (0.65, 5200.0),
}

# Share a works takes out.
REMOVED: dict[str, float] = {"COD": 0.90, "NH3N": 0.95, "TP": 0.93, "TN": 0.80, "F": 0.55, "SALT": 0.0}


def to_mg_l(values: dict[str, float]) -> dict[str, float]:
    """Turn values by factor code (mg/L, uS/cm) into mg/L by pollutant; factors not carried are left out."""
    return {BY_FACTOR[f].pollutant: v / BY_FACTOR[f].per_mg_l for f, v in values.items() if f in BY_FACTOR}


def to_factors(mg_l: dict[str, float]) -> dict[str, float]:
    """Turn mg/L by pollutant into values by factor code (mg/L, uS/cm)."""
    return {f: mg_l[c.pollutant] * c.per_mg_l for f, c in BY_FACTOR.items() if c.pollutant in mg_l}


def raw_water(park: Park, enterprise: str) -> dict[str, float]:
    """Return the mg/L of an enterprise's undiluted water; empty if the park knows no fingerprint of it."""
    return to_mg_l({f.factor: f.value for f in park.fingerprints if f.enterprise == enterprise})


def pretreated_water(park: Park, enterprise: str) -> dict[str, float]:
    """Return the mg/L of the water an enterprise sends to the works on an ordinary day."""
    raw = raw_water(park, enterprise)
    return {p: min(raw[p] * share, top) for p, (share, top) in PRETREATED.items() if p in raw}


def base_quality(park: Park) -> dict[str, dict[str, float]]:
    """Return the mg/L of every steady base inflow of the park, by node id."""
    owner = {o.node: o.enterprise for o in park.outlets if o.code.startswith("DW")}
    found: dict[str, dict[str, float]] = {}
    for node, system, inflow in zip(
        park.nodes["id"], park.nodes["system"], park.nodes["inflow_m3s"], strict=True
    ):
        if inflow <= 0:
            continue
        if node in owner:
            found[node] = pretreated_water(park, owner[node])
        else:
            found[node] = dict(CANAL_BASE if system == System.CANAL else RAIN_BASE)
    return found
