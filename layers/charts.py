"""Figures: one factor's curve with its limits. Gaps stay gaps; above a limit is tinted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from geodata import locales, zone
from geodata.profile import Profile
from geodata.words import Lang, Text
from layers.style import Theme, template, tokens
from twin.factors import Factor

GAP_INTERVALS = 2.5
LIMIT = Text("限值 {value}", "limit {value}")
LOW_LIMIT = Text("下限 {value}", "low limit {value}")
PROFILE = Text("纵断面", "Longitudinal profile")
GROUND = Text("地面", "ground")
CROWN = Text("管顶或岸顶", "crown or bank")
WATER_LEVEL = Text("水位（日常）", "water (usual)")
BOTTOM = Text("管底或河底", "invert or bed")
NO_DATA = Text("这段时间没有读数", "No readings in this time")

Floats = NDArray[np.float64]
Moments = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Line:
    """What is drawn: moments (park ms), values in the factor's unit, limits or None."""

    at_ms: Moments
    value: Floats
    low: float | None = None
    high: float | None = None


def curve(
    line: Line,
    factor: Factor,
    window: tuple[int, int],
    *,
    interval_s: float,
    lang: Lang = "zh",
    theme: Theme = "dark",
    wall: bool = False,
) -> go.Figure:
    """Return one factor over time.

    Parameters
    ----------
    window : tuple of int
        First and last moment shown, park ms, whether or not there are readings.
    interval_s : float
        Usual distance of two readings; where more than 2.5 of it is missing the line is broken.
    """
    t = tokens(theme)
    figure = go.Figure(
        layout={
            "template": template(theme, wall=wall),
            "uirevision": factor.code,
            "separators": separators(lang),
        }
    )
    at_ms, value = broken(line.at_ms, line.value, interval_s)
    x = [local(ms) for ms in at_ms.tolist()]
    if line.high is not None and len(value):
        _tint(figure, x, value, line.high, t["lv-alarm-bg"])
    figure.add_scatter(
        x=x,
        y=[None if np.isnan(v) else v for v in value.tolist()],
        mode="lines",
        line={"color": t["chart-1"], "width": 2.2 if wall else 1.6},
        connectgaps=False,
        hovertemplate=f"%{{y:.{factor.decimals}f}} {factor.unit}<extra></extra>",
    )
    _last(figure, line, factor, t["chart-1"], t["lv-alarm"])
    for limit, words, side in ((line.high, LIMIT, "top right"), (line.low, LOW_LIMIT, "bottom right")):
        if limit is not None:
            figure.add_hline(
                y=limit,
                line={"color": t["chart-limit"], "width": 1.2, "dash": "dash"},
                annotation={
                    "text": words.fill(value=factor.show(limit)).say(lang),
                    "font": {"color": t["lv-alarm-text"], "size": 18 if wall else 12},
                    "bgcolor": t["surface-1"],
                    "borderpad": 1,
                },
                annotation_position=side,
            )
    figure.update_xaxes(range=[local(window[0]), local(window[1])], tickformat="%H:%M", nticks=7)
    figure.update_yaxes(range=span(line), tickformat=f".{min(factor.decimals, 2)}~f")
    if not len(line.value):  # axes without a curve would only invent figures
        figure.update_xaxes(type="date")
        figure.update_yaxes(showticklabels=False, showgrid=False)
        figure.add_annotation(
            text=NO_DATA.say(lang), showarrow=False, x=0.5, y=0.25, xref="paper", yref="paper"
        )
    return figure


def longitudinal(section: Profile, *, lang: Lang = "zh", theme: Theme = "dark") -> go.Figure:
    """Return the section along a way: ground, crown or bank, water, bottom, over the metres passed.

    Levels nobody knows leave a gap; hovering tells node, level and the time the water takes to there.
    """
    t = tokens(theme)
    figure = go.Figure(
        layout={"template": template(theme), "uirevision": "section", "separators": separators(lang)}
    )
    along = np.column_stack([section.chainage_m[:-1], section.chainage_m[1:]])
    x = np.column_stack([along, along[:, 1]]).ravel()  # every link ends in a break: steps stay steps
    gap = np.full(len(along), np.nan)

    def line(levels: Floats, name: Text, colour: str, **style: object) -> None:
        y = np.column_stack([levels, gap]).ravel()
        figure.add_scatter(
            x=x,
            y=[None if np.isnan(v) else round(v, 3) for v in y.tolist()],
            name=name.say(lang),
            mode="lines",
            line={"color": colour, "width": 1.6, **style},
            connectgaps=False,
            hovertemplate="%{y:.2f} m",
        )

    line(section.top_m, CROWN, t["chart-5"])
    line(section.water_m, WATER_LEVEL, t["chart-1"], width=2.2)
    line(section.bottom_m, BOTTOM, t["chart-2"])
    minutes = section.travel_s / 60
    figure.add_scatter(
        x=section.chainage_m,
        y=[None if np.isnan(v) else round(v, 3) for v in section.ground_m.tolist()],
        name=GROUND.say(lang),
        mode="lines+markers",
        line={"color": t["chart-3"], "width": 1.2, "dash": "dot"},
        marker={"size": 3},
        customdata=[[n, f"{m:.0f} min"] for n, m in zip(section.nodes, minutes.tolist(), strict=True)],
        hovertemplate="%{y:.2f} m · %{customdata[0]} · %{customdata[1]}",
    )
    legend = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}
    figure.update_layout(showlegend=True, legend=legend, margin={"l": 48, "r": 16, "t": 24, "b": 28})
    figure.update_xaxes(ticksuffix=" m", tickformat=",.0f", nticks=8)
    figure.update_yaxes(ticksuffix=" m", tickformat=".1f")
    return figure


def broken(at_ms: Moments, value: Floats, interval_s: float) -> tuple[Moments, Floats]:
    """Put a value that is no number into every gap longer than 2.5 intervals."""
    if len(at_ms) < 2:
        return at_ms, value
    gap = np.flatnonzero(np.diff(at_ms) > GAP_INTERVALS * interval_s * 1000) + 1
    return np.insert(at_ms, gap, at_ms[gap] - 1), np.insert(value, gap, np.nan)


def span(line: Line) -> list[float] | None:
    """Return the range of y: the values, and a limit if it is not far away from them."""
    good = line.value[np.isfinite(line.value)]
    if not len(good):
        return None
    low, high = float(good.min()), float(good.max())
    room = max(high - low, abs(high) * 0.1, 1e-6)
    if line.high is not None and line.high < high + 4 * room:
        high = max(high, line.high)
    if line.low is not None and line.low > low - 4 * room:
        low = min(low, line.low)
    pad = 0.14 * max(high - low, room)
    return [max(0.0, low - pad) if low >= 0 else low - pad, high + 1.4 * pad]


def separators(lang: Lang) -> str:
    """Return the decimal sign and what parts thousands, as plotly takes them."""
    signs = locales.signs(lang)
    return signs["."] + signs[","]


def local(ms: int) -> str:
    """Return a moment in the park's own time, as plotly reads it."""
    return zone.at_s(ms / 1000).strftime("%Y-%m-%dT%H:%M:%S")


def _tint(figure: go.Figure, x: list[str], value: Floats, high: float, colour: str) -> None:
    over = np.where(value > high, value, high)
    if not (value > high).any():
        return
    blank = [None if np.isnan(v) else float(o) for v, o in zip(value, over, strict=True)]
    figure.add_scatter(x=x, y=[high] * len(x), mode="lines", line={"width": 0}, hoverinfo="skip")
    figure.add_scatter(
        x=x, y=blank, mode="lines", line={"width": 0}, fill="tonexty", fillcolor=colour, hoverinfo="skip"
    )


def _last(figure: go.Figure, line: Line, factor: Factor, usual: str, over: str) -> None:
    good = np.flatnonzero(np.isfinite(line.value))
    if not len(good):
        return
    k = int(good[-1])
    loud = line.high is not None and line.value[k] > line.high
    figure.add_scatter(
        x=[local(int(line.at_ms[k]))],
        y=[float(line.value[k])],
        mode="markers",
        marker={"size": 7, "color": over if loud else usual},
        hoverinfo="skip",
    )
