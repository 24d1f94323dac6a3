"""What the check tab shows: how many findings there are, each in words, mends taken, what a mend changes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from dash import html

from callbacks import panel
from callbacks.admin_form import button, pick
from callbacks.admin_park import Candidate, step_of
from callbacks.admin_words import FAULTS, FIELDS, LAYERS, SEVERITIES, word
from callbacks.checking import Checking
from callbacks.pages import data
from callbacks.shell import glyph
from geodata.check.findings import Finding, Severity
from geodata.places import Park
from geodata.versions import Change
from geodata.words import Lang, Text

ROWS = 300  # findings listed at once
LEVEL = {Severity.ERROR: "critical", Severity.WARNING: "alarm", Severity.NOTE: "watch"}


def summary(park: Park, it: Candidate, found: Sequence[Finding], lang: Lang, may_have: bool) -> Any:
    """Return which park is checked, how many findings there are, and the files for who may have them."""
    count = Counter(f.severity for f in found)
    names = {
        "p": Text("现用园区 {v}", "The present park {v}"),
        "w": Text("正在导入的候选 {v}", "The candidate being imported {v}"),
        "v": Text("旧版本 {v}", "The old version {v}"),
    }
    title = (MENDED if it.steps else names[it.base[0]]).fill(v=park.version)
    levels = [html.Li([level(s, lang), SEVERITIES[s].say(lang), html.B(str(count[s]))]) for s in Severity]
    query = quote(json.dumps(it.data(), separators=(",", ":")))
    files = [
        html.A(ending, href=f"/admin/findings.{kind}?candidate={query}", className="link", download="")
        for ending, kind in (("GeoPackage", "gpkg"), ("Excel", "xlsx"))
    ]
    take = html.Span([html.Span(Text("导出", "Export").say(lang)), *files], className="ck-files")
    return [
        panel.heading(title, lang),
        html.Div([html.Ul(levels, className="ck-levels"), take if may_have else None], className="ab"),
    ]


def level(severity: Severity, lang: Lang) -> Any:
    """Return the mark of a severity."""
    return glyph(LEVEL[severity], SEVERITIES[severity].say(lang))


def progress(now: Checking, lang: Lang) -> Any:
    """Return how far a check is, with a way to end it; or that it was ended, with a way to begin it again."""
    if now.stopped:
        stopped = Text("检查已停止，没有结果", "The check was stopped; nothing is known")
        return html.Div(
            [html.P(stopped.say(lang), className="empty"), button(AGAIN.say(lang), "again")],
            className="im-progress im-part",
        )
    return html.Div(
        [
            html.P([html.Span(now.step.say(lang)), html.Em(f"{now.share * 100:.0f} %")]),
            panel.bar(now.share),
            button(Text("停止检查", "Stop the check").say(lang), "stop"),
        ],
        className="im-progress im-part",
        role="status",
    )


def mends(it: Candidate, lang: Lang) -> Any:
    """Return the mends taken so far, the newest of which can be undone."""
    if not it.steps:
        return None
    rows = [
        html.Li([html.B(feature), html.Span(word(FAULTS, kind).say(lang), className="mut")])
        for kind, _, feature, _ in it.steps
    ]
    undo = button(Text("撤销最近一项", "Undo the last").say(lang), "undo")
    title = Text("已采用 {n} 项修改", "{n} mends taken").fill(n=len(it.steps))
    return panel.region(title, lang, [html.Ol(rows), undo], name="im-part ck-taken")


def table(found: Sequence[Finding], shown: Mapping[str, Any], lang: Lang, most: int = ROWS) -> Any:
    """Return the findings, the worst first; a row flies the map to its place."""
    kinds = [
        ("", Text("全部种类", "all kinds").say(lang)),
        *(
            (k, f"{word(FAULTS, k).say(lang)} ({n})")
            for k, n in sorted(Counter(f.kind for f in found).items())
        ),
    ]
    levels = [
        ("", Text("全部级别", "all severities").say(lang)),
        *((str(s), t.say(lang)) for s, t in SEVERITIES.items()),
    ]
    rank, kind = str(shown.get("level", "")), str(shown.get("kind", ""))
    wanted = [f for f in found if rank in ("", str(f.severity)) and kind in ("", f.kind)]
    filters = html.Div(
        [
            pick("level", Text("级别", "Severity").say(lang), levels, rank, now="filter"),
            pick("kind", Text("种类", "Kind").say(lang), kinds, kind, now="filter"),
            html.Span(Text("{n} 条", "{n}").fill(n=len(wanted)).say(lang), className="mut"),
        ],
        className="ab ck-filters",
    )  # fmt: skip
    if not wanted:
        return [filters, panel.empty(Text("没有发现问题", "Nothing is wrong"), lang)]
    rows = [_row(f, tuple(shown.get("step") or ()), lang) for f in wanted[:most]]
    parts = [filters, html.Table(html.Tbody(rows), className="at ck-rows")]
    if len(wanted) > most:
        more = Text("只列出最重的 {m} 条，其余请导出", "The worst {m} are listed; export them for the others")
        parts.append(panel.empty(more.fill(m=most), lang))
    return parts


def _row(f: Finding, chosen: tuple[str, ...], lang: Lang) -> Any:
    step = step_of(f)
    value = json.dumps(step, ensure_ascii=False)
    mendable = button(Text("预览修改", "Preview the mend").say(lang), "preview", value) if f.safe else None
    cells = [
        html.Td(level(f.severity, lang)),
        html.Td([html.Span(f.sentence.say(lang)), html.Em(f.mend.say(lang))]),
        html.Td(mendable),
    ]
    return html.Tr(
        cells,
        className="on" if step == chosen else "",
        tabIndex=0,
        **data(act="go", value=value),
    )


def told(old: Park, new: Park, found: Mapping[str, Change], lang: Lang, most: int = 8) -> list[str]:
    """Return changes as lines: what came, went, moved and how far, and old and new values."""
    lines: list[str] = []
    for layer, change in found.items():
        name = word(LAYERS, layer).say(lang)
        lines += [ADDED.fill(layer=name, id=i).say(lang) for i in change.added]
        lines += [REMOVED.fill(layer=name, id=i).say(lang) for i in change.removed]
        lines += [MOVED.fill(layer=name, id=i, m=f"{m:g}").say(lang) for i, m in change.moved.items()]
        for i, columns in change.changed.items():
            lines += [f"{name} {i}  {_values(old, new, layer, i, c, lang)}" for c in columns]
    hidden = len(lines) - most
    return lines[:most] + (
        [Text("另有 {n} 处", "and {n} more").fill(n=hidden).say(lang)] if hidden > 0 else []
    )


def _values(old: Park, new: Park, layer: str, id: str, column: str, lang: Lang) -> str:
    name = word(FIELDS, column).say(lang)
    if layer not in ("node", "link") or column == "geometry":
        return name
    a, b = (_value(p.nodes if layer == "node" else p.links, id, column) for p in (old, new))
    return f"{name}: {a} → {b}"


def _value(table: Any, id: str, column: str) -> str:
    if column not in table.columns:
        return "—"
    found = table.loc[table["id"].astype(str) == id, column]
    value = found.iloc[0] if len(found) else ""
    return f"{value:g}" if isinstance(value, float) else str(value) or "—"


MENDED = Text("候选 {v}，尚未启用", "Candidate {v}, not in use")
ADDED = Text("{layer} {id}  新增", "{layer} {id}  added")
REMOVED = Text("{layer} {id}  删除", "{layer} {id}  removed")
MOVED = Text("{layer} {id}  移动 {m} m", "{layer} {id}  moved {m} m")
AGAIN = Text("重新检查", "Check again")
