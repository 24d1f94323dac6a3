"""Puts the demo park together."""

from __future__ import annotations

from dataclasses import replace

from geodata import park as park_file
from geodata.demo import canals, channels, devices, frame, names, scenery, sewers, stations
from geodata.demo.layout import Parcel, parcels
from geodata.demo.net import LinkSpec, Net, NodeSpec
from geodata.places import Enterprise, LinkKind, Outlet, Park, Pool, Receptor, Source, System
from geodata.provenance import Confidence, Origin, Provenance
from geodata.schema import TABLES
from geodata.words import Text

PARK_NAME = Text("潮屿化工园区", "Chaoyu Chemical Park")

# Level 1 pools belong to enterprises: id, enterprise, capacity, stored (m3).
ENTERPRISE_POOLS = (
    ("P11", "E01", 22000.0, 1900.0),
    ("P12", "E11", 18000.0, 1500.0),
    ("P13", "E14", 16000.0, 1200.0),
    ("P14", "E25", 12000.0, 900.0),
    ("P15", "E02", 8000.0, 700.0),
    ("P16", "E18", 8000.0, 1100.0),
    ("P17", "E26", 7000.0, 900.0),
    ("P18", "E22", 5000.0, 800.0),
)


def build() -> Park:
    """Build the demo park; the same at every call. Its stored flow field is left at zero."""
    net = lay_network()
    firms, outlets = _enterprises(), _outlets(net)
    park = Park(
        id="chaoyu",
        name=PARK_NAME,
        crs=frame.CRS,
        version="",
        enterprises=firms,
        outlets=outlets,
        gates=canals.gates(),
        stations=stations.stations(net),
        receptors=_receptors(net),
        pools=_pools(net),
        facilities=tuple(
            replace(f, x=x, y=y) for f, at in sewers.facilities(net) for x, y in [frame.place(*at)]
        ),
        fingerprints=names.fingerprints(),
        nodes=net.node_table(),
        links=net.link_table(),
        scenery=scenery.scenery(net),
        provenance=provenance(),
        sources=(Source("geodata.demo", "", "park", frame.CRS, "xy", len(net.nodes) + len(net.links), ""),),
        devices=devices.devices(firms, outlets),
    )
    return replace(park, version=park_file.content_hash(park)[:12])


def provenance() -> Provenance:
    """Say where the demo park's values come from: all of it is made up, its flows are computed."""
    made_up = Origin("geodata.demo (fictional)", "", str(Confidence.DECLARED))
    run = Origin("EPA SWMM, dry weather (twin.hydraulics.flowfield)", "", str(Confidence.DERIVED))
    said = {(layer, "", ""): made_up for layer in TABLES if layer != "park"}
    said |= {("link", "", column): run for column in park_file.FLOW_FIELD}
    said["link", "", "roughness"] = made_up._replace(confidence=str(Confidence.ASSUMED))
    return Provenance(said)


def lay_network() -> Net:
    """Lay canals, channels, sewers and pools."""
    net = Net()
    canals.lay(net)
    channels.lay(net)
    sewers.lay(net)
    _lay_pools(net)
    return net


def _spot(owner: str) -> Parcel:
    return next(p for p in parcels() if p.owner == owner)


def _lay_pools(net: Net) -> None:
    """Tank farm and park pool as storage; their pumps, at the rain channels beside them, stand still."""
    for pool, owner, capacity, pump_m3s in (("P01", "TF", 120_000.0, 0.8), ("P02", "EP", 15_000.0, 0.5)):
        parcel = _spot(owner)
        channel = channels.channel_of(parcel)
        depth = 8.0 if pool == "P01" else 5.0
        net.add_node(
            NodeSpec(pool, System.RAIN, "storage", parcel.centre, 4.0 + depth, 4.0, depth, capacity / depth)
        )
        intake = net.near(channel.id, (parcel.centre[0], channel.v))
        path = [net.nodes[intake].at, parcel.centre]
        net.add_link(
            LinkSpec(
                f"{pool}-PUMP", LinkKind.PUMP, System.RAIN, intake, pool, path, "circular", 1.0, 0.5,
                capacity_m3s=pump_m3s,
            )
        )  # fmt: skip


def _enterprises() -> tuple[Enterprise, ...]:
    found = []
    for i, firm in enumerate(names.firms()):
        x, y = frame.place(*_spot(firm.id).centre)
        cod, nh3n = names.permit_t(firm)
        code = names.uscc(i + 1)
        found.append(
            Enterprise(
                id=firm.id,
                name=firm.name,
                short=firm.short,
                uscc=code,
                trade=names.TRADES[firm.trade],
                permit_no=f"{code}001{'PQVR'[i % 4]}",
                permit_category=firm.category,
                phone=f"0510-5551{i + 1:03d}",
                x=x,
                y=y,
                cod_permit_t=cod,
                nh3n_permit_t=nh3n,
                slots=names.SLOTS.get(firm.id, ()),
            )
        )
    return tuple(found)


def _outlets(net: Net) -> tuple[Outlet, ...]:
    found = []
    for outlet, at in (*sewers.outlets(net), *channels.outlets(net)):
        x, y = frame.place(*at)
        found.append(replace(outlet, x=x, y=y))
    return tuple(sorted(found, key=lambda o: o.id))


def _receptors(net: Net) -> tuple[Receptor, ...]:
    def sea(canal: str) -> str:
        return net.lines[canal][-1]

    rows = (
        ("R1", Text("紫菜养殖区", "Laver farm"), sea("H3"), (9750.0, 2050.0)),
        ("R2", Text("潮屿湾近岸断面", "Chaoyu Bay near-shore section"), sea("H2"), (9050.0, 4700.0)),
        ("R3", Text("北滩湿地", "North flat wetland"), sea("H1"), (9000.0, 7000.0)),
        ("R4", Text("南排河出境断面", "South border section"), net.lines["X4"][-1], (8250.0, -450.0)),
        (
            "R5",
            Text("南圩灌溉取水口", "South polder irrigation intake"),
            net.near("H4", (7000.0, 200.0)),
            (7000.0, 120.0),
        ),
    )
    return tuple(Receptor(key, name, node, *frame.place(*at)) for key, name, node, at in rows)


def _pools(net: Net) -> tuple[Pool, ...]:
    found = [
        Pool(
            "P01",
            Text("事故罐区", "Accident tank farm"),
            2,
            120_000.0,
            9_600.0,
            *frame.place(*_spot("TF").centre),
        ),
        Pool(
            "P02",
            Text("园区应急池", "Park emergency pool"),
            2,
            15_000.0,
            1_400.0,
            *frame.place(*_spot("EP").centre),
        ),
    ]
    firms = {f.id: f for f in names.firms()}
    for key, owner, capacity, stored in ENTERPRISE_POOLS:
        parcel = _spot(owner)
        name = Text(f"{firms[owner].short.zh}事故池", f"{firms[owner].short.en} accident pool")
        x, y = frame.place(parcel.u1 - 90, parcel.v0 + 90)
        found.append(Pool(key, name, 1, capacity, stored, x, y))
    for i, (line, capacity) in enumerate((("V2", 180_000.0), ("H3", 160_000.0), ("H2", 120_000.0))):
        node = net.nodes[net.lines[line][len(net.lines[line]) // 2]]
        name = Text(f"{canals.NAMES[line].zh}河段", f"{canals.NAMES[line].en} reach")
        found.append(Pool(f"P2{i + 1}", name, 3, capacity, 0.0, *frame.place(*node.at)))
    return tuple(found)
