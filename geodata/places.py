"""The nouns of place. Plain frozen records; coordinates are metres in the park's own CRS, x east and y north.

A `Park` is what a GeoPackage becomes when it is read and what it is written from. Nouns that people speak of
(enterprise, outlet, gate, station ...) are records; the network and the scenery can be large and are tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from geodata.provenance import Provenance
from geodata.words import Text

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd


T = TypeVar("T", "Enterprise", "Gate", "Station")


class System(StrEnum):
    """Which water a node or link carries."""

    SEWAGE = "sewage"
    RAIN = "rain"
    CANAL = "canal"


class LinkKind(StrEnum):
    """What a link of the network is."""

    PIPE = "pipe"
    CHANNEL = "channel"
    REACH = "reach"
    GATE = "gate"
    VALVE = "valve"
    PUMP = "pump"
    WEIR = "weir"


class OutletKind(StrEnum):
    """Where an enterprise's water leaves its plot, or where its pipe could lose it."""

    WASTEWATER = "wastewater"  # DW001, into its own pipe or the shared pipe
    RAIN = "rain"  # YS001, into a rain channel
    CROSSING = "crossing"  # where its pipe on the rack crosses open water: a leak would enter here


class GateKind(StrEnum):
    """Kinds of gate, by what they are for."""

    REGULATE = "regulate"  # 节制闸
    INTERCEPT = "intercept"  # 截污闸
    INTAKE = "intake"  # 引水闸
    SEA = "sea"  # 出海闸


class StationKind(StrEnum):
    """What a monitoring station watches."""

    OUTLET = "outlet"
    CHANNEL = "channel"
    CANAL = "canal"
    WORKS = "works"
    PUMP_STATION = "pump_station"


@dataclass(frozen=True, slots=True)
class Enterprise:
    """One enterprise of the park (一企一档, the part the twin needs)."""

    id: str  # "E01"
    name: Text
    short: Text  # for the map
    uscc: str  # 统一社会信用代码, 18 characters; fictional ones carry a right check digit
    trade: Text
    permit_no: str
    permit_category: str  # key | simple | registered
    phone: str
    x: float
    y: float
    cod_permit_t: float  # permitted load, t/a
    nh3n_permit_t: float
    slots: tuple[tuple[str, str], ...] = ()  # its hours on the shared pipe, local "HH:MM" pairs


@dataclass(frozen=True, slots=True)
class Outlet:
    """A place where one enterprise's water can enter the network."""

    id: str  # "E01-DW001"
    enterprise: str
    kind: OutletKind
    code: str  # "DW001", "YS001", "CX01"
    node: str  # the network node it discharges to
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate: one link of the network, and the card an officer needs to close it."""

    id: str  # "G05"
    name: Text
    kind: GateKind
    link: str  # link id
    x: float
    y: float
    angle: float  # degrees counter-clockwise from east of the canal's axis, for drawing across it
    drive: str  # electric | hydraulic | manual
    remote: bool
    stroke_s: float  # open to closed
    leakage: float  # share of the open flow that passes when closed, 0..1
    owner: Text
    phone: str
    pre_authorised: bool
    normal_position: float  # 0 closed .. 1 open
    storage_m3: float  # usable volume behind it between normal level and bank
    modbus_unit: int  # unit id on the gate PLC


class DeviceKind(StrEnum):
    """What can stop an enterprise's water at its own end."""

    PIPE_VALVE = "pipe_valve"  # of its own line on the rack
    RAIN_VALVE = "rain_valve"
    PUMP = "pump"  # that feeds its own line


@dataclass(frozen=True, slots=True)
class Device:
    """A valve or pump at an enterprise's end, and what must be known to work it as a gate is worked."""

    id: str  # "E01-DW001-V"
    name: Text
    kind: DeviceKind
    enterprise: str
    outlets: tuple[str, ...]  # whose water it stops
    x: float
    y: float
    remote: bool
    stroke_s: float  # open to closed; a pump's time until it stands
    leakage: float  # share that passes when closed, 0..1
    phone: str
    normal_position: float  # 0 closed or standing .. 1 open or running
    modbus_unit: int  # unit id on the gate PLC


@dataclass(frozen=True, slots=True)
class Station:
    """A monitoring station; one logger, one MN."""

    id: str  # "S33"
    name: Text
    kind: StationKind
    mn: str
    node: str
    factors: tuple[str, ...]  # HJ 212-2017 codes
    interval_s: int  # real-time interval
    limit_set: str  # a name in limits configuration, e.g. "GB 3838-2002/IV" or "permit"
    enterprise: str | None  # for outlet stations
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Receptor:
    """What must be kept clean."""

    id: str
    name: Text
    node: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Pool:
    """Emergency pool or tank farm."""

    id: str
    name: Text
    level: int  # 1 enterprise, 2 park, 3 river
    capacity_m3: float
    stored_m3: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Facility:
    """Works or pump station."""

    id: str
    name: Text
    kind: str  # works | pump_station
    node: str
    capacity_m3d: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Typical composition of one enterprise's undiluted water, mg/L (conductivity uS/cm) by factor code."""

    enterprise: str
    factor: str
    value: float
    source: str
    as_of: str


@dataclass(frozen=True, slots=True)
class Source:
    """One layer of one file that a park was made of."""

    file: str
    layer: str
    role: str  # what it became: node, link, gate, ... or scenery
    crs: str  # the coordinates it came in, as `geodata.datum.Frame.parse` reads them
    axes: str  # "yx" where the file gives north first, else "xy"
    rows: int  # taken from it
    as_of: str  # the day it is of, empty where nobody knows
    as_of_by: str = ""  # how that is known: stated, rows or file, as `geodata.dating.Known`


@dataclass(frozen=True)
class Park:
    """Everything known about where things stand.

    Attributes
    ----------
    nodes : DataFrame
        id, system, kind (junction | storage | outfall | source), x, y, ground_m, invert_m, max_depth_m,
        area_m2 (storage, else 0), inflow_m3s (steady base inflow), stage_m (outfall water level, else NaN).
    links : GeoDataFrame
        id, kind (`LinkKind`), system, from_node, to_node, length_m, shape (circular | trapezoid | rectangle),
        height_m, width_m (bottom width; diameter for circular), side_slope, roughness, offset_in_m,
        offset_out_m, enterprise (owner of a one-company-one-pipe line, else ""), rack, gate (id, else ""),
        direction_source (declared | invert | flow | assumed), and the stored flow field of the dry-weather
        regime: flow_m3s (signed along from->to), velocity_ms, depth_m, reversal (share of time reversed).
    scenery : dict of str to GeoDataFrame
        What is only drawn: land, sea, flat, bathymetry, jetty, field, green, road, canal, parcel, plot, tank,
        dike, boundary, rack, outfall, label.
    provenance : Provenance
        Where single values come from; `geodata.provenance.origin` asks it and the rows of nodes and links.
    sources : tuple of Source
        The files it was made of, with the coordinates they came in.
    devices : tuple of Device
        What can stop water at an enterprise's own end.
    """

    id: str
    name: Text
    crs: str
    version: str
    enterprises: tuple[Enterprise, ...]
    outlets: tuple[Outlet, ...]
    gates: tuple[Gate, ...]
    stations: tuple[Station, ...]
    receptors: tuple[Receptor, ...]
    pools: tuple[Pool, ...]
    facilities: tuple[Facility, ...]
    fingerprints: tuple[Fingerprint, ...]
    nodes: pd.DataFrame
    links: gpd.GeoDataFrame
    scenery: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=Provenance)
    sources: tuple[Source, ...] = ()
    devices: tuple[Device, ...] = ()

    @property
    def movables(self) -> tuple[Gate | Device, ...]:
        """Everything that moves by command: gates, then valves and pumps of enterprises."""
        return (*self.gates, *self.devices)

    def enterprise(self, id: str) -> Enterprise:
        """Return one enterprise; KeyError if there is none of that id."""
        return _by_id(self.enterprises, id)

    def gate(self, id: str) -> Gate:
        """Return one gate; KeyError if there is none of that id."""
        return _by_id(self.gates, id)

    def station(self, id: str) -> Station:
        """Return one station; KeyError if there is none of that id."""
        return _by_id(self.stations, id)


def _by_id(items: tuple[T, ...], id: str) -> T:
    """Return the item of that id; KeyError if there is none."""
    for item in items:
        if item.id == id:
            return item
    raise KeyError(id)
