"""What the fingerprint tab shows: what holds and how old it is, what a table changes, the versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from dash import dcc, html

from callbacks import panel, prints, wording
from callbacks.admin_form import button
from callbacks.pages import data
from geodata.places import Enterprise
from geodata.words import Lang, Text
from twin.factors import factor
from twin.fingerprints import LEARNER, Difference, Fault, Library, Print

LINES = 300  # differences listed
FAULTS = 60
Names = Mapping[str, Enterprise]


def name(names: Names, enterprise: str, lang: Lang) -> str:
    """Return an enterprise as people call it; its id where the park has it no more."""
    return names[enterprise].short.say(lang) if enterprise in names else enterprise


def water(outlet: str, lang: Lang) -> str:
    """Return which water of an enterprise a print is of."""
    return outlet or RAW_WATER.say(lang)


def source(word: str, lang: Lang) -> str:
    """Return where a print comes from."""
    return prints.SOURCES.get(word, Text(word, word)).say(lang)


# what holds -----------------------------------------------------------------------------------------------


def holds(
    found: Sequence[Print], library: Library | None, names: Names, today: date, files: Any, lang: Lang
) -> Any:
    """Return every water that is known, with how much is known of it, from where, and how old that is."""
    note = VERSION.fill(v=library.version) if library else ONLY_PARK
    heads = (WHO, WATER, FACTORS, SAMPLES, SOURCE, NEWEST)
    rows = []
    for enterprise, mine in groupby(found, key=lambda p: p.enterprise):
        waters = [(o, list(of)) for o, of in groupby(mine, key=lambda p: p.outlet)]
        rows += [
            _water(enterprise, o, of, names, today, lang, first=k == 0) for k, (o, of) in enumerate(waters)
        ]
    body = [files, _table(heads, rows, lang)] if rows else [files, panel.empty(NONE_YET, lang)]
    return panel.region(IN_FORCE, lang, body, name="fl-holds", note=note.say(lang))


def _water(
    enterprise: str, outlet: str, mine: Sequence[Print], names: Names, today: date, lang: Lang, *, first: bool
) -> Any:
    newest = max(p.as_of for p in mine)
    days = (today - newest).days
    link = dcc.Link(name(names, enterprise, lang), href=f"/enterprise/{enterprise}")
    sources = " · ".join(dict.fromkeys(source(p.source, lang) for p in mine))
    samples = max(p.samples for p in mine)
    return html.Tr(
        [
            html.Td([link, html.Span(enterprise, className="mut mono")] if first else "", className="fl-who"),
            html.Td(water(outlet, lang), className="mono" if outlet else ""),
            html.Td(" ".join(factor(p.factor).short.say(lang) for p in mine), className="fl-what"),
            html.Td(wording.number(samples, lang=lang) if samples else wording.NONE, className="num"),
            html.Td(sources, className="mut"),
            html.Td(age(newest, days, lang), className="num tx-warning" if days > prints.OLD_DAYS else "num"),
        ],
        className="fl-first" if first else "",
    )


def age(newest: date, days: int, lang: Lang) -> str:
    """Return a day and how long ago it was; a dash where no day is known."""
    if newest == date.min:
        return wording.NONE
    return AGE.fill(d=newest.isoformat(), n=max(days, 0)).say(lang)


# what a table would change --------------------------------------------------------------------------------


def refused(file: str, faults: Sequence[Fault], lang: Lang) -> Any:
    """Return every fault of a table with its file, row and field, and how it is mended."""
    rows = [
        html.Tr(
            [
                html.Td(str(f.row), className="num"),
                html.Td(f.field, className="mono"),
                html.Td(f.said or wording.NONE, className="mono"),
                html.Td(f.why.say(lang), className="fl-why"),
            ]
        )
        for f in faults[:FAULTS]
    ]
    body = [
        html.P(NOT_TAKEN.fill(file=file, n=len(faults)).say(lang), className="say no", role="alert"),
        _table((ROW, FIELD, SAYS, MEND), rows, lang),
    ]
    if len(faults) > FAULTS:
        body.append(panel.empty(MORE.fill(n=len(faults) - FAULTS), lang))
    return panel.region(CHECKED, lang, body, name="fl-look", note=file)


def changes(title: Text, note: str, found: Sequence[Difference], names: Names, lang: Lang) -> Any:
    """Return what differs, a group for every water of every enterprise."""
    if not found:
        return panel.region(title, lang, [panel.empty(SAME, lang)], name="fl-look", note=note)
    rows: list[Any] = []
    for (enterprise, outlet), of in groupby(found[:LINES], key=lambda d: d.either.key[:2]):
        mine = list(of)
        title_of = [html.B(name(names, enterprise, lang)), html.Span(enterprise, className="mut mono")]
        count = html.Span(tally(mine, lang), className="mut")
        rows.append(
            html.Tr(html.Th([*title_of, html.Span(water(outlet, lang)), count], colSpan=6, scope="rowgroup"))
        )
        rows += [_difference(d, lang) for d in mine]
    body: list[Any] = [
        html.P(tally(found, lang), className="fl-sum"),
        _table((FACTOR, BEFORE, AFTER, RATIO, NEWEST, SOURCE), rows, lang),
    ]
    if len(found) > LINES:
        body.append(panel.empty(MORE.fill(n=len(found) - LINES), lang))
    return panel.region(title, lang, body, name="fl-look", note=note)


def tally(found: Iterable[Difference], lang: Lang) -> str:
    """Return how many prints are new, other and gone."""
    tones = [tone(d) for d in found]
    return " · ".join(f"{TONES[t].say(lang)} {tones.count(t)}" for t in TONES if t in tones)


def tone(d: Difference) -> str:
    """Return what happens to a print: it is added, removed or changed."""
    return "added" if d.before is None else "removed" if d.after is None else "changed"


def _difference(d: Difference, lang: Lang) -> Any:
    what = factor(d.either.factor)

    def value(p: Print | None) -> list[Any]:
        return [what.show(p.value), html.Small(f" {what.unit}")] if p else [wording.NONE]

    days = [p.as_of.isoformat() if p.as_of > date.min else wording.NONE for p in (d.before, d.after) if p]
    sources = [source(p.source, lang) for p in (d.before, d.after) if p]
    ratio = prints.times(d.after.value / d.before.value) if d.before and d.after else ""
    return html.Tr(
        [
            html.Td(
                [html.Span(TONES[tone(d)].say(lang), className=f"vs-tone {tone(d)}"), what.short.say(lang)]
            ),
            html.Td(value(d.before), className="num mut"),
            html.Td(value(d.after), className="num"),
            html.Td(ratio, className="num mut"),
            html.Td(" → ".join(dict.fromkeys(days)), className="num mut"),
            html.Td(" → ".join(dict.fromkeys(sources)), className="mut"),
        ]
    )


# versions -------------------------------------------------------------------------------------------------


def versions(found: Sequence[Library], chosen: int, people: Mapping[str, Text], lang: Lang) -> Any:
    """Return every version, the newest first: which, when, who, why, how much, and which one is looked at."""
    if not found:
        return panel.region(VERSIONS, lang, [panel.empty(NO_VERSION, lang)])
    rows = []
    for k, one in enumerate(found):
        on, look = one.version == chosen, LOOK.fill(v=one.version).say(lang)
        by = people[one.by].say(lang) if one.by in people else BY.get(one.by, Text(one.by, one.by)).say(lang)
        cells = [
            html.Td(button("●" if on else "○", "show", str(one.version), name="x", title=look)),
            html.Td([str(one.version), html.Span(HOLDS.say(lang), className="tag") if k == 0 else ""]),
            html.Td(wording.date_hm(one.at, lang), className="mut"),
            html.Td(by),
            html.Td(one.why.say(lang) or wording.NONE, className="vs-note"),
            html.Td(wording.number(len(one.prints), lang=lang), className="num"),
        ]
        rows.append(html.Tr(cells, className="on" if on else ""))
    table = _table((None, VERSION_HEAD, WHEN, BY_WHOM, WHY, PRINTS), rows, lang)
    return panel.region(VERSIONS, lang, [html.Div(table, className="vs-scroll")])


def _table(heads: Sequence[Text | None], rows: Sequence[Any], lang: Lang) -> Any:
    numbers = (SAMPLES, NEWEST, PRINTS, BEFORE, AFTER, RATIO, ROW)
    cells = [
        html.Th(h.say(lang) if h else "", scope="col", className="num" if h in numbers else "") for h in heads
    ]
    return html.Table([html.Thead(html.Tr(cells)), html.Tbody(list(rows))], className="at", **data(role="fl"))


RAW_WATER = Text("未稀释废水", "undiluted water")
IN_FORCE = Text("现用指纹", "Fingerprints in force")
VERSION = Text("指纹库第 {v} 版", "library version {v}")
ONLY_PARK = Text("只有园区资料里的", "only what the park file says")
NONE_YET = Text(
    "还没有指纹。导入一张表，或在命令行从各排口平时的排水学习",
    "None yet. Import a table, or learn them from usual discharge at the command line",
)
WHO, WATER = Text("企业", "Enterprise"), Text("水样", "Water")
FACTORS, FACTOR = Text("因子", "Factors"), Text("因子", "Factor")
SAMPLES, SOURCE = Text("样本", "Samples"), Text("来源", "Source")
NEWEST = Text("截至", "As of")
AGE = Text("{d}，{n} 天前", "{d}, {n} d ago")
CHECKED = Text("这张表读不了", "This table cannot be taken")
NOT_TAKEN = Text(
    "{file} 有 {n} 处错误，一行也不会收下。请在表里改正后重新选择",
    "{file} has {n} faults: no row of it is taken. Mend them in the table and choose it again",
)
ROW, FIELD = Text("行", "Row"), Text("列", "Field")
SAYS, MEND = Text("写的是", "It says"), Text("怎么改", "How to mend it")
MORE = Text("另有 {n} 条没有列出", "{n} more are not listed")
SAME = Text("没有变化", "Nothing changes")
BEFORE, AFTER, RATIO = Text("原来", "Before"), Text("改为", "After"), Text("倍数", "Times")
TONES = {"added": Text("新增", "new"), "changed": Text("修改", "changed"), "removed": Text("删除", "removed")}
VERSIONS = Text("指纹库版本", "Versions of the library")
NO_VERSION = Text("还没有版本；第一次导入后从这里开始", "No version yet; the first import begins the list")
VERSION_HEAD, WHEN, BY_WHOM = Text("版本", "Version"), Text("时间", "When"), Text("谁", "Who")
WHY, PRINTS = Text("理由", "Reason"), Text("条数", "Prints")
HOLDS = Text("现用", "in use")
LOOK = Text("看第 {v} 版改了什么", "See what version {v} changed")
BY = {LEARNER: Text("在线学习", "learned from meters")}
