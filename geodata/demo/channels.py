"""Lays the open rain channels: one along the north and one along the south edge of every block."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from geodata.demo.canals import BANK, bed
from geodata.demo.layout import CANAL_U, CHANNEL_AT, TRUNK_U, Parcel, blocks, parcels
from geodata.demo.net import LinkSpec, Net, NodeSpec, Point, stops
from geodata.places import LinkKind, Outlet, OutletKind, System

SLOPE = 7.0e-4
BOTTOM = 1.0
SIDE = 1.5
DEPTH = 1.3  # m, bed to bank
ROUGHNESS = 0.022
MOUTH_INVERT = 1.75  # m, above the canals' usual level, so that they do not back up into the channels
STEP = 125.0
STATION_BACK = 55.0  # m from the mouth to where a channel is watched
UPPER_GAP = 130.0  # m between a channel's upper end and the next canal

# Which way a channel runs, by block column and side: to the canal on the block's west or east.
TOWARDS = {"C1N": "V1", "C1S": "V2", "C2N": "V2", "C2S": "V3", "C3N": "V3", "C3S": "V4"}

# Clean water a channel carries in dry weather (cooling, seepage, flushing), m3/s.
BASE = (
    0.08,
    0.09,
    0.08,
    0.10,
    0.09,
    0.08,
    0.08,
    0.09,
    0.09,
    0.09,
    0.08,
    0.10,
    0.08,
    0.09,
    0.08,
    0.09,
    0.08,
    0.09,
)

# Where along its frontage an enterprise lets rain water out; 0 is the end near the mouth.
YS_AT = {"E19": 0.80, "E20": 0.05, "E27": 0.75, "E09": 0.4}
YS_USUAL = 0.3


@dataclass(frozen=True, slots=True)
class Channel:
    """One rain channel in the drawing frame."""

    id: str  # "YQ07"
    block: str  # "R2C2"
    side: str  # N or S
    canal: str
    v: float
    upper: float
    mouth: float
    base_m3s: float

    @property
    def sign(self) -> float:
        """+1 where it runs east, -1 where it runs west."""
        return 1.0 if self.mouth > self.upper else -1.0


def channels() -> list[Channel]:
    """Return the eighteen channels, block by block, north before south."""
    found = []
    for i, block in enumerate(blocks()):
        for j, side in enumerate("NS"):
            canal = TOWARDS[block.col + side]
            west, east = block.west + UPPER_GAP, block.east - UPPER_GAP
            mouth = CANAL_U[canal]
            upper = west if mouth == block.east else east
            v = block.north - CHANNEL_AT if side == "N" else block.south + CHANNEL_AT
            number = 2 * i + j
            found.append(
                Channel(
                    f"YQ{number + 1:02d}", block.row + block.col, side, canal, v, upper, mouth, BASE[number]
                )
            )
    return found


def channel_of(parcel: Parcel) -> Channel:
    """Return the channel a parcel's rain water goes to."""
    return next(c for c in channels() if c.block + c.side == parcel.row)


def outlet_u(parcel: Parcel) -> float:
    """Return the u of a parcel's rain outlet."""
    share = YS_AT.get(parcel.owner, YS_USUAL)
    width = parcel.u1 - parcel.u0
    return parcel.u0 + share * width if channel_of(parcel).sign < 0 else parcel.u1 - share * width


def lay(net: Net) -> None:
    """Lay all channels; the canals must be there."""
    owners = [p for p in parcels() if p.owner.startswith("E") and p.owner != "EP"]
    for channel in channels():
        must = [outlet_u(p) for p in owners if p.row == channel.block + channel.side]
        _lay_channel(net, channel, must)


def _lay_channel(net: Net, channel: Channel, outlets: list[float]) -> None:
    length = abs(channel.mouth - channel.upper)
    must = {round(abs(u - channel.upper), 2) for u in outlets} | {length - STATION_BACK}
    wish = [abs(u - channel.upper) for u in TRUNK_U.values()]
    cuts = stops(length, must, wish, longest=STEP)
    ids: list[str] = []
    for i, s in enumerate(cuts[:-1]):
        at: Point = (channel.upper + channel.sign * s, channel.v)
        invert = MOUTH_INVERT + SLOPE * (length - s)
        ids.append(
            net.add_node(
                NodeSpec(
                    f"{channel.id}-{i:02d}",
                    System.RAIN,
                    "source" if i == 0 else "junction",
                    at,
                    invert + DEPTH,
                    invert,
                    DEPTH,
                    inflow_m3s=channel.base_m3s if i == 0 else 0.0,
                )
            )
        )
    mouth = net.near(channel.canal, (channel.mouth, channel.v))
    ids.append(mouth)
    net.lines[channel.id] = ids[:-1]
    for i, (a, b) in enumerate(pairwise(ids)):
        path = [net.nodes[a].at, net.nodes[b].at]
        drop = MOUTH_INVERT - bed(net.nodes[b].at) if b == mouth else 0.0
        net.add_link(
            LinkSpec(
                f"{channel.id}-{i + 1:02d}",
                LinkKind.CHANNEL,
                System.RAIN,
                a,
                b,
                path,
                "trapezoid",
                DEPTH,
                BOTTOM,
                SIDE,
                ROUGHNESS,
                offset_out_m=min(drop, BANK - DEPTH),
                direction_source="invert",
            )
        )


def outlets(net: Net) -> list[tuple[Outlet, Point]]:
    """Return every enterprise's rain outlet and its place in the drawing frame."""
    found = []
    for parcel in parcels():
        if not parcel.owner.startswith("E") or parcel.owner == "EP":
            continue
        channel = channel_of(parcel)
        at = (outlet_u(parcel), channel.v)
        node = net.near(channel.id, at)
        spot = (at[0], parcel.v1 if parcel.north else parcel.v0)
        found.append(
            (Outlet(f"{parcel.owner}-YS001", parcel.owner, OutletKind.RAIN, "YS001", node, 0.0, 0.0), spot)
        )
    return found
