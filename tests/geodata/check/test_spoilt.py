"""Every kind of fault planted in the demo park, one by one and all together: found, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from shapely.geometry import LineString, Point

from geodata.check.findings import Severity
from geodata.check.kinds import KINDS
from geodata.check.places import Known
from geodata.check.run import check
from geodata.places import Fingerprint, Park
from tests.geodata.parks import demo_park
from twin.park_check import known

Spoil = Callable[[Park], Park]
Expected = set[tuple[str, str]]  # kind and feature


@cache
def good() -> Park:
    return demo_park()


@cache
def what_is_known() -> Known:
    return known(good())


def node(id: str, **values: Any) -> Spoil:
    return lambda p: replace(p, nodes=_set(p.nodes, id, values))


def link(id: str, **values: Any) -> Spoil:
    return lambda p: replace(p, links=_set(p.links, id, values))


def record(layer: str, id: str, **values: Any) -> Spoil:
    def spoil(p: Park) -> Park:
        records = getattr(p, layer)
        assert any(r.id == id for r in records)
        return replace(p, **{layer: tuple(replace(r, **values) if r.id == id else r for r in records)})

    return spoil


def new_node(like: str, **values: Any) -> Spoil:
    def spoil(p: Park) -> Park:
        row = p.nodes[p.nodes["id"] == like].assign(**values)
        return replace(p, nodes=pd.concat([p.nodes, row], ignore_index=True))

    return spoil


def new_link(like: str, *, line: list[tuple[float, float]] | None = None, **values: Any) -> Spoil:
    def spoil(p: Park) -> Park:
        row = p.links[p.links["id"] == like].assign(**values)
        if line is not None:
            row = row.set_geometry(gpd.GeoSeries([LineString(line)], index=row.index, crs=p.crs))
        return replace(p, links=pd.concat([p.links, row], ignore_index=True))

    return spoil


def without(layer: str, id: str) -> Spoil:
    return lambda p: replace(p, **{layer: tuple(r for r in getattr(p, layer) if r.id != id)})


def both(*spoils: Spoil) -> Spoil:
    def spoil(p: Park) -> Park:
        for s in spoils:
            p = s(p)
        return p

    return spoil


def moved_line(id: str, dx: float) -> Spoil:
    def spoil(p: Park) -> Park:
        lines = p.links.geometry.copy()
        row = int(p.links.index[p.links["id"] == id][0])
        first, *rest = lines[row].coords
        lines[row] = LineString([(first[0] + dx, first[1]), *rest])
        return replace(p, links=p.links.set_geometry(lines))

    return spoil


def _set(table: Any, id: str, values: dict[str, Any]) -> Any:
    table = table.copy()
    assert (table["id"] == id).any(), id
    for column, value in values.items():
        table.loc[table["id"] == id, column] = value
    return table


def at(id: str) -> tuple[float, float]:
    row = good().nodes.set_index("id").loc[id]
    return float(row["x"]), float(row["y"])


def near(id: str, dx: float, dy: float = 0.0) -> dict[str, float]:
    x, y = at(id)
    return {"x": x + dx, "y": y + dy}


def uscc(number: int) -> str:
    return next(e.uscc for e in good().enterprises if e.id == f"E{number:02d}")


def a_pair() -> Spoil:
    """Two nodes and a pipe that lead nowhere."""
    (x, y) = at("YQ09-05")
    ends = [(x + 300.0, y + 300.0), (x + 400.0, y + 300.0)]
    return both(
        new_node("YQ09-05", id="LOST-A", kind="junction", x=ends[0][0], y=ends[0][1]),
        new_node("YQ09-05", id="LOST-B", kind="junction", x=ends[1][0], y=ends[1][1], invert_m=0.5),
        new_link("YQ09-05", id="LOST", from_node="LOST-A", to_node="LOST-B", line=ends, length_m=100.0),
    )


def a_stub(name: str, start: str, dx: float, dy: float, **values: Any) -> Spoil:
    """A channel that leaves a node and ends dx, dy from it."""
    x, y = at(start)
    return both(
        new_node(start, id=f"{name}-END", kind="junction", x=x + dx, y=y + dy, inflow_m3s=0.0, invert_m=-2.0),
        node(f"{name}-END", ground_m=1.0, **values),
        new_link(
            good().links.loc[good().links["from_node"] == start, "id"].iloc[0],
            id=f"{name}-STUB",
            from_node=start,
            to_node=f"{name}-END",
            length_m=(dx**2 + dy**2) ** 0.5,
            line=[(x, y), (x + dx, y + dy)],
            offset_in_m=0.0,
            offset_out_m=0.0,
            flow_m3s=0.001,
        ),
    )


def a_ring() -> Spoil:
    """Three nodes whose links lead round, fed from the head of a channel."""
    (x, y) = at("YQ12-03")
    xy = [(x + 200.0, y + 200.0), (x + 300.0, y + 200.0), (x + 250.0, y + 290.0)]
    made: list[Spoil] = [
        new_node("YQ12-03", id=f"RING-{i}", kind="junction", x=p[0], y=p[1], inflow_m3s=0.0, invert_m=1.0)
        for i, p in enumerate(xy)
    ]
    made += [
        new_link(
            "YQ12-05",
            id=f"RING-L{i}",
            from_node=f"RING-{i}",
            to_node=f"RING-{(i + 1) % 3}",
            line=[xy[i], xy[(i + 1) % 3]],
            length_m=100.0,
            offset_in_m=0.0,
            offset_out_m=0.0,
        )
        for i in range(3)
    ]
    made.append(
        new_link(
            "YQ12-05",
            id="RING-FEED",
            from_node="YQ12-03",
            to_node="RING-0",
            line=[(x, y), xy[0]],
            length_m=282.8,
            offset_in_m=0.0,
            offset_out_m=0.0,
        )
    )
    return both(*made)


def swapped(id: str) -> Spoil:
    """A link with its ends exchanged in the table and on the map, as a surveyor would who walked uphill."""

    def spoil(p: Park) -> Park:
        row = p.links[p.links["id"] == id].iloc[0]
        lines = p.links.geometry.copy()
        lines[row.name] = shapely.reverse(lines[row.name])
        made = replace(p, links=p.links.set_geometry(lines))
        return link(
            id,
            from_node=row["to_node"],
            to_node=row["from_node"],
            offset_in_m=row["offset_out_m"],
            offset_out_m=row["offset_in_m"],
        )(made)

    return spoil


def fingerprint(*extra: Fingerprint) -> Spoil:
    return lambda p: replace(p, fingerprints=(*p.fingerprints, *extra))


def wrong_digit(code: str) -> str:
    return code[:-1] + ("0" if code[-1] != "0" else "1")


FAULTS: list[tuple[Spoil, Expected]] = [
    (link("YQ01-05", to_node="NOWHERE"), {("missing_end_node", "YQ01-05")}),
    (new_link("YQ02-05", id="LOOP", to_node="YQ02-04"), {("self_loop", "LOOP")}),
    (link("YQ03-04", length_m=0.0), {("zero_length", "YQ03-04")}),
    (link("YQ03-07", length_m=float("nan")), {("zero_length", "YQ03-07")}),
    (link("YQ04-04", length_m=940.0), {("length_differs", "YQ04-04")}),
    (moved_line("YQ05-06", 6.0), {("end_off_node", "YQ05-06")}),
    (
        both(
            new_node("YQ06-08", id="TWIN", kind="junction", inflow_m3s=0.0, **near("YQ06-08", 0.04)),
            link("YQ06-09", from_node="TWIN"),
        ),
        {("duplicate_points", "YQ06-08")},
    ),
    (a_stub("SHORT", "YQ07-03", 1.2, 80.0), {("blind_end", "SHORT-END")}),
    (
        both(
            a_stub("GAP", "YQ08-02", 0.0, 90.0),
            new_node("YQ08-02", id="GAP-ON", kind="outfall", invert_m=-3.0, **near("YQ08-02", 0.0, 91.0)),
            new_node("YQ08-02", id="GAP-ON2", kind="junction", invert_m=-2.0, **near("YQ08-02", 60.0, 91.0)),
            new_link(
                "YQ08-05",
                id="GAP-NEXT",
                from_node="GAP-ON2",
                to_node="GAP-ON",
                line=[
                    tuple(near("YQ08-02", 60.0, 91.0).values()),
                    tuple(near("YQ08-02", 0.0, 91.0).values()),
                ],
                length_m=60.0,
                offset_in_m=0.0,
                offset_out_m=0.0,
            ),
            node("GAP-ON", ground_m=1.0),
            node("GAP-ON2", ground_m=1.0),
        ),
        {("dangling", "GAP-END"), ("dangling", "GAP-ON")},
    ),
    (new_node("YQ09-04", id="ALONE", **near("YQ09-04", 250.0, 250.0)), {("isolated_node", "ALONE")}),
    (a_pair(), {("isolated_part", "LOST-A")}),
    (a_ring(), {("loop_without_outlet", "RING-0")}),
    (swapped("YQ10-06"), {("reversed", "YQ10-06")}),
    (swapped("H2-20"), {("reversed", "H2-20")}),
    (
        node("YQ11-06", invert_m=float(good().nodes.set_index("id").loc["YQ11-06", "invert_m"]) + 0.6),
        {("adverse_slope", "YQ11-06")},
    ),
    (link("YQ13-08", width_m=0.6), {("shrinks", "YQ13-08")}),
    (link("E02-PIPE2", height_m=0.2, width_m=0.2), {("shrinks", "E02-PIPE2")}),
    (node("H3-10", ground_m=22.0), {("depth_out_of_range", "H3-10")}),
    (node("H3-12", ground_m=-2.5), {("depth_out_of_range", "H3-12")}),
    (node("YQ14-03", invert_m=float("nan")), {("missing_level", "YQ14-03")}),
    (node("YQ14-06", ground_m=float("nan")), {("missing_level", "YQ14-06")}),
    (link("YQ15-03", height_m=0.0), {("missing_size", "YQ15-03")}),
    (link("YQ15-06", offset_in_m=-0.8), {("bad_offset", "YQ15-06"), ("adverse_slope", "YQ15-06")}),
    (new_link("YQ16-05", id="AGAIN"), {("link_twice", "AGAIN")}),
    (link("E04-PIPE2", enterprise="E99"), {("link_unknown_enterprise", "E04-PIPE2")}),
    (link("H4-10", direction_source="assumed"), {("direction_assumed", "H4-10")}),
    (
        lambda p: replace(p, stations=(*p.stations, replace(p.stations[40], mn="0" * 24))),
        {("id_twice", "S41")},
    ),
    (
        lambda p: replace(
            p, nodes=pd.concat([p.nodes, p.nodes[p.nodes["id"] == "H4-05"]], ignore_index=True)
        ),
        {("id_twice", "H4-05")},
    ),
    (lambda p: replace(p, crs="EPSG:4326"), {("crs_out_of_zone", "chaoyu")}),
    (lambda p: replace(p, crs="EPSG:9"), {("crs_unknown", "chaoyu")}),
    (record("pools", "P11", x=500_000.0), {("outside_park", "P11")}),
    (record("enterprises", "E40", x=float("nan")), {("no_position", "E40")}),
    (record("gates", "G02", link="GONE"), {("gate_without_link", "G02")}),
    (record("gates", "G04", link="H1-10"), {("gate_link_mismatch", "G04"), ("gate_off_river", "G04")}),
    (record("gates", "G05", y=3_675_000.0, x=578_000.0), {("gate_off_river", "G05")}),
    (record("gates", "G07", modbus_unit=6), {("gate_unit_twice", "G07")}),
    (
        record("outlets", "E13-YS001", enterprise="E77"),
        {("outlet_without_enterprise", "E13-YS001"), ("enterprise_without_outlet", "E13")},
    ),
    (record("outlets", "E14-YS001", node="NONE"), {("outlet_off_network", "E14-YS001")}),
    (record("outlets", "E15-YS001", **near("YQ01-00", 0.0)), {("outlet_off_node", "E15-YS001")}),
    (
        lambda p: replace(p, outlets=tuple(o for o in p.outlets if o.enterprise != "E39")),
        {("enterprise_without_outlet", "E39")},
    ),
    (record("enterprises", "E03", uscc="91329900MAXCY00"), {("uscc_malformed", "E03")}),
    (record("enterprises", "E16", uscc=wrong_digit(uscc(16))), {("uscc_wrong", "E16")}),
    (record("enterprises", "E18", uscc=uscc(17)), {("uscc_twice", "E18")}),
    (
        record("stations", "S51", mn=next(s.mn for s in good().stations if s.id == "S50")),
        {("mn_twice", "S51")},
    ),
    (record("stations", "S52", mn="G" * 24), {("mn_malformed", "S52")}),
    (record("stations", "S53", factors=("w00000", "w99999")), {("station_unknown_factor", "S53")}),
    (record("stations", "S54", factors=()), {("station_without_factor", "S54")}),
    (record("stations", "S55", limit_set="GB 3838-2002/IX"), {("station_unknown_limits", "S55")}),
    (record("stations", "S56", node="NONE"), {("station_off_network", "S56")}),
    (record("stations", "S57", **near("YQ01-00", 0.0)), {("station_off_node", "S57")}),
    (record("stations", "S01", enterprise="E88"), {("station_unknown_enterprise", "S01")}),
    (record("receptors", "R1", node="NONE"), {("receptor_off_network", "R1")}),
    (record("receptors", "R2", node="YQ17-00"), {("receptor_unreachable", "R2")}),
    (record("facilities", "PS1", node="NONE"), {("facility_off_network", "PS1")}),
    (record("pools", "P12", stored_m3=19_000.0), {("pool_over_capacity", "P12")}),
    (record("enterprises", "E06", slots=(("00:00", "25:10"),)), {("slot_malformed", "E06")}),
    (record("enterprises", "E08", slots=(("09:00", "14:30"),)), {("slot_overlap", "E07")}),
    (fingerprint(Fingerprint("E66", "w01018", 5.0, "x", "")), {("fingerprint_unknown_enterprise", "E66")}),
    (fingerprint(Fingerprint("E19", "w9", 5.0, "x", "")), {("fingerprint_unknown_factor", "E19")}),
    (fingerprint(Fingerprint("E20", "w01018", 0.0, "x", "")), {("fingerprint_not_positive", "E20")}),
]
ALONE = {"crs_out_of_zone", "crs_unknown"}  # hide what is found by position


def found(park: Park) -> Expected:
    return {(f.kind, f.feature) for f in check(park, what_is_known())}


def test_nothing_is_invented_on_the_good_copy() -> None:
    assert check(good(), what_is_known()) == ()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    FAULTS,
    ids=lambda v: "+".join(sorted(k for k, _ in v)) if isinstance(v, set) else "",
)
def test_one_fault_is_found_and_nothing_else(spoil: Spoil, expected: Expected) -> None:
    assert found(spoil(good())) == expected


def test_every_kind_of_fault_has_a_test() -> None:
    assert {kind for _, expected in FAULTS for kind, _ in expected} == set(KINDS)


def test_all_faults_in_one_copy_are_found_and_nothing_else() -> None:
    faults = [(s, e) for s, e in FAULTS if not ALONE & {k for k, _ in e}]
    spoilt = both(*(s for s, _ in faults))(good())
    expected = set().union(*(e for _, e in faults))
    assert len({kind for kind, _ in expected}) > 25
    assert found(spoilt) == expected


def test_a_finding_says_where_and_what_in_two_languages() -> None:
    spoilt = both(
        record("gates", "G05", y=3_675_000.0, x=578_000.0), link("H4-10", direction_source="assumed")
    )(good())
    gate, note = check(spoilt, what_is_known())
    assert (gate.severity, note.severity) == (Severity.ERROR, Severity.NOTE)
    assert gate.geometry == Point(578_000.0, 3_675_000.0)
    assert gate.other == good().gate("G05").link
    assert "G05" in gate.sentence.zh
    assert gate.sentence.en.startswith("gate G05 lies ")
    assert gate.safe
    assert not note.safe
    assert note.geometry is not None
    assert note.geometry.geom_type == "LineString"


def test_what_nobody_knows_is_not_checked() -> None:
    spoilt = both(
        record("stations", "S53", factors=("w99999",)), record("stations", "S55", limit_set="GB 1/I")
    )(good())
    assert check(spoilt) == ()


def test_a_pressure_line_may_climb() -> None:
    spoil = next(s for s, expected in FAULTS if ("adverse_slope", "YQ11-06") in expected)
    climbing = spoil(good())
    assert found(climbing) == {("adverse_slope", "YQ11-06")}
    links = climbing.links
    assert found(replace(climbing, links=links.assign(regime="pressure"))) == set()
    racked = links.assign(kind="pipe", rack="K1")
    assert "adverse_slope" not in {kind for kind, _ in found(replace(climbing, links=racked))}
