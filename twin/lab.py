"""What samples of an incident held: entered by people, kept, and told to the tracer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from geodata.network import Network
from geodata.words import Text
from twin.factors import factor, known
from twin.model import AuditLine, Event, LabResult, to_json
from twin.records import Records
from twin.stream import Stream

KIND = "result"
EARLIEST = timedelta(days=3)  # a bottle older than this belongs to another incident
BARCODE_MOST = 40

NO_BARCODE = Text("请填写或扫描条码", "Scan or type the barcode")
LONG_BARCODE = Text("条码太长", "The barcode is too long")
NO_PLACE = Text("园区里没有点位 {node}", "The park has no place {node}")
NO_FACTOR = Text("没有因子 {code}", "There is no factor {code}")
NO_PERSON = Text("请填写采样人", "Say who took the sample")
NO_VALUE = Text("数值应为不小于 0 的数", "The value must be a number, 0 or more")
NO_TIME = Text(
    "采样时间应在最近三天之内，且不晚于现在", "The sample must be of the last three days, not of the future"
)
ENTERED = Text(
    "采样结果：{barcode}，{node} {at}，{factor} {value} {unit}，采样人 {person}",
    "Sample: {barcode}, {node} at {at}, {factor} {value} {unit}, taken by {person}",
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A result as a person typed it."""

    barcode: str
    node: str
    at: datetime
    factor: str
    value: float
    person: str


def wrong(typed: Typed, network: Network, now: datetime) -> Text | None:
    """Say what keeps a result from being taken; None where nothing does."""
    checks: Sequence[tuple[bool, Text]] = (
        (bool(typed.barcode), NO_BARCODE),
        (len(typed.barcode) <= BARCODE_MOST, LONG_BARCODE),
        (typed.node in network.nodes, NO_PLACE.fill(node=typed.node[:40])),
        (typed.factor in {f.code for f in known()}, NO_FACTOR.fill(code=typed.factor[:40])),
        (math.isfinite(typed.value) and typed.value >= 0, NO_VALUE),
        (bool(typed.person), NO_PERSON),
        (now - EARLIEST <= typed.at <= now, NO_TIME),
    )
    return next((text for good, text in checks if not good), None)


def keep(
    records: Records, stream: Stream, incident: str, typed: Typed, by: str, now: datetime, at: Text
) -> LabResult:
    """Keep a result, put it on record and have the incident ranked again.

    The same factor of the same bottle, entered again, corrects what was entered before; the audit keeps both.

    Parameters
    ----------
    at : Text
        When the sample was taken, in words.
    """
    result = LabResult(
        typed.barcode,
        incident,
        typed.node,
        typed.at,
        typed.factor,
        typed.value,
        typed.person,
        by,
        now,
    )
    what = factor(typed.factor)
    told = ENTERED.fill(
        barcode=typed.barcode,
        node=typed.node,
        at=at,
        factor=what.short,
        value=what.show(typed.value),
        unit=what.unit,
        person=typed.person,
    )
    records.put_paper(KIND, f"{incident}/{typed.barcode}/{typed.factor}", incident, typed.at, result)
    records.audit(AuditLine(now, by, "sample.entered", incident, told))
    stream.append("events", to_json(Event("result.entered", now, incident)))
    return result


def of(records: Records, incident: str) -> list[LabResult]:
    """Return what the samples of an incident held, by bottle and factor."""
    found = records.papers(KIND, LabResult, incident)
    return sorted(found, key=lambda r: (r.barcode, r.factor))
