"""The release that the evidence asks for, as the hydraulic engine takes it."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from geodata.places import Park
from twin.hydraulics.inp import Injection
from twin.hydraulics.pollutants import BY_FACTOR, POLLUTANTS, pretreated_water, raw_water
from twin.model import Suspect

BEFORE_S = 900.0  # of the run before the release begins; it tells the base
LEAST_S = 600.0
STRONG_MG_L = 2000.0  # strength of a spill whose make-up nobody knows
FLOWS_M3S = (0.002, 0.25)  # what an outlet can pass
FACTOR = "w01018"
GOES_ON = timedelta(minutes=30)


def release(park: Park, suspect: Suspect, at: datetime) -> tuple[str, Injection]:
    """Return the factor that is simulated and the release that the evidence asks for, on the engine's clock.

    A release that was still seen to go on at `at` is taken to go on for another half an hour.
    """
    outlet = next(o for o in park.outlets if o.id == suspect.outlet)
    factor = suspect.strength_of if suspect.strength_of in BY_FACTOR else FACTOR
    pollutant = BY_FACTOR[factor].pollutant
    known = raw_water(park, suspect.enterprise) or pretreated_water(park, suspect.enterprise)
    strong = known.get(pollutant, 0.0) or STRONG_MG_L
    told = max((suspect.release_to - suspect.release_from).total_seconds(), 60.0)
    end = suspect.release_to if suspect.release_to < at - GOES_ON else max(suspect.release_to, at + GOES_ON)
    long = max((end - suspect.release_from).total_seconds(), LEAST_S)
    grams = (suspect.strength_kg or 100.0) * 1000 * long / told
    flow = float(np.clip(grams / long / strong, *FLOWS_M3S))
    mg_l = dict.fromkeys(POLLUTANTS, 0.0) | {pollutant: grams / long / flow}
    return factor, Injection(outlet.node, BEFORE_S, long, flow, mg_l)
