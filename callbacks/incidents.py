"""The incidents: their list, and the head of the one that is open on the desk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from dash import dcc, html

from callbacks import panel, response, wording
from geodata.words import Lang, Text
from twin.model import Incident, IncidentState, Level

TITLE = Text("事件", "Incidents")
REPORT_S = 4 * 3600.0
"""First report of grades III and IV, from when the incident is known (MEP order 17 of 2011)."""

LIVE = (IncidentState.OPEN, IncidentState.CONTAINED)


def level_of(incident: Incident) -> Level:
    """Return the level an incident is shown with: what is over no longer alarms."""
    if incident.state is IncidentState.CLOSED:
        return Level.NORMAL
    return Level.OFFLINE if incident.state is IncidentState.FAULT else incident.level


def pick(incidents: Sequence[Incident], wanted: str) -> Incident | None:
    """Return the incident of that id; the newest live one, or the newest, where none is named."""
    for incident in incidents:
        if incident.id == wanted:
            return incident
    live = [i for i in incidents if i.state in LIVE]
    return next(iter(live or incidents), None)


def _row(incident: Incident, on: bool, now: datetime, lang: Lang) -> Any:
    title = html.P(
        [
            html.B(incident.title.say(lang)),
            html.Time(wording.moment(incident.opened, now, lang), title=wording.hms(incident.opened)),
        ],
        className="t",
    )
    drill = Text("演练 · ", "drill · ").say(lang) if incident.drill else ""
    detail = html.P(
        [html.Span(drill + incident.id), html.I(wording.STATES[incident.state].say(lang))], className="d"
    )
    link = dcc.Link(
        [panel.mark(level_of(incident), lang), html.Div([title, detail])],
        href=f"/emergency/{incident.id}",
        className="il-a",
    )
    return html.Li(link, className="on" if on else "", **(panel.attrs(aria_current="true") if on else {}))


def listing(incidents: Sequence[Incident], shown: str, now: datetime, lang: Lang) -> Any:
    """Return the list of incidents, newest first, the one on the desk marked."""
    if not incidents:
        none = Text("没有事件", "No incident on record")
        return panel.region(TITLE, lang, [panel.empty(none, lang)], name="em-il")
    live = sum(i.state in LIVE for i in incidents)
    note = Text("进行中 {n}", "{n} open").fill(n=live)
    rows = [_row(i, i.id == shown, now, lang) for i in incidents]
    return panel.region(TITLE, lang, [html.Ul(rows, className="il")], name="em-il", note=note.say(lang))


LAST: dict[str, tuple[Text, Text]] = {
    "none": (Text("关闸方案", "gate plans"), Text("计算中", "on the way")),
    "moving": (Text("闸门", "gates"), Text("动作中", "moving")),
    "held": (Text("闸门", "gates"), Text("已关闭", "closed")),
    "opened": (Text("闸门", "gates"), Text("复位中", "opening again")),
    "late": (Text("方案各闸", "the plan's gates"), Text("来不及", "too late")),
}
"""What stands in place of the countdown when no gate waits for people."""


def next_clock(waits: Sequence[response.Action], outcome: str, lang: Lang) -> Any:
    """Return the countdown to the first gate that waits for people.

    Every gate that waits is written, soonest first; the style sheet shows the first whose time is not past,
    so the next one takes its place without a word from the server.
    """
    items = [
        html.Div(
            [
                html.Span(
                    Text("{g} 最晚关闸", "{g} close by").fill(g=a.gate).say(lang)
                    + f" {wording.hm(a.move.close_by)}"
                ),
                panel.until(a.move.close_by, "tx-warning"),
            ],
            className="clk act",
        )
        for a in waits
    ]
    label, word = LAST["late" if waits else outcome]
    items.append(
        html.Div([html.Span(label.say(lang)), html.B(word.say(lang))], className="clk act last quiet")
    )
    return html.Div(items, className="acts")


def report_clock(incident: Incident, lang: Lang) -> Any:
    """Return the countdown to the first report."""
    due = incident.opened + timedelta(seconds=REPORT_S)
    title = Text(
        "一般、较大事件发现后 4 小时内初报（环境保护部令第 17 号）",
        "grades III and IV: first report within 4 hours (MEP order 17)",
    )
    label = Text("初报时限", "report due").say(lang) + f" {wording.hm(due)}"
    return html.Div([html.Span(label), panel.until(due, "plain")], className="clk rep", title=title.say(lang))


def head(
    incident: Incident,
    first: datetime,
    waits: Sequence[response.Action],
    outcome: str,
    lang: Lang,
) -> Any:
    """Return the head of the desk: what it is, since when, how long is left.

    Parameters
    ----------
    first : datetime
        Onset of the first anomaly.
    waits : sequence of Action
        Gates that wait for people, soonest first.
    outcome : str
        Where the plan stands once nobody is waited for; see `response.outcome`.
    """
    live = incident.state in LIVE
    facts: list[Any] = [
        html.B(wording.STATES[incident.state].say(lang)),
        html.Span(incident.id),
        html.Span(f"{wording.hms(first)} {Text('首次异常', 'first anomaly').say(lang)}"),
    ]
    if live:
        facts.append(html.Span([Text("已持续 ", "for ").say(lang), panel.since(first)]))
    else:
        length = (incident.updated - first).total_seconds()
        facts.append(html.Span(Text("历时 {s}", "lasted {s}").fill(s=wording.span(length, lang)).say(lang)))
    if incident.drill:
        facts.insert(0, html.Span(Text("演练", "Drill").say(lang), className="tag sim"))
    clocks = [next_clock(waits, outcome, lang), report_clock(incident, lang)] if live else []
    return html.Section(
        [
            panel.mark(level_of(incident), lang),
            html.Div([html.H1(incident.title.say(lang)), html.P(facts)], className="ttl-t"),
            html.Div(clocks, className="clks"),
        ],
        className="ttl",
        **panel.attrs(aria_label=incident.title.say(lang), data_level=level_of(incident).name.lower()),
    )
