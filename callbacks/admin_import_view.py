"""What the import tab shows: files, progress, judgements to confirm, layers and their fields, the account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from callbacks import panel, wording
from callbacks.admin_form import box, button, labelled, options_of, pick
from callbacks.admin_words import AXES, CHARSETS, FIELDS, KINDS, LAYERS, ROLES, SYSTEMS, word
from callbacks.pages import data
from geodata import dating
from geodata.formats.aliases import ALIASES
from geodata.formats.report import KIND
from geodata.schema import SCENERY
from geodata.words import Lang, Text
from twin.park_desk import Said, Standing

SAMPLES = 3  # values shown of each field
ROWS_SHOWN = 12
FILES_SHOWN = 12
OTHER = "?"  # the choice "something else"

Json = Mapping[str, Any]


def say(text: Json, lang: Lang) -> str:
    """Return a sentence of the account in one language."""
    return str(text.get(lang) or text["en"])


def drop(token: str, lang: Lang) -> Any:
    """Return where files are let go, and the two buttons that choose them."""
    here = Text(
        "把文件或文件夹拖到这里：Shapefile(.shp .dbf .shx …)、zip、FileGDB、GeoPackage、GeoJSON、KML/KMZ、"
        "DXF、Excel、CSV、SWMM/EPANET .inp",
        "Drop files or folders here: Shapefile (.shp .dbf .shx ...), zip, FileGDB, GeoPackage, GeoJSON, "
        "KML/KMZ, DXF, Excel, CSV, SWMM/EPANET .inp",
    )
    choices = (("files", Text("选择文件", "Choose files")), ("folder", Text("选择文件夹", "Choose a folder")))
    buttons = [
        html.Label(className="btn s choose", **data(choose=kind, label=text.say(lang)))
        for kind, text in choices
    ]
    return html.Div(
        [html.P(here.say(lang)), html.Div(buttons, className="ab")],
        className="im-drop",
        key=token,
        **data(drop=f"/admin/files/{token}"),
    )


def files(found: Sequence[tuple[str, int]], lang: Lang) -> Any:
    """Return the files that are there."""
    if not found:
        return html.P(Text("还没有文件", "No file yet").say(lang), className="empty")
    rows = [
        html.Li(
            [
                html.B(name),
                html.Span(size_of(size), className="mut num"),
                button("×", "drop", name, name="x", title=Text("移走", "Remove").say(lang)),
            ]
        )
        for name, size in found[:FILES_SHOWN]
    ]
    if len(found) > FILES_SHOWN:
        more = Text("另有 {n} 个", "{n} more").fill(n=len(found) - FILES_SHOWN)
        rows.append(html.Li(html.Span(more.say(lang), className="mut")))
    return html.Ul(rows, className="im-files")


def size_of(size: int) -> str:
    """Return a number of bytes in words."""
    if size < 1024:
        return f"{size} B"
    return f"{size / 1024:.0f} KB" if size < 2**20 else f"{size / 2**20:.1f} MB"


def options(said: Said, saved: Sequence[str], lang: Lang) -> Any:
    """Return what a person may say of the whole import."""
    modes = [
        ("replace", Text("就是整个园区（替换现有）", "the whole park (replaces what is there)").say(lang)),
        ("add", Text("补充到现有园区", "an addition to the present park").say(lang)),
    ]
    these = Text("这些文件", "These files are")
    snap, attach = Text("接点容差 m", "Snap within, m"), Text("挂接距离 m", "Attach within, m")
    rows = [
        labelled(these.say(lang), pick("mode", these.say(lang), modes, said.mode)),
        labelled(snap.say(lang), box("snap_m", snap.say(lang), "number", f"{said.snap_m:g}")),
        labelled(attach.say(lang), box("attach_m", attach.say(lang), "number", f"{said.attach_m:g}")),
    ]
    dated = Text("资料日期", "Data of").say(lang)
    hint = Text("如 2025-06，不知道可不填", "such as 2025-06; empty if unknown").say(lang)
    rows.append(labelled(dated, box("as_of", dated, value=said.as_of.get("", ""), hint=hint)))
    if saved:
        none = [("", Text("自动猜测", "guessed").say(lang))]
        name = Text("字段对应表", "Mapping").say(lang)
        rows.append(labelled(name, pick("saved", name, [*none, *((n, n) for n in saved)])))
    return html.Div(rows, className="im-options")


def progress(now: Standing, lang: Lang) -> Any:
    """Return how far the reading is, or how it ended before its time."""
    if now.word == "running":
        return html.Div(
            [
                html.P([html.Span(now.step.say(lang)), html.Em(f"{now.share * 100:.0f} %")]),
                panel.bar(now.share),
                button(Text("停止", "Stop").say(lang), "stop"),
            ],
            className="im-progress",
            role="status",
        )
    if now.word == "failed":
        return panel.failed(now.step, lang)
    if now.word == "stopped":
        stopped = Text("已停止，什么都没有改变", "Stopped; nothing was changed")
        return html.P(stopped.say(lang), className="empty")
    return None


def account(result: Json, lang: Lang) -> list[Any]:
    """Return the account of a reading, top down: errors, questions, the park, its layers."""
    if not result:
        return []
    parts = [errors(result, lang), guesses(result, lang), summary(result, lang), layers(result, lang)]
    return [p for p in parts if p is not None]


def errors(result: Json, lang: Lang) -> Any:
    """Return what keeps a park from being made."""
    if not result["errors"]:
        return None
    title = Text("读不了的", "What cannot be read")
    rows = [html.Li(say(e, lang)) for e in result["errors"]]
    return panel.region(title, lang, [html.Ul(rows, className="im-errors", role="alert")], name="im-part")


def guesses(result: Json, lang: Lang) -> Any:
    """Return the judgements that wait for a person's word, each with its proof, and one button for all."""
    found = result["guesses"]
    if not found:
        return None
    title = Text("请确认这 {n} 项判断", "Please confirm these {n} judgements").fill(n=len(found))
    rows = [_guess(n, g, lang) for n, g in enumerate(found)]
    confirm = button(
        Text("全部确认，重新读取", "Confirm all and read again").say(lang), "confirm", name="btn p"
    )
    note = Text("没有确认之前不会成为正式版本", "Nothing is put to use before you confirm").say(lang)
    foot = html.Div([confirm, html.Span(note, className="mut")], className="ab")
    return panel.region(
        title,
        lang,
        [html.Ul(rows, className="im-guesses"), foot],
        name="im-part im-asks",
    )


def _guess(n: int, g: Json, lang: Lang) -> Any:
    choices = (
        [(g["value"], say(g["said"], lang))] if g["value"] else [("", Text("请选择", "choose").say(lang))]
    )
    choices += [(v, v) for v in g["others"]]
    choices.append((OTHER, Text("其他，写在右边", "something else:").say(lang)))
    kind = KIND[g["kind"]].say(lang)
    where = g["file"] if not g["layers"] else f"{g['file']} [{', '.join(g['layers'])}]"
    hint = {"crs": "EPSG:4549 / grid:EPSG:4549,dx=..,dy=..", "encoding": "gbk", "axes": "xy / yx"}[g["kind"]]
    return html.Li(
        [
            html.P([html.B(where), html.Span(kind, className="tag")]),
            html.Div(
                [
                    pick(f"guess-{n}", f"{kind} {where}", choices, g["value"]),
                    box(f"own-{n}", f"{kind} {where}", hint=hint),
                ],
                className="ab",
            ),
            html.P(say(g["proof"], lang), className="mut"),
        ]
    )


def summary(result: Json, lang: Lang) -> Any:
    """Return what the park would be: how much of everything, what was joined, what the check finds."""
    counts = result.get("counts")
    if not counts:
        return None
    title = Text("候选园区", "The park it makes")
    items = [(LAYERS[k].say(lang), wording.number(counts[k], lang=lang)) for k in LAYERS if counts.get(k)]
    items.append((Text("总长 km", "Length, km").say(lang), f"{counts['km']:g}"))
    items.append((Text("坐标系", "System").say(lang), result["crs"]))
    items.append((Text("版本", "Version").say(lang), result["version"]))
    found = result.get("findings", {})
    words = Text("检查：错误 {e}，警告 {w}，提示 {n}", "Check: {e} errors, {w} warnings, {n} notes").fill(
        e=found.get("error", 0), w=found.get("warning", 0), n=found.get("note", 0)
    )
    see = Text("逐条查看", "See each").say(lang)
    body = [
        html.Ul([html.Li([html.Span(k), html.B(v)]) for k, v in items], className="im-sum"),
        html.Ul([html.Li(say(t, lang)) for t in result["merged"]], className="im-merged"),
        html.P(
            [
                html.Span(words.say(lang)),
                dcc.Link(see, href=f"/admin?tab=check&park=w-{result['token']}"),
            ],
            className="im-check",
        ),
    ]
    lost = loses(result, lang)
    if lost:
        body.append(html.P([html.B(LOSES.say(lang)), " ", lost], className="im-loses", role="alert"))
    note = Text("用时 {s} 秒", "{s} s").fill(s=result["seconds"])
    return panel.region(title, lang, body, name="im-part", note=note.say(lang))


def loses(result: Json, lang: Lang) -> str:
    """Return what the present park has more of, as a list in words; empty if nothing."""
    now, then = result.get("present", {}), result["counts"]
    less = [k for k in LAYERS if now.get(k, 0) > then.get(k, 0)]
    return ", ".join(f"{LAYERS[k].say(lang)} {now[k]:g} → {then.get(k, 0):g}" for k in less)


def layers(result: Json, lang: Lang) -> Any:
    """Return every layer with what it is taken for, its fields and its account; all can be changed."""
    title = Text("各图层与字段", "Layers and their fields")
    lists = [
        options_of(f"im-list-{role}", [("", "—"), *((f, word(FIELDS, f).say(lang)) for f in names)])
        for role, names in ALIASES.items()
    ]
    cards = [_layer(x, lang) for x in result["layers"]]
    apply = button(Text("按修改重新读取", "Read again with these").say(lang), "map")
    named = Text("对应表名称", "name of the mapping").say(lang)
    keep = html.Div(
        [
            apply,
            box("mapping_name", named, hint=named),
            button(Text("保存对应表", "Save the mapping").say(lang), "save-mapping"),
        ],
        className="ab",
    )
    return panel.region(title, lang, [*lists, *cards, keep], name="im-part")


def _layer(x: Json, lang: Lang) -> Any:
    role = str(x["role"])
    told = Text("读入 {r}，采用 {m}，跳过 {s}", "{r} read, {m} mapped, {s} skipped").fill(
        r=x["read"], m=x["mapped"], s=x["skipped"]
    )
    what = MODEL if role == "model" else word(ROLES, role)
    head = html.Summary(
        [
            html.B(x["file"] if x["layer"] in x["file"] else f"{x['file']} [{x['layer']}]"),
            html.Span(what.say(lang), className="tag"),
            html.Span(told.say(lang), className="tx-warning" if x["skipped"] else "mut"),
        ]
    )
    body = [html.P(" · ".join(_facts(x, lang)), className="mut"), _notes(x["notes"], lang)]
    if role != "model":
        body.insert(1, _controls(x, lang))
        body.append(_fields(x, lang))
    return html.Details(
        [head, *body], className="im-layer", open=bool(x["skipped"] or role == "skip"), key=x["key"]
    )


def _facts(x: Json, lang: Lang) -> list[str]:
    facts = [str(x["format"])]
    if x["encoding"]:
        facts.append(Text("编码 {e}", "charset {e}").fill(e=x["encoding"]).say(lang))
    if x["crs"]:
        facts.append(Text("坐标系 {c}", "system {c}").fill(c=short(x["crs"])).say(lang))
    facts.append(dating.said(x).say(lang))
    return facts


def short(crs: str) -> str:
    """Return a coordinate system as far as it fits a line."""
    return crs if len(crs) <= 48 else crs[:47] + "…"


def _controls(x: Json, lang: Lang) -> Any:
    key = x["key"]

    def choice(name: str, text: Text, table: Mapping[str, Text], value: str, now: str = "") -> Any:
        words = [(k, t.say(lang)) for k, t in table.items()]
        return labelled(
            text.say(lang), pick(f"{name}|{key}", f"{text.say(lang)} {key}", words, value, now=now)
        )

    rows = [choice("role", Text("是什么", "What it is"), ROLES, x["role"], now="role")]
    if x["role"] in ("node", "link"):
        rows.append(choice("system", Text("水的种类", "Which water"), SYSTEMS, x.get("system", "")))
    if x["role"] == "link":
        rows.append(choice("kind", Text("管段种类", "Kind"), KINDS, x.get("kind", "")))
    if x["role"] == "scenery":
        drawn = {"": Text("请选择", "choose"), **{name: Text(name, name) for name in SCENERY}}
        rows.append(choice("scenery", Text("底图种类", "Drawn layer"), drawn, x.get("scenery", "")))
    crs = Text("坐标系", "System")
    hint = Text("自动判断", "find out").say(lang)
    rows.append(
        labelled(crs.say(lang), box(f"crs|{key}", f"{crs.say(lang)} {key}", value=x["said_crs"], hint=hint))
    )
    rows.append(choice("axes", Text("坐标轴", "Axes"), AXES, x.get("axes", "")))
    if x["format"] in ("Shapefile", "CSV"):
        rows.append(choice("encoding", Text("编码", "Charset"), CHARSETS, x.get("said_encoding", "")))
    return html.Div(rows, className="im-controls")


def _fields(x: Json, lang: Lang) -> Any:
    """Return the grid: each field of the file, its first values, and what it means."""
    if x["role"] not in ALIASES or not x["sample"]:
        return None
    ours = {theirs: name for name, theirs in x["fields"].items()}
    heads = (
        Text("文件里的字段", "Field in the file"),
        Text("前几行", "First rows"),
        Text("含义", "Meaning"),
    )
    rows = [
        html.Tr(
            [
                html.Td(html.B(theirs)),
                html.Td(" · ".join(v if v else "∅" for v in values[:SAMPLES]), className="mono"),
                html.Td(
                    pick(f"field|{x['key']}|{theirs}", theirs, f"im-list-{x['role']}", ours.get(theirs, ""))
                ),
            ],
            className="" if theirs in ours else "unused",
        )
        for theirs, values in x["sample"].items()
    ]
    head = html.Tr([html.Th(t.say(lang), scope="col") for t in heads])
    return html.Table([html.Thead(head), html.Tbody(rows)], className="at im-grid")


def _notes(notes: Sequence[Json], lang: Lang) -> Any:
    if not notes:
        return None
    return html.Ul([_note(n, lang) for n in notes], className="im-notes")


def _note(n: Json, lang: Lang) -> Any:
    rows = [str(r) for r in n["rows"][:ROWS_SHOWN]]
    more = Text(" 等 {n} 行", ", {n} in all").fill(n=n["n"]).say(lang) if n["n"] > len(rows) and rows else ""
    where = Text("第 {r} 行", "row {r}").fill(r=", ".join(rows) + more).say(lang) if rows else ""
    mark = html.B(Text("跳过", "skipped").say(lang), className="tx-warning") if n["skipped"] else None
    return html.Li(
        [
            mark,
            html.Span(where, className="mut"),
            html.Span(n["field"], className="mono"),
            say(n["text"], lang),
        ]
    )


LOSES = Text("启用后会比现用园区少：", "Put to use, the park would have less than now:")
MODEL = Text("水力模型", "hydraulic model")
