"""The seventy-eight stations: outlets, canals, channels, works and pump stations."""

from __future__ import annotations

from dataclasses import dataclass

from geodata.demo import canals, frame
from geodata.demo.channels import channels
from geodata.demo.names import Firm, firms
from geodata.demo.net import Net, Point
from geodata.places import Station, StationKind
from geodata.words import Text

FLOW, PH, EC, COD, NH3N, TP, TN, FLUORIDE, TEMP = (
    "w00000", "w01001", "w01014", "w01018", "w21003", "w21011", "w21001", "w21017", "w01010",
)  # fmt: skip

CLASS_IV, CLASS_V = "GB 3838-2002/IV", "GB 3838-2002/V"

# Loggers of the first years of the park still speak HJ/T 212-2005 and carry 14-character numbers.
OLD_LOGGERS = ("S04", "S18", "S45")


@dataclass(frozen=True, slots=True)
class CanalPlace:
    """Where a canal is watched: position u on cross canals, v on the others."""

    canal: str
    at: float
    zh: str
    en: str
    limits: str = CLASS_IV
    extra: tuple[str, ...] = ()


# S33 onward, in this order.
CANAL_PLACES: tuple[CanalPlace, ...] = (
    CanalPlace("V2", 3900, "中二河中", "Second Middle, middle", CLASS_IV, (TN,)),
    CanalPlace("H1", 700, "北界河西", "North Border, west", CLASS_IV, (TN,)),
    CanalPlace("H1", 4300, "北界河中", "North Border, middle"),
    CanalPlace("H2", 900, "横二河西", "Second Cross, west", CLASS_IV, (TN,)),
    CanalPlace("H2", 2200, "横二河 G06 上", "Second Cross, above G06", CLASS_IV, (FLUORIDE,)),
    CanalPlace("H2", 3900, "横二河中", "Second Cross, middle"),
    CanalPlace("H2", 5000, "横二河 G07 上", "Second Cross, above G07", CLASS_IV, (FLUORIDE,)),
    CanalPlace("H2", 7700, "横二河东", "Second Cross, east", CLASS_V, (TN,)),
    CanalPlace("H3", 900, "横三河西", "Third Cross, west"),
    CanalPlace("H3", 3350, "横三河 G10 上", "Third Cross, above G10", CLASS_IV, (FLUORIDE,)),
    CanalPlace("H3", 5000, "横三河中", "Third Cross, middle"),
    CanalPlace("H3", 7700, "横三河东", "Third Cross, east", CLASS_V, (TN,)),
    CanalPlace("H4", 2000, "南界河西", "South Border, west"),
    CanalPlace("H4", 5000, "南界河中", "South Border, middle"),
    CanalPlace("H4", 7850, "南界河东", "South Border, east", CLASS_IV, (TN, FLUORIDE)),
    CanalPlace("V1", 5800, "西环河北", "West Ring, north"),
    CanalPlace("V2", 5800, "中二河北", "Second Middle, north"),
    CanalPlace("V3", 3850, "东三河中", "Third East, middle", CLASS_IV, (TN,)),
    CanalPlace("V3", 1300, "东三河南", "Third East, south"),
    CanalPlace("V4", 1300, "海堤河南", "Sea Dike, south", CLASS_V),
)

# Two long channels are also watched half way.
MIDDLE = ("YQ07", "YQ08")


def stations(net: Net) -> tuple[Station, ...]:
    """Return all stations, S01 to S78."""
    found: list[Station] = []
    discharging = [f for f in firms() if f.waste_m3d > 0]
    for i, firm in enumerate(discharging):
        found.append(_outlet(len(found) + 1, firm, net, i))
    for place in CANAL_PLACES:
        node = net.near(place.canal, canals.axis(place.canal, place.at))
        name = Text(f"{place.zh}站", f"{place.en}")
        factors = (PH, EC, COD, NH3N, TP, *place.extra)
        found.append(_make(len(found) + 1, name, StationKind.CANAL, net, node, factors, place.limits))
    for channel in channels():
        node = net.lines[channel.id][-1]
        name = Text(f"雨水渠 {channel.id} 口", f"Rain channel {channel.id}, mouth")
        factors = (PH, EC, COD, NH3N, TP, *_channel_extra(channel.id))
        found.append(_make(len(found) + 1, name, StationKind.CHANNEL, net, node, factors, CLASS_V))
    for channel_id in MIDDLE:
        line = net.lines[channel_id]
        name = Text(f"雨水渠 {channel_id} 中", f"Rain channel {channel_id}, middle")
        node = line[len(line) // 2]
        found.append(
            _make(len(found) + 1, name, StationKind.CHANNEL, net, node, (PH, EC, COD, NH3N, TP), CLASS_V)
        )
    for works, zh, en in (("WW1", "西部污水厂", "West Works"), ("WW2", "东部污水厂", "East Works")):
        for end, zh_end, en_end in (("IN", "进水", "inlet"), ("OUT", "出水", "effluent")):
            factors = (FLOW, PH, COD, NH3N, TP, TN, EC)
            name = Text(zh + zh_end, f"{en} {en_end}")
            limits = "permit" if end == "IN" else "GB 18918-2002/1A"
            found.append(
                _make(len(found) + 1, name, StationKind.WORKS, net, f"{works}-{end}", factors, limits)
            )
    for pump, zh, en in (
        ("PS1", "公管泵站", "Shared-pipe Pump Station"),
        ("PS2", "西部提升泵站", "West Lift Station"),
    ):
        found.append(
            _make(
                len(found) + 1, Text(zh, en), StationKind.PUMP_STATION, net, f"{pump}-WELL",
                (FLOW, PH, COD, NH3N, EC), "permit",
            )
        )  # fmt: skip
    return tuple(found)


def _channel_extra(id: str) -> tuple[str, ...]:
    """Some channels also watch nitrogen or fluoride, where the enterprises beside them give cause."""
    if id in ("YQ08", "YQ10", "YQ14"):
        return (FLUORIDE,)
    return (TN,) if id in ("YQ02", "YQ07", "YQ15") else ()


def _outlet(number: int, firm: Firm, net: Net, index: int) -> Station:
    extra: tuple[str, ...] = (TN, TP) if index % 3 == 0 else ()
    if firm.trade in ("fluorine", "electronic", "plating", "phosphorus"):
        extra = (*extra, FLUORIDE)
    if index % 5 == 0:
        extra = (*extra, TEMP)
    factors = (FLOW, PH, COD, NH3N, EC, *extra)
    name = Text(f"{firm.short.zh} DW001", f"{firm.short.en} DW001")
    node = f"{firm.id}-DW001"
    return _make(number, name, StationKind.OUTLET, net, node, factors, "permit", enterprise=firm.id)


def _make(
    number: int,
    name: Text,
    kind: StationKind,
    net: Net,
    node: str,
    factors: tuple[str, ...],
    limits: str,
    enterprise: str | None = None,
) -> Station:
    name_id = f"S{number:02d}"
    x, y = frame.place(*_beside(net.nodes[node].at))
    interval = 60 if kind in (StationKind.CANAL, StationKind.CHANNEL) else 120
    return Station(name_id, name, kind, mn(number), node, factors, interval, limits, enterprise, x, y)


def _beside(at: Point) -> Point:
    return at[0], at[1]


def mn(number: int) -> str:
    """Return a station's equipment number: 24 hex digits, or 14 characters for the oldest loggers."""
    if f"S{number:02d}" in OLD_LOGGERS:
        return f"8832099{number:07d}"
    return f"320990CA0{number:03d}5A{number * 7919 % 0xFFFFFFFFFF:010X}"
