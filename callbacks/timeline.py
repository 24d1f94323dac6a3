"""The timeline of an incident: what people did (audit), what machines found (nouns), what is estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dash import html

from callbacks import panel, photo_pick, response, wording
from geodata.places import Station
from geodata.words import Lang, Text
from twin.factors import factor
from twin.model import Anomaly, AuditLine, Command, CommandState, Incident, Kind, PlanSet, Ranking, WhatIf
from twin.notes import ADDED, Note

TITLE = Text("时间线", "Timeline")
KINDS: dict[Kind, Text] = {
    Kind.EXCEEDANCE: Text("超标", "over limit"),
    Kind.DEVIATION: Text("偏离基线", "off baseline"),
    Kind.FROZEN: Text("读数冻结", "frozen"),
    Kind.RANGE: Text("超量程", "out of range"),
    Kind.OFFLINE: Text("离线", "offline"),
    Kind.SUSPECT: Text("疑似仪表故障", "check instrument"),
}
NOTE = Text("自动记录，不可删改", "kept as it happened")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: when, what, how it reads (`a` alarm, `k` a person's act, `e` estimated), a photo's hash."""

    at: datetime
    text: Text
    tone: str = ""
    photo: str = ""


def _limit(anomaly: Anomaly) -> Text:
    if anomaly.kind is not Kind.EXCEEDANCE or anomaly.limit is None:
        return Text("，{k}", ", {k}").fill(k=KINDS[anomaly.kind])
    decimals = factor(anomaly.point.factor).decimals
    return Text("，限值 {v}", ", limit {v}").fill(v=wording.Figure(wording.number, anomaly.limit, decimals))


def of_anomaly(anomaly: Anomaly, stations: Mapping[str, Station]) -> Line:
    """Say what a point did when it left what it should be."""
    what = factor(anomaly.point.factor)
    station = anomaly.point.station
    where = stations[station].name if station in stations else Text(station, station)
    text = Text("{s} {w} {f} {v}{u}{l}", "{s} {w}: {f} {v}{u}{l}").fill(
        s=station,
        w=where,
        f=what.short,
        v=wording.Figure(wording.number, anomaly.value, what.decimals),
        u=f" {what.unit}" if what.unit else "",
        l=_limit(anomaly),
    )
    return Line(anomaly.since, text, "a")


def of_ranking(ranking: Ranking, names: Mapping[str, Text]) -> Line:
    """Say who led when a ranking was made."""
    if not ranking.suspects:
        return Line(ranking.at, Text("疑似源排序：无可达企业", "Ranking: no enterprise can have done it"))
    first = ranking.suspects[0]
    who = names.get(first.enterprise, Text(first.enterprise, first.enterprise))
    text = Text("疑似源排序，首位 {w} {p}%", "Sources ranked, first {w} {p}%")
    return Line(ranking.at, text.fill(w=who, p=wording.Figure(wording.percent, first.probability)))


def of_plans(planset: PlanSet) -> Line:
    """Say how many plans there were."""
    n = len(planset.plans)
    if not n:
        return Line(planset.at, Text("推算：没有来得及的关闸方案", "No gate plan is in time"))
    return Line(planset.at, Text("生成 {n} 个关闸方案", "gate plans made: {n}").fill(n=n))


def _arrived(command: Command) -> Text:
    if command.target <= response.SHUT:
        return Text("{g} 关闭到位", "{g} closed")
    return Text("{{g}} 开到 {p}", "{{g}} open to {p}").fill(p=f"{command.target:.0%}")


def of_command(command: Command) -> list[Line]:
    """Say when a gate was told and when it had moved."""
    lines = []
    if command.sent_at is not None:
        text = Text("{g} 指令已送达闸控", "{g}: order at the gate's controller").fill(g=command.gate)
        lines.append(Line(command.sent_at, text))
    if command.done_at is not None:
        failed = command.state is CommandState.FAILED
        text = Text("{g} 未到位", "{g} did not arrive") if failed else _arrived(command)
        lines.append(Line(command.done_at, text.fill(g=command.gate), "a" if failed else "g"))
    return lines


def of_whatif(whatif: WhatIf) -> Line:
    """Say what the hydraulic check found."""
    text = Text(
        "水力核算：到达敏感点 {a} → {b} kg", "Hydraulic check: {a} → {b} kg reach the receptors"
    ).fill(
        a=wording.Figure(wording.kilograms, sum(whatif.kg_nothing.values())),
        b=wording.Figure(wording.kilograms, sum(whatif.kg_plan.values())),
    )
    return Line(whatif.at, text)


def of_audit(line: AuditLine, users: Mapping[str, Text]) -> Line:
    """Say what a person, or a worker, put on record."""
    who = users.get(line.who)
    if who is None:
        return Line(line.at, line.detail, "k" if line.what.startswith("sign.") else "")
    return Line(line.at, Text("{w}　{d}", "{w}: {d}").fill(w=who, d=line.detail), "k")


def of_note(note: Note, users: Mapping[str, Text]) -> Line:
    """Say what a person wrote."""
    who = users.get(note.by, Text(note.by, note.by))
    words = Text(note.text, note.text) if note.text else photo_pick.PHOTO
    text = Text("{w}　{d}", "{w}: {d}").fill(w=who, d=words)
    return Line(note.at, text, "k", note.photo.sha256 if note.photo else "")


def lines(
    incident: Incident,
    *,
    anomalies: Sequence[Anomaly],
    rankings: Sequence[Ranking],
    planset: PlanSet | None,
    whatifs: Sequence[WhatIf],
    commands: Sequence[Command],
    audits: Sequence[AuditLine],
    notes: Sequence[Note] = (),
    users: Mapping[str, Text],
    names: Mapping[str, Text],
    stations: Mapping[str, Station],
) -> list[Line]:
    """Return every line of an incident, newest first; the same words at the same moment only once."""
    found = [of_anomaly(a, stations) for a in anomalies]
    if rankings:
        found += [
            of_ranking(r, names)
            for r in {rankings[0].at: rankings[0], rankings[-1].at: rankings[-1]}.values()
        ]
        first = rankings[-1].suspects[:1]
        for suspect in first:
            within = suspect.bounds
            early = within.from_early if within else suspect.release_from
            late = within.from_late if within else suspect.release_to
            middle = early + (late - early) / 2
            half = (late - early).total_seconds() / 120
            text = Text("推算开始排放（±{n} 分）", "estimated release (±{n} min)").fill(n=f"{half:.0f}")
            if middle <= incident.opened:  # before a shape is known the window reaches into what is to come
                found.append(Line(middle, text, "e"))
        found += [Line(r.at, r.change.text) for r in rankings if r.change]
    if planset is not None:
        found.append(of_plans(planset))
    found += [of_whatif(w) for w in whatifs[-1:]]
    for command in commands:
        found += of_command(command)
    found += [of_audit(a, users) for a in audits if a.what != ADDED]
    found += [of_note(n, users) for n in notes]
    found.append(Line(incident.opened, Text("立为事件 {i}", "incident {i} opened").fill(i=incident.id), "a"))
    unique = {(line.at.replace(microsecond=0), line.text): line for line in found}
    return sorted(unique.values(), key=lambda line: line.at, reverse=True)


def show(found: Sequence[Line], now: datetime, lang: Lang, most: int = 60) -> Any:
    """Return the timeline, newest first."""
    if not found:
        return panel.region(TITLE, lang, [panel.empty(Text("还没有记录", "Nothing on record yet"), lang)])
    rows = [
        html.Li(
            [
                html.Time(wording.moment(line.at, now, lang), title=wording.hms(line.at)),
                html.Span([line.text.say(lang), photo_pick.link(line.photo, lang) if line.photo else None]),
            ],
            className=line.tone,
        )
        for line in found[:most]
    ]
    return panel.region(TITLE, lang, [html.Ul(rows, className="lg")], name="em-tl", note=NOTE.say(lang))
