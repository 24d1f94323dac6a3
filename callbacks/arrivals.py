"""When the plume gets where: one time axis with slack, close-by time, stroke and the 5-50-95 % band.

Everything is laid out in percent of the axis. The axis says its own ends (`data-from`, `data-to`), and the
browser moves the line of now along it between two visits to the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dash import html

from callbacks import panel, plans, response, wording
from geodata.places import Gate, Receptor
from geodata.words import Lang, Text
from twin.clock import as_ms
from twin.model import Arrival, GateMove, GatePlan, GateState, PlanSet, Suspect

TITLE = Text("到达时间与最晚关闸", "Arrival and close-by times")
STEPS_MIN = (5, 10, 15, 30, 60, 120, 180, 360, 720)
WORDY = 16.0  # percent of the axis that a band must have to hold its own words
SOON_S = 1800.0
"""A deadline nearer than this is drawn in the colour of a warning."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of park time, laid out from 0 to 100 percent."""

    start: datetime
    end: datetime

    def at(self, moment: datetime) -> float:
        """Return where a moment lies, percent, kept within the axis."""
        whole = (self.end - self.start).total_seconds()
        return min(max((moment - self.start).total_seconds() / whole * 100, 0.0), 100.0)

    def holds(self, moment: datetime) -> bool:
        """Tell whether a moment lies on the axis."""
        return self.start <= moment <= self.end

    def ticks(self, most: int = 9) -> list[datetime]:
        """Return round local times along the axis, `most` at most."""
        minutes = (self.end - self.start).total_seconds() / 60
        step = next((s for s in STEPS_MIN if minutes / s <= most), STEPS_MIN[-1])
        first = wording.local(self.start).replace(second=0, microsecond=0)
        first -= timedelta(minutes=(first.hour * 60 + first.minute) % step)
        found, tick = [], first
        while tick <= self.end:
            if tick >= self.start:
                found.append(tick)
            tick += timedelta(minutes=step)
        return found


def axis_of(moments: Sequence[datetime], before: float = 0.04, after: float = 0.04) -> Axis:
    """Return an axis that holds every moment, with some room at both ends and ten minutes at least."""
    start, end = min(moments), max(moments)
    whole = max((end - start).total_seconds(), 600.0)
    return Axis(start - timedelta(seconds=whole * before), start + timedelta(seconds=whole * (1 + after)))


def _pct(value: float) -> str:
    return f"{value:.2f}%"


def rows_of(
    planset: PlanSet, plan: GatePlan | None, receptors: Mapping[str, Receptor], most: int = 5
) -> list[tuple[Arrival, GateMove | None]]:
    """Return what the chart shows: the plan's gates in order of closing, then the receptors reached first."""
    moves = [(m.arrival, m) for m in plan.moves] if plan else []
    ends = [(a, None) for a in planset.arrivals if a.place in receptors]
    room = max(1, most - len(moves))
    return [*moves, *ends[:room]][:most] if moves else [(a, None) for a in planset.arrivals[:most]]


def _name(place: str, gates: Mapping[str, Gate], receptors: Mapping[str, Receptor], lang: Lang) -> Any:
    if place in gates:
        return [html.B(place), html.Span(gates[place].name.say(lang))]
    return [html.B(receptors[place].name.say(lang) if place in receptors else place)]


def _row(
    arrival: Arrival,
    move: GateMove | None,
    axis: Axis,
    now: datetime,
    label: Any,
    standing: str,
    flip: float,
    lang: Lang,
) -> Any:
    early, middle, late = axis.at(arrival.early), axis.at(arrival.middle), axis.at(arrival.late)
    band_text = f"{wording.hm(arrival.early)} – {wording.hm(arrival.late)}"
    if move is not None and (word := _word(move, now, standing)) is not None:
        band_text += f"　{word.say(lang)}"
    slack = [] if move is None else _slack(move, axis, now, standing, lang)
    marks: list[Any] = [
        html.I(className="band", style={"left": _pct(early), "width": _pct(max(late - early, 0.4))}),
        html.I(className="mid", style={"left": _pct(middle)}),
        _when(band_text, early, late, flip, within=bool(slack)),
    ]
    return html.Div(
        [html.Div(label, className="arr-n"), html.Div([*slack, *marks], className="arr-t")],
        className=f"arr-r {standing}",
        title=_title(arrival, move, lang),
    )


def _when(text: str, early: float, late: float, flip: float, *, within: bool) -> Any:
    """Return a band's words: behind it; where there is no room before it, or in it if a close-by is there."""
    if late < flip:
        return html.Span(text, className="when", style={"left": _pct(late)})
    if within and late - early > WORDY:
        return html.Span(text, className="when in", style={"right": _pct(100 - late)})
    return html.Span(text, className="when left", style={"right": _pct(100 - early)})


def _title(arrival: Arrival, move: GateMove | None, lang: Lang) -> str:
    text = Text(
        "到达 {a}，中值 {m}，最晚 {z}，{p}% 会到", "arrives {a}, middle {m}, latest {z}, {p}% gets there"
    ).fill(
        a=wording.hm(arrival.early),
        m=wording.hm(arrival.middle),
        z=wording.hm(arrival.late),
        p=wording.percent(arrival.share, lang=lang),
    )
    return text.say(lang) if move is None else f"{plans.reckoning(move, lang)}. {text.say(lang)}"


def _word(move: GateMove, now: datetime, standing: str) -> Text | None:
    """Say why a gate has no deadline any more; None while it has one."""
    if standing == "shut":
        return Text("已关", "closed")
    if move.too_late:
        return Text("来不及", "too late")
    return Text("时限已过", "past") if move.close_by <= now else None


def _slack(move: GateMove, axis: Axis, now: datetime, standing: str, lang: Lang) -> list[Any]:
    """The bar from now to close-by, the tick of close-by, and the box of decision and stroke behind it."""
    by = axis.at(move.close_by)
    need = axis.at(move.close_by + timedelta(seconds=move.stroke_s + move.decision_s))
    if standing == "shut" or move.too_late or move.close_by <= now:
        return []  # nothing left to count down to; the word stands beside the band
    text = Text("{t} 前关", "by {t}").fill(t=wording.hm(move.close_by)).say(lang)
    soon = (move.close_by - now).total_seconds() <= SOON_S
    hot = " hot" if soon else ""
    return [
        html.I(className=f"slack{hot}", style={"right": _pct(100 - by)}),
        html.I(className="need", style={"left": _pct(by), "width": _pct(max(need - by, 0.2))}),
        html.I(className=f"cb{hot}", style={"left": _pct(by)}),
        html.Span(text, className=f"by{hot}", style={"right": _pct(100 - by)})
        if by - axis.at(now) > 14
        else None,
    ]


def _legend(lang: Lang) -> Any:
    items = (
        ("slack", Text("可用时间", "time left")),
        ("need", Text("决策与行程", "decision, stroke")),
        ("band", Text("到达 5–50–95%", "arrival 5–50–95%")),
    )
    return html.P([html.Span([html.I(className=c), t.say(lang)]) for c, t in items], className="arr-k")


def chart(
    planset: PlanSet | None,
    plan: GatePlan | None,
    *,
    gates: Mapping[str, Gate],
    receptors: Mapping[str, Receptor],
    states: Mapping[str, GateState],
    now: datetime,
    lang: Lang,
    most: int = 5,
    flip: float = 80.0,
) -> Any:
    """Return the arrival chart: gates of a plan, then receptors, on one axis from now to the last arrival.

    Parameters
    ----------
    most : int
        Rows at most.
    flip : float
        Percent of the axis from which on a band's words stand before it.
    """
    if planset is None:
        return panel.region(
            TITLE,
            lang,
            [panel.waiting(Text("正在推算到达时间", "Working out arrivals"), lang, 3)],
            name="arr",
        )
    rows = rows_of(planset, plan, receptors, most)
    if not rows:
        none = Text("推算不会到达任何闸或敏感点", "No gate or receptor is expected to be reached")
        return panel.region(TITLE, lang, [panel.empty(none, lang)], name="arr")
    axis = axis_of([now, *(a.early for a, _ in rows), *(a.late for a, _ in rows)], before=0.05, after=0.06)
    lines = []
    for arrival, move in rows:
        # A gate may close for water that reaches another one first.
        place = arrival.place if move is None else move.gate
        standing = "shut" if response.is_shut(states.get(place)) else ""
        label = _name(place, gates, receptors, lang)
        lines.append(_row(arrival, move, axis, now, label, standing, flip, lang))
    body = html.Div([*lines, _grid(axis, now, lang)], className="arr-b", **_ends(axis, now))
    return panel.region(TITLE, lang, [body], name="arr", note=_legend(lang))


def _ends(axis: Axis, now: datetime) -> dict[str, Any]:
    return {
        "data-from": str(as_ms(axis.start)),
        "data-to": str(as_ms(axis.end)),
        "style": {"--now": _pct(axis.at(now))},
    }


def _grid(axis: Axis, now: datetime, lang: Lang) -> Any:
    thin = panel.attrs(data_thin="")
    ticks = [
        html.Span(wording.hm(t), className="tick", style={"left": _pct(axis.at(t))}, **thin)
        for t in axis.ticks()
    ]
    word = html.Span(Text("现在", "now").say(lang), **panel.attrs(data_thin=""))
    line = html.I(word, className="now")
    return html.Div([line, *ticks], className="arr-g", **panel.attrs(aria_hidden="true"))


def strip(
    planset: PlanSet | None,
    suspect: Suspect | None,
    first: datetime,
    *,
    receptors: Mapping[str, Receptor],
    now: datetime,
    lang: Lang,
) -> Any:
    """Return the strip under the map: what was (release, first alarm) and what is to come (arrivals)."""
    marks: list[tuple[datetime, str, str]] = [(first, Text("首报", "alarm").say(lang), "ev")]
    if suspect is not None:
        middle = suspect.release_from + (suspect.release_to - suspect.release_from) / 2
        if middle <= first:  # before a shape is known the window reaches into what is to come
            marks.insert(0, (middle, Text("推算排放", "release").say(lang), "ev est"))
    for arrival in _spaced(planset):
        at = receptors[arrival.place].name.say(lang) if arrival.place in receptors else arrival.place
        marks.append((arrival.middle, at, "ar"))
    axis = axis_of([now, *(m for m, _, _ in marks)], before=0.06, after=0.08)
    points = [
        html.Span(
            [html.B(text, **panel.attrs(data_thin="")), html.I(className=name)],
            className="pt",
            style={"left": _pct(axis.at(moment))},
            title=f"{text} {wording.hm(moment)}",
        )
        for moment, text, name in marks
    ]
    return html.Div(
        [html.I(className="past"), html.I(className="future"), _grid(axis, now, lang), *points],
        className="strip",
        role="img",
        **panel.attrs(aria_label=Text("事件时间轴", "Timeline of the incident").say(lang)),
        **_ends(axis, now),
    )


def _spaced(planset: PlanSet | None, most: int = 5) -> list[Arrival]:
    """Return the arrivals worth a mark: those far enough apart to be read."""
    if planset is None or not planset.arrivals:
        return []
    whole = (planset.arrivals[-1].middle - planset.arrivals[0].middle).total_seconds()
    found: list[Arrival] = []
    for arrival in sorted(planset.arrivals, key=lambda a: a.middle):
        if not found or (arrival.middle - found[-1].middle).total_seconds() >= whole / 10:
            found.append(arrival)
    return found[:most]
