"""Where canals, blocks and parcels lie in the drawing frame (metres east u and north v, see `frame`)."""

from __future__ import annotations

from dataclasses import dataclass

# Canal axes. Four run to the sea, four link them; the north-south ones all flow south.
CANAL_V: dict[str, float] = {"H1": 6900.0, "H2": 4700.0, "H3": 2450.0, "H4": 200.0}
CANAL_U: dict[str, float] = {"V1": 250.0, "V2": 2950.0, "V3": 5750.0, "V4": 8250.0}

# From a canal's axis: water, green belt, road, then the ground that is let to enterprises.
GREEN_TO = 62.0
ROAD_TO = 88.0
CHANNEL_AT = 100.0  # axis of the rain channels along the north and south edge of every block
PARCEL_FROM = 114.0
CORRIDOR = 96.0  # the road and pipe rack between the two rows of a block
TRUNK_WIDTH = 110.0  # the corridor of a trunk rack
PARCEL_GAP = 26.0

TRUNK_U: dict[str, float] = {"W": 1600.0, "E": 7000.0}

BLOCK_ROWS = (("R1", "H1", "H2"), ("R2", "H2", "H3"), ("R3", "H3", "H4"))
BLOCK_COLS = (("C1", "V1", "V2"), ("C2", "V2", "V3"), ("C3", "V3", "V4"))

# What stands in each row of each block, west to east, with its share of the frontage. "|" is the trunk rack.
# E.. an enterprise; WW1, WW2 works; TF tank farm; EP emergency pool; PS1 pump station; CC command centre.
ROWS: dict[str, tuple[tuple[str, float], ...]] = {
    "R1C1N": (("E01", 1.0), ("|", 0), ("E02", 1.0)),
    "R1C1S": (("E03", 1.0), ("|", 0), ("E04", 1.0), ("E05", 0.9)),
    "R1C2N": (("E06", 1.0), ("E07", 0.9), ("E08", 0.8)),
    "R1C2S": (("E09", 1.0), ("E10", 1.1), ("PS1", 0.35)),
    "R1C3N": (("E11", 1.0), ("|", 0), ("E12", 1.0)),
    "R1C3S": (("E13", 1.0), ("|", 0), ("CC", 1.0)),
    "R2C1N": (("E14", 1.0), ("|", 0), ("E15", 1.0)),
    "R2C1S": (("E16", 1.0), ("E17", 0.8), ("|", 0), ("E18", 1.0)),
    "R2C2N": (("E19", 0.62), ("E20", 1.0), ("E21", 1.0)),
    "R2C2S": (("E22", 1.2), ("E23", 0.7), ("E24", 0.8)),
    "R2C3N": (("E25", 1.0), ("|", 0), ("E26", 1.0)),
    "R2C3S": (("E27", 1.0), ("|", 0), ("E28", 1.0)),
    "R3C1N": (("E29", 1.0), ("|", 0), ("WW1", 1.0), ("E30", 0.8)),
    "R3C1S": (("TF", 1.0), ("|", 0), ("E31", 1.0), ("E32", 0.8)),
    "R3C2N": (("E33", 0.9), ("E34", 1.0), ("E35", 0.7)),
    "R3C2S": (("E36", 1.1), ("E37", 0.8), ("E38", 0.8)),
    "R3C3N": (("E39", 1.0), ("|", 0), ("WW2", 1.0)),
    "R3C3S": (("E40", 1.0), ("|", 0), ("EP", 1.0)),
}


@dataclass(frozen=True, slots=True)
class Parcel:
    """One let plot of ground: whose it is and its rectangle."""

    owner: str
    row: str  # "R2C2N": block row, block column, north or south of the rack
    u0: float
    v0: float
    u1: float
    v1: float

    @property
    def north(self) -> bool:
        """Whether it lies north of its block's rack."""
        return self.row.endswith("N")

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the parcel."""
        return (self.u0 + self.u1) / 2, (self.v0 + self.v1) / 2

    @property
    def rack_v(self) -> float:
        """The v of the rack road it stands at."""
        return rack_v(self.row[:2])


@dataclass(frozen=True, slots=True)
class Block:
    """The ground between two canals each way."""

    row: str
    col: str
    west: float  # canal axes around it
    east: float
    south: float
    north: float


def rack_v(row: str) -> float:
    """Return the v of the rack road in the middle of a block row."""
    for name, north, south in BLOCK_ROWS:
        if name == row:
            return (CANAL_V[north] + CANAL_V[south]) / 2
    raise KeyError(row)


def blocks() -> list[Block]:
    """Return the nine blocks, north to south and west to east."""
    return [
        Block(row, col, CANAL_U[west], CANAL_U[east], CANAL_V[south], CANAL_V[north])
        for row, north, south in BLOCK_ROWS
        for col, west, east in BLOCK_COLS
    ]


def parcels() -> list[Parcel]:
    """Return every parcel, in the order of `ROWS`."""
    found: list[Parcel] = []
    for block in blocks():
        middle = rack_v(block.row)
        for side in "NS":
            name = f"{block.row}{block.col}{side}"
            v0, v1 = (
                (middle + CORRIDOR / 2, block.north - PARCEL_FROM)
                if side == "N"
                else (block.south + PARCEL_FROM, middle - CORRIDOR / 2)
            )
            found += _row(name, block.west + PARCEL_FROM, block.east - PARCEL_FROM, v0, v1)
    return found


def _row(name: str, west: float, east: float, v0: float, v1: float) -> list[Parcel]:
    """Share one row's frontage among its owners, leaving the trunk rack free."""
    groups: list[list[tuple[str, float]]] = [[]]
    for owner, share in ROWS[name]:
        if owner == "|":
            groups.append([])
        else:
            groups[-1].append((owner, share))
    spans = [(west, east)]
    if len(groups) == 2:
        trunk = TRUNK_U["W" if "C1" in name else "E"]
        spans = [(west, trunk - TRUNK_WIDTH / 2), (trunk + TRUNK_WIDTH / 2, east)]
    found: list[Parcel] = []
    for (left, right), group in zip(spans, groups, strict=True):
        usable = right - left - PARCEL_GAP * (len(group) - 1)
        total = sum(share for _, share in group)
        at = left
        for owner, share in group:
            width = usable * share / total
            found.append(Parcel(owner, name, round(at, 1), v0, round(at + width, 1), v1))
            at += width + PARCEL_GAP
    return found
