"""The flood lock on the desk: shown big while it stands, set, lifted and overridden by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from dash import html

from callbacks import panel, wording
from callbacks.signing import Desk, Outcome, Signature, announced, identified
from geodata.places import Gate
from geodata.words import Lang, Text
from twin.approval import NEEDED
from twin.errors import MissingError, RefusedError, UnavailableError
from twin.floodlock import EVERY, FloodBook, FloodLock, Override
from twin.records import Records

TITLE = Text("防汛锁定", "Flood lock")
ALL = Text("全园", "Whole park")
NONE = Text("没有防汛锁定", "No flood lock stands")
BIG = Text("防汛锁定 {what}：不得关闸", "Flood lock, {what}: no gate may close")
SET = Text("设置锁定", "Set the lock")
LIFT = Text("解除锁定", "Lift the lock")
OVERRIDE = Text("本事件越过锁定", "Override for this incident")
RULE = Text(
    "设置、解除：一人署名。越过：两人署名，其中须有指挥；之后关闸仍须双人批准",
    "Set and lift: one name. Override: two names, a commander among them; closing still needs two approvals",
)


def names(locks: Iterable[FloodLock], lang: Lang) -> str:
    """Return what locks hold, in words."""
    held = [ALL.say(lang) if k.gate == EVERY else k.gate for k in locks]
    return ("、" if lang == "zh" else ", ").join(held)


def banner(
    locks: Sequence[FloodLock], overrides: Sequence[Override], users: Mapping[str, Text], lang: Lang
) -> Any:
    """Return the bar that nobody can miss; nothing where no lock stands."""
    if not locks:
        return None
    said = [_who(k, users, lang) for k in locks]
    given = [o.gate for o in overrides if o.holds]
    free = Text("已越过：{g}", "overridden: {g}").fill(
        g="、".join(given) if lang == "zh" else ", ".join(given)
    )
    return html.Div(
        [
            html.B(BIG.fill(what=names(locks, lang)).say(lang)),
            html.Span(" · ".join(said)),
            html.Em(free.say(lang)) if given else None,
        ],
        className="fl-bar",
        role="alert",
    )


def _who(lock: FloodLock, users: Mapping[str, Text], lang: Lang) -> str:
    who = users[lock.by].say(lang) if lock.by in users else lock.by
    return f"{who} {wording.hm(lock.at)} {lock.reason}"


def show(
    locks: Sequence[FloodLock], overrides: Sequence[Override], users: Mapping[str, Text], lang: Lang
) -> Any:
    """Return the locks in force and how far overrides are."""
    if not locks:
        return panel.empty(NONE, lang)
    rows = [
        html.Li([html.B(names([k], lang)), html.Span(_who(k, users, lang))], className="fl-row")
        for k in locks
    ]
    for o in overrides:
        if o.lock in {k.id for k in locks}:
            who = "、".join(users[a.user].say(lang) if a.user in users else a.user for a in o.approvals)
            word = (
                Text("已越过", "overridden")
                if o.holds
                else Text("越过待 {n} 人", "override: {n} more must agree").fill(n=NEEDED - len(o.approvals))
            )
            rows.append(
                html.Li(
                    [html.B(o.gate), html.Span(f"{word.say(lang)} {who}")],
                    className="fl-row tx-warning" if not o.holds else "fl-row",
                )
            )
    return html.Ul(rows)


def options(gates: Sequence[Gate], lang: Lang) -> list[dict[str, str]]:
    """Return what a lock can be set on."""
    return [
        {"label": ALL.say(lang), "value": EVERY or "*"},
        *({"label": g.id, "value": g.id} for g in gates),
    ]


def press(
    desk: Desk, records: Records, act: str, gate: str, incident: str, mark: Signature, at: datetime
) -> Outcome:
    """Set, lift or override, by the person whose name and password these are.

    Parameters
    ----------
    act : str
        set, lift or override.
    gate : str
        A gate's id, or `*` for the whole park.
    """
    gate = EVERY if gate == "*" else gate
    try:
        person = identified(desk, mark, "flood", incident, at)
        if isinstance(person, Outcome):
            return person
        book = FloodBook(records)
        if act == "set":
            lock = book.set(gate, person, mark.reason, at)
            said = BIG.fill(what=Text(names([lock], "zh"), names([lock], "en")))
        elif act == "lift":
            lock = next((k for k in book.standing() if k.gate == gate), None) or _none(gate)
            book.lift(lock.id, person, mark.reason, at)
            said = Text("已解除 {what}", "lifted: {what}").fill(
                what=Text(names([lock], "zh"), names([lock], "en"))
            )
        else:
            if gate == EVERY:
                return Outcome(False, Text("越过须指明一座闸", "An override is for one gate: pick it"))
            done = book.override(gate, incident, person, mark.reason, at)
            said = (
                Text("{g} 已由两人越过防汛锁定", "{g}: the flood lock is overridden by two people")
                if all(o.holds for o in done)
                else Text("{g} 越过待第二人", "{g}: a second person must agree to the override")
            ).fill(g=gate)
        announced(desk, "flood.changed", incident, at)
        return Outcome(True, said)
    except (RefusedError, MissingError) as error:
        return Outcome(False, error.text if isinstance(error, RefusedError) else NONE)
    except UnavailableError:
        return Outcome(False, Text("记录库没有应答，未记录", "The records do not answer"))


def _none(gate: str) -> FloodLock:
    raise MissingError(f"no flood lock on {gate or 'the park'}")
