"""Own closings on the desk: pick gates and minutes, let the engine run them, compare; plainly simulated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from dash import html

from callbacks import panel, wording
from callbacks.signing import Desk, Outcome, Signature, known
from geodata.places import Park, Receptor
from geodata.words import Lang, Text
from twin.access import Act, User
from twin.approval import same_person
from twin.clock import wall_ms
from twin.errors import RefusedError, UnavailableError
from twin.model import AuditLine, Order, Ranking, to_json
from twin.plan.own_plan import DRAFT, Closing, Draft, DraftState, Told
from twin.plan.source import devices_of
from twin.records import Records

TITLE = Text("自拟关闸推演", "Try your own closings")
SOURCE = "S"
MOST_MIN = 24 * 60.0
HOW = Text(
    "写下几分钟后关（0 为现在），空着不动；推演不动任何闸",
    "Write after how many minutes to close (0 is now), leave the rest empty; nothing moves",
)
WATERMARK = Text("推演 非实况", "SIMULATION, not reality")
STATES: Mapping[DraftState, Text] = {
    DraftState.WAITING: Text("排队中", "waiting"),
    DraftState.RUNNING: Text("推演中", "running"),
    DraftState.DONE: Text("完成", "done"),
    DraftState.FAILED: Text("未完成", "not done"),
    DraftState.CANCELLED: Text("已取消", "cancelled"),
}
LABELS: Mapping[str, Text] = {
    "own": Text("自拟", "Own"),
    "plan": Text("方案", "Plan"),
    "second": Text("次优", "Second best"),
    "nothing": Text("不处置", "Doing nothing"),
}
NOTHING = Text("先写下至少一座闸的分钟数", "Write minutes for at least one gate")
BAD = Text("分钟数须在 0 到 1440 之间", "Minutes are between 0 and 1440")
NO_PLAN = Text("还没有方案，无从比较", "There is no plan yet to compare with")
ASKED = Text("已开始推演 {g}，约半分钟", "Running {g}; about half a minute")
NO_DRAFT = Text("没有这个推演", "There is no such run")
CANCEL = Text("已请求取消推演 {id}", "Asked to cancel run {id}")
ORDERED = re.compile(r"/U(\d+)$")


def ask(
    desk: Desk,
    records: Records,
    park: Park,
    incident: str,
    minutes: Mapping[str, float | None],
    mark: Signature,
    reader: User | None,
    at: datetime,
    spend: Callable[[], None] = lambda: None,
) -> Outcome:
    """Ask the engine for somebody's own closings.

    Parameters
    ----------
    minutes : mapping
        Gate, or `S` for the enterprise's own end, to minutes from now; None where nothing was written.
    reader : User or None
        Who is signed in there; needs to type neither name nor password.
    spend : callable
        Uses up the page's ticket just before anything is written; raises `RefusedError` if it was used.
    """
    written = {g: float(m) for g, m in minutes.items() if m is not None}
    if not written:
        return Outcome(False, NOTHING)
    if any(not 0 <= m <= MOST_MIN for m in written.values()):  # nor what is no number
        return Outcome(False, BAD)
    try:
        person = known(desk, mark, reader, Act.PROPOSE, incident, at)
        if isinstance(person, Outcome):
            return person
        planset, ranking = records.plans(incident), records.ranking(incident)
        if planset is None or ranking is None or not ranking.suspects:
            return Outcome(False, NO_PLAN)
        closings = _closings(park, ranking, written, at)
        if not closings:
            return Outcome(False, NOTHING)
        spend()
        used = [int(m[1]) for d in records.papers(DRAFT, Draft, incident) if (m := ORDERED.search(d.id))]
        number = max(used, default=0) + 1
        draft = Draft(f"{incident}/U{number}", incident, person.name, at, closings, wall_ms=wall_ms())
        while not records.add_paper(DRAFT, draft.id, incident, at, draft):  # somebody else took the number
            number += 1
            draft = Draft(f"{incident}/U{number}", incident, person.name, at, closings, wall_ms=wall_ms())
        said = ASKED.fill(g=_listed(draft))
        records.audit(AuditLine(at, person.name, "draft.asked", incident, said))
        desk.stream.append("commands", to_json(Order("draft.try", at, person.name, about=draft.id)))
        return Outcome(True, said)
    except RefusedError as error:
        return Outcome(False, error.text)
    except UnavailableError:
        return Outcome(False, Text("服务没有应答，未推演", "A server does not answer; nothing was run"))


def cancel(
    desk: Desk,
    records: Records,
    id: str,
    mark: Signature,
    reader: User | None,
    at: datetime,
    spend: Callable[[], None] = lambda: None,
) -> Outcome:
    """Stop a run: whoever asked for it may, and whoever may try closings; parameters as for `ask`."""
    try:
        mine = records.papers(DRAFT, Draft, id.rsplit("/", 1)[0])
        draft = next((d for d in mine if d.id == id), None)
        if draft is None:
            return Outcome(False, NO_DRAFT)
        person: Any = reader
        if reader is None or mark.password or not same_person(reader.name, draft.by):
            person = known(desk, mark, reader, Act.PROPOSE, draft.incident, at)
        if isinstance(person, Outcome):
            return person
        spend()
        said = CANCEL.fill(id=letter(id))
        records.audit(AuditLine(at, person.name, "draft.cancelled", draft.incident, said))
        desk.stream.append("commands", to_json(Order("draft.cancel", at, person.name, about=id)))
        return Outcome(True, said)
    except RefusedError as error:
        return Outcome(False, error.text)
    except UnavailableError:
        return Outcome(False, Text("服务没有应答，未取消", "A server does not answer; nothing was cancelled"))


def _closings(
    park: Park, ranking: Ranking, minutes: Mapping[str, float], at: datetime
) -> tuple[Closing, ...]:
    known = {g.id for g in park.gates}
    found = [Closing(g, at + timedelta(minutes=m)) for g, m in minutes.items() if g in known]
    if SOURCE in minutes:
        when = at + timedelta(minutes=minutes[SOURCE])
        found += [Closing(d.id, when) for d in devices_of(park, ranking.suspects[0].outlet)]
    return tuple(found)


def _listed(draft: Draft) -> Text:
    gates = [c.gate for c in draft.closings]
    return Text("、".join(gates), ", ".join(gates))


def letter(id: str) -> str:
    """Return the short name of a draft: U1."""
    return id.rsplit("/", 1)[-1]


def show(
    drafts: Sequence[Draft],
    receptors: Mapping[str, Receptor],
    lang: Lang,
) -> Any:
    """Return every draft, newest first: what was tried and how it compares."""
    if not drafts:
        return panel.empty(Text("还没有推演", "Nothing tried yet"), lang)
    return html.Div([_draft(d, receptors, lang) for d in reversed(drafts[-6:])])


def _draft(draft: Draft, receptors: Mapping[str, Receptor], lang: Lang) -> Any:
    closings = [f"{c.gate} {wording.hm(c.at)}" for c in draft.closings]
    head = html.Div(
        [
            html.Span(letter(draft.id), className="pk"),
            html.B(("、" if lang == "zh" else ", ").join(closings)),
            html.Span(STATES[draft.state].say(lang), className="mut"),
            html.Span(draft.message.say(lang), className="tx-warning") if draft.message else None,
            _button(Text("取消", "Cancel"), {"type": "em-own-cancel", "index": draft.id}, lang)
            if draft.state in (DraftState.WAITING, DraftState.RUNNING)
            else None,
            _button(Text("提为方案", "Propose"), {"type": "em-pick", "index": f"own|{draft.id}"}, lang)
            if draft.state is DraftState.DONE
            else None,
        ],
        className="ow-head",
    )
    body = [_table(draft.told, receptors, draft.hours, lang)] if draft.told else []
    mark = panel.attrs(data_watermark=WATERMARK.say(lang))
    return html.Article([head, *body], className="ow sim", **mark)


def _button(word: Text, id: dict[str, str], lang: Lang) -> Any:
    return html.Button(word.say(lang), id=id, className="btn s")


def _table(told: Sequence[Told], receptors: Mapping[str, Receptor], hours: float, lang: Lang) -> Any:
    places = sorted({r for t in told for r, kg in t.kg.items() if kg >= 0.01})
    heads = [Text("做法", "Course"), Text("拦住", "Held"), Text("到达 kg", "kg reach")]
    names = [receptors[r].name if r in receptors else Text(r, r) for r in places]
    cells = [html.Th(t.say(lang), scope="col") for t in [*heads, *names, Text("漫堤", "At bank")]]
    rows = []
    for t in told:
        label = LABELS[t.label].say(lang)
        plan = f" {letter(t.plan)}" if t.plan else ""
        gates = f" {' '.join(t.gates)}" if t.gates else ""
        over = f"{wording.number(t.overtops_h, 1, lang=lang)} h" if t.overtops_h is not None else wording.NONE
        rows.append(
            html.Tr(
                [
                    html.Td([html.B(label + plan), html.Span(gates, className="mut")]),
                    html.Td(f"{wording.percent(t.kept, lang=lang)}%", className="num"),
                    html.Td(wording.kilograms(sum(t.kg.values()), lang=lang), className="num"),
                    *[
                        html.Td(wording.kilograms(t.kg.get(r, 0.0), lang=lang), className="num")
                        for r in places
                    ],
                    html.Td(over, className="num tx-alarm" if t.overtops_h is not None else "num"),
                ],
                className="own" if t.label == "own" else "",
            )
        )
    note = Text("水力推演 {h} 小时", "{h} h simulated").fill(h=f"{hours:.0f}")
    return html.Table([html.Caption(note.say(lang)), html.Thead(html.Tr(cells)), html.Tbody(rows)])
