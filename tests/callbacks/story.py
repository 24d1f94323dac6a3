"""One plausible incident of the demo park, as the workers would have put it on record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from geodata.network import Network
from geodata.places import Park
from geodata.words import Text
from tests.geodata.parks import demo_park
from twin.access import Access
from twin.clock import as_ms
from twin.model import (
    Anomaly,
    Arrival,
    GateMove,
    GatePlan,
    GateState,
    Incident,
    IncidentState,
    Kind,
    Level,
    PlanSet,
    Point,
    Ranking,
    Reason,
    Sample,
    Suspect,
    WhatIf,
)
from twin.records import Records

ID = "EV-20261122-01"
NOW = datetime(2026, 11, 21, 18, 46, 36, tzinfo=UTC)  # 02:46:36 in the park
ONSET = NOW - timedelta(minutes=15, seconds=32)


@dataclass(frozen=True)
class Story:
    """An incident with everything that belongs to it."""

    park: Park
    incident: Incident
    anomalies: tuple[Anomaly, ...]
    ranking: Ranking
    planset: PlanSet
    whatif: WhatIf
    gates: dict[str, GateState]


@cache
def network() -> Network:
    return Network.from_park(demo_park())


def _minutes(n: float) -> datetime:
    return NOW + timedelta(minutes=n)


def _anomaly(station: str, factor: str, value: float, limit: float | None, after_s: float) -> Anomaly:
    since = ONSET + timedelta(seconds=after_s)
    kind = Kind.EXCEEDANCE if limit else Kind.DEVIATION
    return Anomaly(
        id=f"{station}/{factor}/{kind}/{as_ms(since) // 1000}",
        point=Point(station, factor),
        kind=kind,
        detector="limit" if limit else "baseline",
        since=since,
        value=value,
        limit=limit,
        level=Level.ALARM if limit else Level.WARNING,
        score=4.2,
        reason=Text("高于基线 4.2 倍离散", "4.2 spreads above its baseline"),
        incident=ID,
    )


def _suspect(
    id: str, probability: float, nats: dict[str, float], said: list[tuple[str, float, Text]]
) -> Suspect:
    outlet = f"{id}-YS001"
    node = next(o.node for o in demo_park().outlets if o.id == outlet)
    reasons = tuple(Reason(kind, n, text) for kind, n, text in said) + tuple(
        Reason(kind, n, Text("依据 {k}", "evidence {k}").fill(k=kind))
        for kind, n in nats.items()
        if kind not in {k for k, _, _ in said}
    )
    return Suspect(
        enterprise=id,
        probability=probability,
        outlet=outlet,
        reasons=reasons,
        path=network().path(node, demo_park().station("S33").node),
        release_from=NOW - timedelta(minutes=39),
        release_to=NOW - timedelta(minutes=30),
        strength_kg=412.0,
    )


def ranking() -> Ranking:
    """61, 19 and 8 percent, 5 for three others, 7 for a source on no list."""
    first = _suspect(
        "E19",
        0.61,
        {"reach": 0.9, "onset": 1.4, "clean": -0.2, "shape": 0.6, "permit": 0.2},
        [
            (
                "fingerprint",
                1.8,
                Text("氯离子、电导、COD 同升，指纹相似 0.91", "fingerprint similarity 0.91"),
            ),
            (
                "valve",
                1.3,
                Text("雨水阀 02:07 开启 9 分钟，当时无雨", "rain valve opened 02:07 for 9 min, no rain"),
            ),
            (
                "meter",
                -0.4,
                Text("纳管口 COD 42 mg/L 正常，内部流量无缺口", "sewer outlet normal at 42 mg/L"),
            ),
        ],
    )
    second = _suspect(
        "E20",
        0.19,
        {"reach": 0.9, "onset": 1.1, "clean": -0.2, "shape": 0.3, "valve": -1.1, "permit": 0.7},
        [("fingerprint", -0.5, Text("指纹相似 0.38", "fingerprint similarity 0.38"))],
    )
    third = _suspect(
        "E05", 0.08, {"reach": 0.7, "onset": -0.6, "clean": -1.0, "fingerprint": 0.4, "valve": -0.7}, []
    )
    rest = tuple(
        _suspect(who, p, {"reach": 0.3, "onset": -1.6}, [])
        for who, p in (("E21", 0.03), ("E04", 0.015), ("E03", 0.005))
    )
    return Ranking(
        incident=ID,
        at=NOW - timedelta(minutes=14),
        suspects=(first, second, third, *rest),
        unknown=0.07,
        groups=(("E20", "E19"),),
        samples=(
            Sample("YQ09-14", Text("渠段节点", "channel node"), 0.9, 0.88),
            Sample("YQ09-12", Text("雨水井", "rain well"), 0.5, 0.79),
        ),
        park_version=demo_park().version,
        code_version="test",
        readings_used=18_432,
    )


def _arrival(place: str, early: float, middle: float, late: float, share: float = 1.0) -> Arrival:
    return Arrival(place, _minutes(early), _minutes(middle), _minutes(late), share)


def _move(arrival: Arrival, by: float, *, late: bool = False, lock: bool = False) -> GateMove:
    gate = demo_park().gate(arrival.place)
    return GateMove(
        gate=gate.id,
        close_by=_minutes(by),
        arrival=arrival,
        stroke_s=gate.stroke_s,
        decision_s=600.0,
        margin_s=300.0,
        too_late=late,
        flood_lock=lock,
        why=Text("前锋最先到达的可关闸", "the first gate ahead of the front that can be closed"),
    )


def planset() -> PlanSet:
    """Plan A closes G05 and G10, plan B G10 and G13."""
    g05 = _arrival("G05", 38, 46, 62)
    g10 = _arrival("G10", 86, 110, 132)
    g13 = _arrival("G13", 132, 160, 199)
    r2 = _arrival("R2", 190, 224, 262, 0.31)
    r1 = _arrival("R1", 212, 250, 291, 0.62)
    a = GatePlan(
        id=f"{ID}/A",
        incident=ID,
        name=Text("近闸双拦", "Two near gates"),
        moves=(_move(g05, 12.4), _move(g10, 62.4)),
        contained=0.97,
        contained_late=0.71,
        volume_m3=48_000.0,
        storage_m3=77_400.0,
        hours_to_full=7.4,
        side_effects=(Text("横二河泵房前池升 0.05 m", "pump forebay of Second Cross rises 0.05 m"),),
        recommended=True,
        if_fails={"G05": "G10", "G10": "G13"},
    )
    b = GatePlan(
        id=f"{ID}/B",
        incident=ID,
        name=Text("末闸保底", "Last gates"),
        moves=(_move(g10, 62.4), _move(g13, 104.4)),
        contained=0.93,
        contained_late=0.90,
        volume_m3=116_000.0,
        storage_m3=149_000.0,
        hours_to_full=11.0,
        side_effects=(),
        recommended=False,
    )
    return PlanSet(
        ID, NOW - timedelta(minutes=14), (a, b), (g05, g10, g13, r2, r1), _path(), demo_park().version
    )


def _path() -> tuple[str, ...]:
    park = demo_park()
    end = next(r.node for r in park.receptors if r.id == "R1")
    return network().path(park.station("S33").node, end)


def story() -> Story:
    """Everything, at `NOW`."""
    anomalies = (
        _anomaly("S33", "w01018", 186.0, 40.0, 0),
        _anomaly("S33", "w01014", 4120.0, None, 0),
        _anomaly("S33", "w21003", 6.4, 2.0, 120),
    )
    incident = Incident(
        id=ID,
        opened=ONSET + timedelta(seconds=60),
        state=IncidentState.OPEN,
        level=Level.CRITICAL,
        title=Text("中二河中 COD、电导率 异常，疑似雨水口排放", "COD, cond. abnormal at Second Middle Canal"),
        stations=("S33",),
        factors=("w01018", "w01014", "w21003"),
        anomalies=tuple(a.id for a in anomalies),
        updated=NOW,
        drill=True,
    )
    plans = planset()
    whatif = WhatIf(
        incident=ID,
        plan=plans.plans[0].id,
        at=NOW - timedelta(minutes=12),
        hours=6.0,
        factor="w01018",
        kg_nothing={"R1": 214.0, "R2": 61.0, "R3": 0.0},
        kg_plan={"R1": 3.1, "R2": 0.4, "R3": 0.0},
        flooding_m3=0.0,
        seconds=2.4,
    )
    gates = {g.id: GateState(g.id, g.normal_position, False, False, NOW) for g in demo_park().gates}
    return Story(demo_park(), incident, anomalies, ranking(), plans, whatif, gates)


@contextmanager
def book(folder: Path) -> Iterator[tuple[Records, Access]]:
    """Open records in a folder, with the demo's people in them."""
    records = Records(f"sqlite:///{folder / 'r.sqlite'}")
    records.create()
    access = Access(records)
    access.add_demo_users()
    yield records, access
    records.close()


def put(records: Records, told: Story) -> None:
    """Write a story into the records."""
    for anomaly in told.anomalies:
        records.put_anomaly(anomaly)
    records.put_incident(told.incident)
    records.put_ranking(told.ranking)
    records.put_plans(told.planset)
    records.put_whatif(told.whatif)
