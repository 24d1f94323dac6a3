"""The drills: five kinds of accident as data, and the dice that make one play out of a kind and a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time

from geodata.places import Park, StationKind
from geodata.words import Text
from twin.errors import MissingError
from twin.hydraulics.engine import Injection
from twin.hydraulics.pollutants import raw_water
from twin.simulate.instruments import Fault

Range = tuple[float, float]
DEFAULT = "night-discharge"
FLOW_STEPS = (0.85, 0.90, 0.95, 1.00, 1.05, 1.10, 1.15)  # how far the day's flow is from the stored one


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of accident.

    Attributes
    ----------
    start : time
        Local time at which the drill begins.
    after_s : range
        Seconds from there to the release.
    sources : tuple of str
        Outlets it may come from; empty where nothing is released.
    flow_m3s, minutes : range
        How much water, for how long.
    strength : range
        Its concentration, as a share of the enterprise's raw water.
    """

    name: str
    title: Text
    about: Text
    start: time
    after_s: Range
    sources: tuple[str, ...] = ()
    flow_m3s: Range = (0.0, 0.0)
    minutes: Range = (0.0, 0.0)
    strength: Range = (1.0, 1.0)


KINDS: tuple[Kind, ...] = (
    Kind(
        "night-discharge",
        Text("夜间偷排", "Secret night discharge"),
        Text(
            "一家企业深夜从雨水排口向雨水渠偷排未处理废水。",
            "At night an enterprise lets raw wastewater out through its rain outlet into a rain channel.",
        ),
        time(1, 50),
        (240, 480),
        ("E19-YS001", "E20-YS001", "E05-YS001", "E24-YS001", "E29-YS001"),
        (0.030, 0.050),
        (45, 75),
        (0.6, 1.0),
    ),
    Kind(
        "pipe-leak",
        Text("一企一管泄漏", "Leak of a company's own pipe"),
        Text(
            "管廊上一根企业专管在跨越雨水渠处破裂，废水漏入渠中。",
            "On the rack a company's own pipe breaks where it crosses a rain channel; its water runs in.",
        ),
        time(9, 40),
        (240, 480),
        ("E17-CX02", "E22-CX02", "E19-CX02", "E02-CX02", "E05-CX02"),
        (0.012, 0.022),
        (120, 180),
        (0.5, 0.8),
    ),
    Kind(
        "tank-overflow",
        Text("储罐满溢", "Tank overflow"),
        Text(
            "企业储罐满溢，高浓度物料越过围堰从雨水排口流入雨水渠。",
            "A tank overflows; its strong contents pass the bund and reach the channel by the rain outlet.",
        ),
        time(15, 20),
        (240, 480),
        ("E29-YS001", "E24-YS001", "E05-YS001", "E19-YS001"),
        (0.090, 0.140),
        (14, 22),
        (1.0, 1.6),
    ),
    Kind(
        "shared-pipe",
        Text("公管错时违规", "Shared pipe used outside its slot"),
        Text(
            "企业在别人的时段向公管排水，泵站装不下，从溢流堰流入雨水渠。",
            "An enterprise uses the shared pipe in another's slot; the pump station spills into a channel.",
        ),
        time(22, 30),
        (240, 480),
        ("E09-DW001", "E08-DW001", "E07-DW001"),
        (0.150, 0.180),
        (70, 90),
        (0.6, 0.9),
    ),
    Kind(
        "faulty-sensor",
        Text("仪器故障", "Faulty instrument"),
        Text(
            "一台仪器的一个因子读数漂高，水质并无异常：不得指控任何企业。",
            "One factor of one station reads too high while the water is clean: nobody must be accused.",
        ),
        time(11, 0),
        (240, 480),
        minutes=(90, 150),
        strength=(4.0, 8.0),
    ),
)


@dataclass(frozen=True, slots=True)
class Play:
    """One drill, everything decided. Seconds count from the drill's start.

    Attributes
    ----------
    enterprise, outlet : str
        Who and where; empty where nobody did anything.
    started_s : float
        When it began.
    flow_factor : float
        Base flow of this day against the stored one.
    ph : float
        pH of the released water.
    fault : (station, factor, size, minutes) or None
        The instrument that lies.
    """

    kind: Kind
    seed: int
    enterprise: str
    outlet: str
    started_s: float
    injections: tuple[Injection, ...]
    flow_factor: float
    ph: float
    fault: tuple[str, str, float, float] | None = None

    @property
    def factor(self) -> str:
        """Pollutant the release carries most of beyond what clean water has, for the truth's sums."""
        if not self.injections:
            return "COD"
        water = self.injections[0].mg_l
        return max(("COD", "NH3N", "TP", "TN", "F"), key=lambda p: water.get(p, 0.0))

    def faults(self, start_ms: int) -> tuple[Fault, ...]:
        """Return the lying instrument's fault in park time."""
        if self.fault is None:
            return ()
        station, factor, size, minutes = self.fault
        begin = start_ms + round(self.started_s * 1000)
        return (Fault(station, factor, "offset", begin, begin + round(minutes * 60_000), size, 300_000),)


def kind_of(name: str) -> Kind:
    """Return a kind by name.

    Raises
    ------
    MissingError
        There is none; the message lists those there are.
    """
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise MissingError(f"no scenario {name!r}; there are {', '.join(k.name for k in KINDS)}")


def draw(park: Park, name: str, seed: int) -> Play:
    """Decide everything a kind leaves open; the same for the same park, name and seed.

    Raises
    ------
    MissingError
        There is no such scenario, or the park has none of the outlets it may come from.
    """
    kind = kind_of(name)
    dice = random.Random(f"{name}/{seed}")
    started = float(round(dice.uniform(*kind.after_s)))
    flow_factor = dice.choice(FLOW_STEPS)
    ph = dice.choice((4.2, 10.4))
    if not kind.sources:
        return Play(kind, seed, "", "", started, (), flow_factor, ph, _lying(park, kind, dice))
    known = {o.id: o for o in park.outlets}
    sources = [known[s] for s in kind.sources if s in known]
    if not sources:
        raise MissingError(f"the park has no outlet for {name}")
    # Seeds that follow each other take other enterprises, so that a few seeds show the whole kind.
    outlet = sources[(seed - 1) % len(sources)]
    strength = dice.uniform(*kind.strength)
    water = {p: round(v * strength, 4) for p, v in _water(park, outlet.enterprise, kind).items()}
    injection = Injection(
        outlet.node,
        started,
        round(dice.uniform(*kind.minutes) * 60.0),
        round(dice.uniform(*kind.flow_m3s), 4),
        water,
    )
    return Play(kind, seed, outlet.enterprise, outlet.id, started, (injection,), flow_factor, ph)


def _water(park: Park, enterprise: str, kind: Kind) -> Mapping[str, float]:
    water = raw_water(park, enterprise)
    if not water:
        raise MissingError(f"the park knows no composition of {enterprise}'s water, needed for {kind.name}")
    return water


def _lying(park: Park, kind: Kind, dice: random.Random) -> tuple[str, str, float, float]:
    open_water = (StationKind.CANAL, StationKind.CHANNEL)
    stations = sorted(s.id for s in park.stations if s.kind in open_water)
    station = dice.choice(stations)
    factor = dice.choice(("w01018", "w21003"))
    return station, factor, round(dice.uniform(*kind.strength), 2), round(dice.uniform(*kind.minutes), 1)
