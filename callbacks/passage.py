"""Sentences on a plume: how long it stays at each place, and whether stations see it as foretold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dash import html

from callbacks import wording
from geodata.places import Gate, Receptor, Station
from geodata.words import Lang, Text
from twin.model import Arrival, PlanSet, Sighting

PASSAGE = Text("峰值与退尽", "Peak and end")
SEEN = Text("预测与实测", "Foretold and seen")
AS_TOLD = Text("符合", "as foretold")
ANEW = Text("不符，已重算", "not as foretold, reckoned anew")
MOST = 8


def details(
    planset: PlanSet | None,
    gates: Mapping[str, Gate],
    receptors: Mapping[str, Receptor],
    stations: Mapping[str, Station],
    now: datetime,
    lang: Lang,
) -> list[Any]:
    """Return the sentences of places and of stations, each folded under its own heading."""
    if planset is None:
        return []
    names = {**{g: v.name for g, v in gates.items()}, **{r: v.name for r, v in receptors.items()}}
    known = [a for a in planset.arrivals if a.peak is not None or a.middle <= now]
    places = [told(a, names.get(a.place), now) for a in known][:MOST]
    seen = [compared(s, stations.get(s.station)) for s in planset.sightings[-MOST:]]
    off = sum(not s.expected for s in planset.sightings)
    tally = Text("{n} 站，{k} 站不符", "{n} stations, {k} off").fill(n=len(planset.sightings), k=off)
    return [
        html.Details(
            [
                html.Summary([head.say(lang), _small(note, lang)], className="sd"),
                html.Ul([html.Li(t.say(lang), className=tone) for t, tone in rows]),
            ],
            className="psg",
        )
        for head, note, rows in (
            (PASSAGE, None, [(t, "") for t in places]),
            (SEEN, tally, seen),
        )
        if rows
    ]


def _small(note: Text | None, lang: Lang) -> Any:
    return None if note is None else html.Span(f" {note.say(lang)}")


def told(a: Arrival, name: Text | None, now: datetime) -> Text:
    """Say when the front comes or came, when it is strongest and when it is over, as far as that is known."""
    place = Text(a.place, a.place)
    if name is not None:
        place = Text(f"{a.place} {name.zh}", f"{a.place} {name.en}")
    front = Text("前锋 {a}–{z}", "front {a}–{z}").fill(a=wording.hm(a.early), z=wording.hm(a.late))
    if a.middle <= now:
        front = Text("前锋已过（约 {m}）", "front passed at about {m}").fill(m=wording.hm(a.middle))
    if a.peak is None or a.tail is None:
        return Text("{place}：{front}", "{place}: {front}").fill(place=place, front=front)
    strong = a.mg_l or (0.0, 0.0, 0.0)
    return Text(
        "{place}：{front}；峰值约 {m}（{pa}–{pz}），{low}–{high} mg/L；{ta}–{tz} 退尽",
        "{place}: {front}; peak about {m} ({pa}–{pz}), {low}–{high} mg/L; gone by {ta}–{tz}",
    ).fill(
        place=place,
        front=front,
        m=wording.hm(a.peak[1]),
        pa=wording.hm(a.peak[0]),
        pz=wording.hm(a.peak[2]),
        ta=wording.hm(a.tail[0]),
        tz=wording.hm(a.tail[2]),
        low=_strong(strong[0]),
        high=_strong(strong[2]),
    )


def _strong(mg_l: float) -> Text:
    return wording.Figure(wording.number, mg_l, 0 if mg_l >= 10 else 1 if mg_l >= 1 else 2)


def compared(s: Sighting, station: Station | None) -> tuple[Text, str]:
    """Say when a station was to see the plume, when it did, and by how much that was early or late."""
    minutes = (s.seen - s.middle).total_seconds() / 60
    by = f"{abs(minutes):.0f}"
    off = (
        Text("早 {n} 分", "{n} min early").fill(n=by)
        if minutes < 0
        else Text("晚 {n} 分", "{n} min late").fill(n=by)
    )
    if abs(minutes) < 0.5:
        off = Text("正点", "on time")
    verdict = (
        Text("符合", "as foretold") if s.expected else Text("不符，已重算", "not as foretold, reckoned anew")
    )
    name = station.name if station is not None else Text(s.station, s.station)
    said = Text(
        "{name}：预计 {a}–{z}，实测 {t}，{off}，{verdict}",
        "{name}: foretold {a}–{z}, seen {t}, {off}, {verdict}",
    ).fill(
        name=name,
        a=wording.hm(s.early),
        z=wording.hm(s.late),
        t=wording.hm(s.seen),
        off=off,
        verdict=verdict,
    )
    return said, "" if s.expected else "tx-warning"
