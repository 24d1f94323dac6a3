"""Evidence in words a duty officer can read aloud, with numbers and local times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geodata import zone
from geodata.words import Text
from twin.factors import factor
from twin.trace.case import Case
from twin.trace.evidence import NEVER, Hydraulic
from twin.trace.own import MOVED, Meter, Slot
from twin.trace.valves import Valve

Floats = NDArray[np.float64]


def clock(at_s: float) -> str:
    """Return the time of day on the park's clocks as "03:42"."""
    return zone.at_s(at_s).strftime("%H:%M")


def minutes(seconds: float) -> str:
    """Return whole minutes, one at least."""
    return f"{max(1, round(seconds / 60))}"


def name(case: Case, sensor: int) -> Text:
    """Return the name of the station at a sensor position."""
    return case.park.station(case.station(sensor)).name


def reach(case: Case, outlet: int) -> Text:
    """Say how many of the alarmed stations an outlet's water passes."""
    hit = [k for k in case.alarmed if case.transport.share[outlet, k] > 0]
    where = case.outlets[outlet].code
    if not case.alarmed:
        return Text("没有公共管渠站点报警", "No station on shared water is in alarm")
    if not hit and len(case.alarmed) == 1:
        return Text(
            "{code} 的水流不到报警站点{station}",
            "Water from {code} does not reach the alarmed station {station}",
        ).fill(code=where, station=name(case, case.alarmed[0]))
    if not hit:
        return Text(
            "{code} 的水流不到任何报警站点（共 {n} 个）",
            "Water from {code} reaches none of the {n} alarmed stations",
        ).fill(code=where, n=len(case.alarmed))
    if len(hit) < len(case.alarmed):
        return Text(
            "{code} 的水只流经 {n} 个报警站点中的 {k} 个，解释不了{other}",
            "Water from {code} passes {k} of the {n} alarmed stations and does not explain {other}",
        ).fill(
            code=where,
            n=len(case.alarmed),
            k=len(hit),
            other=name(case, next(k for k in case.alarmed if k not in hit)),
        )
    if len(hit) == 1:
        return Text(
            "{code} 的水流经报警站点{station}，距离 {km:.1f} 公里",
            "Water from {code} passes the alarmed station {station}, {km:.1f} km away",
        ).fill(code=where, station=name(case, hit[0]), km=case.transport.apart_m[outlet, hit[0]] / 1000)
    return Text(
        "{code} 的水依次流经全部 {n} 个报警站点，首站{station}",
        "Water from {code} passes all {n} alarmed stations, {station} first",
    ).fill(code=where, n=len(hit), station=name(case, hit[0]))


def second(case: Case, enterprise: str, sensors: tuple[int, ...]) -> Text:
    """Say that one release is not enough, where, and who else it takes."""
    return Text(
        "一处排放解释不了{where}的升高；同一时段{who}也在排放才能解释",
        "One release does not explain the rise at {where}; a second one from {who} at the same time does",
    ).fill(
        where=Text(
            "、".join(name(case, j).zh for j in sensors[:3]), ", ".join(name(case, j).en for j in sensors[:3])
        ),
        who=case.park.enterprise(enterprise).short,
    )


def onset(case: Case, outlet: int, h: Hydraulic) -> Text | None:
    """Say when its water would have reached the alarmed station that tells most, and when the rise came."""
    events = case.signals.events
    usable = [e for e in range(len(events)) if h.due_s[outlet, events.sensor[e]] < NEVER / 2]
    if not usable or h.event[outlet] < 0:
        return None
    # The event farthest from the expected time says most; the one the release hangs on says nothing.
    others = [e for e in usable if e != h.event[outlet] and events.sensor[e] in case.alarmed]
    off = {e: abs(events.onset_s[e] - h.due_s[outlet, events.sensor[e]]) for e in others}
    at = max(off, key=lambda e: (off[e], e)) if off else int(h.event[outlet])
    due, seen = h.due_s[outlet, events.sensor[at]], events.onset_s[at]
    return Text(
        "若 {start} 开始排放，应在 {due} 到{station}，实测 {seen} 出现，相差 {off} 分钟",
        "A release from {start} would reach {station} at {due}; the rise came at {seen}, {off} min apart",
    ).fill(
        start=clock(h.start_s[outlet]),
        due=clock(due),
        seen=clock(seen),
        station=name(case, int(events.sensor[at])),
        off=f"{abs(seen - due) / 60:.0f}",
    )


def clean(case: Case, outlet: int, h: Hydraulic) -> Text | None:
    """Name the station that should have seen it and stayed normal; None where there is none."""
    worst = int(np.argmin(h.miss[outlet]))
    if h.miss[outlet, worst] > -0.2:
        return None
    silent = int((h.miss[outlet] < -0.2).sum())
    more = Text(f"（共 {silent} 处）", f" ({silent} such stations)") if silent > 1 else Text("", "")
    return Text(
        "{station}应在 {due} 前后见到污染，至今数据正常{more}",
        "{station} should have seen it at about {due} and reads normal{more}",
    ).fill(station=name(case, worst), due=clock(h.due_s[outlet, worst]), more=more)


def shape(case: Case, outlet: int, h: Hydraulic) -> Text | None:
    """Say what release, in strength and length, the rise asks for from here."""
    if h.event[outlet] < 0:
        return None
    at = int(h.event[outlet])
    events, unit = case.signals.events, factor(case.factor)
    return Text(
        "{station} {factor} 升高 {peak} {unit}，历时 {width} 分钟；由此处需排放约 {long} 分钟",
        "{factor} at {station} rose by {peak} {unit} for {width} min: from here that takes about {long} min",
    ).fill(
        station=name(case, int(events.sensor[at])),
        factor=unit.short,
        peak=unit.show(float(events.peak[at])),
        unit=unit.unit,
        width=minutes(float(events.end_s[at] - events.onset_s[at])),
        long=minutes(float(h.duration_s[outlet])),
    )


def fingerprint(factors: list[str], ratio: Floats, score: float, age_days: int | None = None) -> Text | None:
    """Say how close the mix of factors is to the enterprise's profile.

    Parameters
    ----------
    factors : list of str
    ratio : (f,)
        Observed over expected, about 1 where they agree; NaN where unknown.
    score : float
        Nats.
    age_days : int, optional
        Of the fingerprint, where it is from the library.
    """
    known = np.flatnonzero(np.isfinite(ratio))
    if len(known) < 2:
        return None
    worst = int(known[np.argmax(np.abs(np.log(ratio[known])))])
    listed = sorted({worst, *(int(k) for k in known[:4])}, key=lambda k: factors[k])[:5]
    zh = "、".join(factor(factors[k]).short.zh for k in listed)
    en = ", ".join(factor(factors[k]).short.en for k in listed)
    times = _times(float(np.exp(abs(np.log(ratio[worst])))))
    if score > 0.3:
        return Text(
            "{factors} 升高的比例与其水质指纹{age}相符，最大偏差 {times} 倍",
            "{factors} fit its fingerprint{age}, {times}× off at most",
        ).fill(factors=Text(zh, en), times=times, age=_age(age_days))
    more = ratio[worst] > 1
    return Text(
        "{factors} 升高的比例与其水质指纹{age}不符：{worst} {way} {times} 倍",
        "{factors} do not fit its fingerprint{age}: {times}× {way} {worst}",
    ).fill(
        factors=Text(zh, en),
        worst=factor(factors[worst]).short,
        way=Text("偏多", "too much") if more else Text("偏少", "too little"),
        times=times,
        age=_age(age_days),
    )


def _age(days: int | None) -> Text:
    if days is None:
        return Text("", "")
    if days <= 0:
        return Text("（当天）", " (of today)")
    some = " (1 day old)" if days == 1 else f" ({days} days old)"
    return Text(f"（{days} 天前）", some)


def _times(ratio: float) -> str:
    """Return how many times, with as many digits as it is known to."""
    if ratio >= 100:
        return ">100"
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"


def meter(case: Case, outlet: int, found: Meter, start_s: float, duration_s: float) -> Text | None:
    """Say what the outlet's own meter did."""
    if not found.station:
        return None
    span = f"{clock(start_s)}–{clock(start_s + duration_s)}"
    code = case.outlets[outlet].code
    if found.share < 0.3:
        return Text(
            "{code} 在线监测在 {span} 无有效数据，不能作证",
            "The meter of {code} gave no usable data from {span} and says nothing",
        ).fill(code=code, span=span)
    if found.nats > MOVED:
        return Text(
            "报警的就是 {code} 自己的在线监测，只有它的水经过：{factor} 升到平时的 {ratio:.1f} 倍",
            "The alarm is that of its own meter at {code}, which only its water passes: {factor} rose to "
            "{ratio:.1f}x its usual value",
        ).fill(code=code, factor=factor(found.factor).short, ratio=found.ratio)
    if found.nats > 0:
        return Text(
            "{code} 在线 {factor} 在 {span} 前后升到平时的 {ratio:.1f} 倍",
            "{factor} on the meter of {code} rose to {ratio:.1f}x its usual value at about {span}",
        ).fill(code=code, factor=factor(found.factor).short, span=span, ratio=found.ratio)
    return Text("{code} 在线监测在 {span} 一直正常", "The meter of {code} stayed normal from {span}").fill(
        code=code, span=span
    )


def slot(slots: tuple[tuple[str, str], ...], found: Slot) -> Text | None:
    """Say how the release stands to the hours on the shared pipe."""
    if not found.state:
        return None
    hours = "、".join(f"{a}–{b}" for a, b in slots)
    said = {
        "in": Text(
            "当时正是其共用管时段（{hours}），可能只是正常排放",
            "It was its turn on the shared pipe ({hours}): this may be routine",
        ),
        "out": Text(
            "不在其共用管时段（{hours}），其排口却有流量",
            "Its outlet was running outside its hours on the shared pipe ({hours})",
        ),
        "shut": Text(
            "不在其共用管时段（{hours}），其排口无流量",
            "It was not its turn on the shared pipe ({hours}) and its outlet stood still",
        ),
    }
    return said[found.state].fill(hours=hours)


def valve(case: Case, outlet: int, found: Valve, start_s: float, duration_s: float) -> Text | None:
    """Say how the outlet's own valve or pump stood."""
    if not found.state:
        return None
    said = {
        "shut": Text(
            "{code} 的阀、泵在 {span} 前后一直关着",
            "The valve or pump of {code} was shut all the time at about {span}",
        ),
        "opened": Text(
            "{code} 的阀平时关着，{span} 前后却开着",
            "The valve of {code} is usually shut, but stood open at about {span}",
        ),
    }
    span = f"{clock(start_s)}–{clock(start_s + duration_s)}"
    return said[found.state].fill(code=case.outlets[outlet].code, span=span)


def found_before(times: int) -> Text | None:
    """Say of how many earlier incidents people found that it was the source."""
    if not times:
        return None
    some = "an earlier incident" if times == 1 else f"{times} earlier incidents"
    return Text(f"此前有 {times} 起事件查实为其所致", f"It was found to be the source of {some}")


PERMIT = Text("已知水质中没有报警的因子", "Its known water has none of the factors in alarm")
