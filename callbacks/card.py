"""The card of whatever was clicked on the map: what it is, what it says now, its last 24 hours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from dash import dcc, html
from dash.development.base_component import Component

from callbacks.card_rows import Row, Tell, rows
from callbacks.pages import Theme, data
from callbacks.point_tables import address, file_address
from callbacks.shell import glyph
from geodata.places import Enterprise, Gate, Outlet, Station
from geodata.provenance import origin
from geodata.words import Lang, Text
from layers import charts, gates, network, stations
from twin.factors import factor
from twin.limits import Limit

if TYPE_CHECKING:
    from callbacks.pages import Web

DAY_MS = 86_400_000
KINDS: dict[str, Text] = {
    "station": Text("监测站点", "Station"),
    "gate": Text("闸", "Gate"),
    "outlet": Text("排口", "Outlet"),
    "enterprise": Text("企业", "Enterprise"),
    "receptor": Text("敏感点", "Receptor"),
    "facility": Text("处理与泵站", "Works and pumps"),
    "pool": Text("应急池", "Emergency pool"),
    "pipe": Text("管道", "Pipe"),
    "channel": Text("雨水渠", "Rain channel"),
    "reach": Text("河段", "Reach"),
}
DRIVES = {
    "electric": Text("电动", "electric"),
    "hydraulic": Text("液压", "hydraulic"),
    "manual": Text("手动", "manual"),
}
SOURCES = {
    "declared": Text("资料给出", "declared"),
    "invert": Text("按管底高程", "from inverts"),
    "flow": Text("按流量", "from flow"),
    "assumed": Text("假定", "assumed"),
}
PERMITS = {
    "key": Text("重点管理", "key discharger"),
    "simple": Text("简化管理", "simplified"),
    "registered": Text("登记管理", "registered"),
}
ASKS: dict[str, Text] = {
    "up": Text("向上游追溯", "Trace upstream"),
    "down": Text("向下游推演", "Follow downstream"),
    "drain": Text("汇到这里的", "What drains here"),
    "path": Text("从这里到…", "Way from here to …"),
}
YES_NO = (Text("否", "no"), Text("是", "yes"))

Pick = Mapping[str, Any]


def card(web: Web, pick: Pick, lang: Lang) -> Component | None:
    """Return the card of a picked thing; None where nothing is."""
    kind, key = str(pick.get("kind", "none")), str(pick.get("id", ""))
    make = MAKERS.get(kind)
    if make is None:
        return None
    try:
        title, sub, body = make(web, key, lang)
    except KeyError:
        return None
    head = html.Div(
        [
            html.Div([html.H2(title), html.P(sub, className="card-sub")], className="card-title"),
            html.Button(
                "×", className="icon-btn", title=Text("关闭", "Close").say(lang), **data(card_close="")
            ),
        ],
        className="card-head",
    )
    return html.Div([head, *body, *_follow_buttons(pick, lang)], className="card-in")


def _follow_buttons(pick: Pick, lang: Lang) -> list[Component]:
    """Buttons to walk the water from here, where it stands in the network."""
    if not pick.get("node"):
        return []
    return [
        html.Div(
            [
                html.Button(text.say(lang), id={"type": "atlas-follow", "way": way}, className="btn")
                for way, text in ASKS.items()
            ],
            className="card-act",
        )
    ]


def _of(web: Web, layer: str, key: str) -> Tell:
    """Where the values of a thing come from, by attribute."""
    return partial(origin, web.park, layer, key)


def _station(web: Web, key: str, lang: Lang) -> Any:
    station = web.park.station(key)
    sub = [glyph("offline", live_station=key), html.Span(f"{key} · {stations.KINDS[station.kind].say(lang)}")]
    body = [
        _values(web, station, lang),
        html.Div(id="atlas-curve", className="card-curve"),
        rows(
            [
                Row(Text("数采仪 MN", "Logger MN"), station.mn, "mn"),
                Row(Text("实时间隔", "Interval"), f"{station.interval_s} s", "interval_s"),
                Row(Text("评价标准", "Limits"), station.limit_set, "limit_set"),
            ],
            lang,
            _of(web, "station", key),
        ),
        _saved(station, lang),
        html.A(
            Text("最近 1 小时原始报文", "Raw frames of the last hour").say(lang),
            href=f"/raw/{station.mn}.txt?{urlencode({'minutes': 60})}",
            target="_blank",
            className="card-link",
        ),
    ]
    return station.name.say(lang), sub, body


def _saved(station: Station, lang: Lang) -> Component:
    """Ways from a station to what stands behind its values, and to files of it."""
    rows = []
    for code in station.factors:
        files = [
            html.A(word, href=file_address(station.id, code, 1, name, lang), className="card-link")
            for word, name in (("CSV", "readings.csv"), ("Excel", "all.xlsx"))
        ]
        name = factor(code).short.say(lang)
        rows.append(html.Li([dcc.Link(name, href=address(station.id, code), className="card-link"), *files]))
    title = Text("历史与导出", "History and files")
    return html.Details([html.Summary(title.say(lang)), html.Ul(rows, className="card-files")])


def _values(web: Web, station: Station, lang: Lang) -> Component:
    head = html.Tr(
        [
            html.Th(Text("因子", "Factor").say(lang), colSpan=2),
            html.Th(Text("现值", "Now").say(lang), className="num"),
            html.Th(Text("限值", "Limit").say(lang), className="num"),
        ]
    )
    return html.Table(
        [html.Thead(head), html.Tbody([_value(web, station, code, lang) for code in station.factors])],
        className="card-values",
    )


def _value(web: Web, station: Station, code: str, lang: Lang) -> Component:
    it, limit = factor(code), web.limits.of(station.id, code)
    key = f"{station.id}/{code}"
    name = html.Button(
        it.short.say(lang),
        id={"type": "atlas-factor", "station": station.id, "factor": code},
        title=it.name.say(lang),
        className="card-factor",
    )
    return html.Tr(
        [
            html.Td(glyph("offline", live_level=key)),
            html.Td(name),
            html.Td(
                [
                    html.Span(className="tx val", **data(live_point=key, decimals=str(it.decimals))),
                    html.Small(it.unit),
                ],
                className="num",
            ),
            html.Td(bounds(limit, it.decimals), className="num mut", title=limit.standard if limit else ""),
        ]
    )


def bounds(limit: Limit | None, decimals: int) -> str:
    """Write a limit: "500", "6–9", "≥ 5", a dash where there is none."""
    if limit is None or (limit.low is None and limit.high is None):
        return "—"

    def show(value: float) -> str:
        return f"{value:.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:.0f}"

    if limit.low is None and limit.high is not None:
        return show(limit.high)
    if limit.high is None and limit.low is not None:
        return f"≥ {show(limit.low)}"
    return f"{show(limit.low or 0.0)}–{show(limit.high or 0.0)}"


def curve(web: Web, station_id: str, code: str, lang: Lang, theme: Theme) -> Component:
    """Return the last 24 hours of one point."""
    station, it = web.park.station(station_id), factor(code)
    to_ms = web.live.now_ms()
    got = web.history.series(station.mn, code, to_ms - DAY_MS, to_ms).measured().downsample(900)
    limit = web.limits.of(station_id, code)
    line = charts.Line(got.at_ms, got.value, limit.low if limit else None, limit.high if limit else None)
    figure = charts.curve(
        line, it, (to_ms - DAY_MS, to_ms), interval_s=station.interval_s * 2, lang=lang, theme=theme
    )
    head = html.H3(
        [
            it.name.say(lang),
            html.Em(Text("24 小时", "24 h").say(lang) + (f" · {it.unit}" if it.unit else "")),
        ],
        className="h",
    )
    return html.Div(
        [
            head,
            dcc.Graph(
                figure=figure, config={"displayModeBar": False, "responsive": True}, style={"height": "170px"}
            ),
        ]
    )


def _gate(web: Web, key: str, lang: Lang) -> Any:
    gate: Gate = web.park.gate(key)
    facts = web.live.facts
    state = next((g for g in facts.gates if g.gate == key), None)
    word = web.live.gate_word(key)
    opened = "—" if state is None or state.position is None else f"{100 * state.position:.0f}%"
    sub = html.Span(f"{key} · {gates.KINDS[gate.kind].say(lang)}")
    lines: list[Row] = [
        Row(
            Text("状态", "State"),
            f"{gates.STATES[word].say(lang)} · {Text('开度', 'open').say(lang)} {opened}",
        ),
        Row(Text("驱动", "Drive"), DRIVES.get(gate.drive, Text(gate.drive, gate.drive)).say(lang), "drive"),
        Row(Text("可遥控", "Remote"), YES_NO[gate.remote].say(lang), "remote"),
        Row(Text("全程时间", "Stroke"), _minutes(gate.stroke_s, lang), "stroke_s"),
        Row(Text("闭门渗漏", "Leakage"), f"{100 * gate.leakage:g}%", "leakage"),
        Row(Text("闸后可蓄", "Storage"), f"{gate.storage_m3:,.0f} m³".replace(",", "\u2009"), "storage_m3"),
        Row(Text("预授权", "Pre-authorised"), YES_NO[gate.pre_authorised].say(lang), "pre_authorised"),
        Row(Text("管理单位", "Owner"), gate.owner.say(lang), "owner"),
        Row(Text("电话", "Phone"), gate.phone, "phone"),
    ]
    return gate.name.say(lang), sub, [rows(lines, lang, _of(web, "gate", key))]


def _minutes(seconds: float, lang: Lang) -> str:
    whole, rest = divmod(round(seconds), 60)
    text = Text(f"{whole} 分", f"{whole} min")
    return (text.say(lang) if whole else "") + (f" {rest} s" if rest else "")


def _outlet(web: Web, key: str, lang: Lang) -> Any:
    outlet: Outlet = _one(web.park.outlets, key)
    owner = _owner(web, outlet.enterprise)
    watching = [s for s in web.park.stations if s.node == outlet.node]
    lines: list[Row] = [
        Row(Text("企业", "Enterprise"), owner.say(lang), "enterprise"),
        Row(Text("入网节点", "Network node"), outlet.node, "node"),
    ]
    return f"{owner.say(lang)} {outlet.code}", network.OUTLETS[outlet.kind].say(lang), [
        rows(lines, lang, _of(web, "outlet", key)),
        *_places(Text("监测", "Watched by"), [("station", s.id, s.name.say(lang)) for s in watching], lang),
    ]  # fmt: skip


def _one(items: Iterable[Any], key: str) -> Any:
    for item in items:
        if item.id == key:
            return item
    raise KeyError(key)


def _owner(web: Web, key: str) -> Text:
    return next((e.short for e in web.park.enterprises if e.id == key), Text(key, key))


def _enterprise(web: Web, key: str, lang: Lang) -> Any:
    firm: Enterprise = web.park.enterprise(key)
    mine = [o for o in web.park.outlets if o.enterprise == key]
    watched = [s for s in web.park.stations if s.enterprise == key]
    lines: list[Row] = [
        Row(Text("行业", "Trade"), firm.trade.say(lang), "trade"),
        Row(Text("统一代码", "USCC"), firm.uscc, "uscc"),
        Row(Text("排污许可", "Permit"), firm.permit_no, "permit_no"),
        Row(
            Text("管理类别", "Category"),
            PERMITS.get(firm.permit_category, Text("—", "—")).say(lang),
            "permit_category",
        ),
        Row(Text("电话", "Phone"), firm.phone, "phone"),
    ]
    if firm.slots:
        slots = "，".join(f"{a}–{b}" for a, b in firm.slots)
        lines.append(Row(Text("公管时段", "Shared-pipe hours"), slots, "slots"))
    outlets = [("outlet", o.id, f"{o.code} {network.OUTLETS[o.kind].say(lang)}") for o in mine]
    body = [
        rows(lines, lang, _of(web, "enterprise", key)),
        *_places(Text("监测站点", "Stations"), [("station", s.id, s.name.say(lang)) for s in watched], lang),
        *_places(Text("排口", "Outlets"), outlets, lang),
        dcc.Link(
            Text("打开企业页", "Open the enterprise page").say(lang),
            href=f"/enterprise/{key}",
            className="card-link",
        ),
    ]
    return firm.name.say(lang), key, body


def _places(name: Text, items: list[tuple[str, str, str]], lang: Lang) -> list[Component]:
    if not items:
        return []
    return [
        html.H3(name.say(lang), className="h"),
        html.Ul([place(*item) for item in items], className="card-list"),
    ]


def place(kind: str, key: str, name: str, note: str = "") -> Component:
    """Return one line that leads to a place on the map."""
    mark = glyph("offline", live_station=key) if kind == "station" else html.I(className=f"key key-{kind}")
    return html.Li(
        html.Button(
            [html.Span(mark, className="card-key"), html.Span(name), html.Em(note)],
            className="card-go",
            **data(goto=f"{kind}/{key}"),
        )
    )


def _receptor(web: Web, key: str, lang: Lang) -> Any:
    it = _one(web.park.receptors, key)
    return (
        it.name.say(lang),
        KINDS["receptor"].say(lang),
        [rows([Row(Text("节点", "Node"), it.node, "node")], lang, _of(web, "receptor", key))],
    )


def _facility(web: Web, key: str, lang: Lang) -> Any:
    it = _one(web.park.facilities, key)
    watched = [s for s in web.park.stations if s.node == it.node]
    lines: list[Row] = [
        Row(Text("能力", "Capacity"), f"{it.capacity_m3d:,.0f} m³/d".replace(",", "\u2009"), "capacity_m3d")
    ]
    return it.name.say(lang), KINDS["facility"].say(lang), [
        rows(lines, lang, _of(web, "facility", key)),
        *_places(Text("监测站点", "Stations"), [("station", s.id, s.name.say(lang)) for s in watched], lang),
    ]  # fmt: skip


def _pool(web: Web, key: str, lang: Lang) -> Any:
    it = _one(web.park.pools, key)
    lines: list[Row] = [
        Row(Text("容积", "Capacity"), f"{it.capacity_m3:,.0f} m³".replace(",", "\u2009"), "capacity_m3"),
        Row(Text("已存", "Stored"), f"{it.stored_m3:,.0f} m³".replace(",", "\u2009"), "stored_m3"),
    ]
    return it.name.say(lang), KINDS["pool"].say(lang), [rows(lines, lang, _of(web, "pool", key))]


def _link(kind: str) -> Callable[[Web, str, Lang], Any]:
    def make(web: Web, key: str, lang: Lang) -> Any:
        table = web.park.links
        found = table[table["id"] == key]
        if found.empty:
            raise KeyError(key)
        row = found.iloc[0]
        k = web.network.links[key]
        lines: list[Row] = [
            Row(Text("长度", "Length"), f"{row['length_m']:.0f} m", "length_m"),
            Row(Text("宽或径", "Width"), f"{row['width_m']:g} m", "width_m"),
            Row(Text("日常流量", "Usual flow"), f"{abs(row['flow_m3s']):.3g} m³/s", "flow_m3s"),
            Row(Text("日常流速", "Usual speed"), f"{abs(row['velocity_ms']):.2f} m/s", "velocity_ms"),
            Row(Text("流过用时", "Passing takes"), span(web.network.travel_s[k], lang)),
            Row(
                Text("水流方向", "Direction"),
                SOURCES.get(row["direction_source"], Text("—", "—")).say(lang),
                "direction_source",
            ),
        ]
        if row["enterprise"]:
            lines.insert(
                0, Row(Text("企业", "Enterprise"), _owner(web, row["enterprise"]).say(lang), "enterprise")
            )
        return key, KINDS[kind].say(lang), [rows(lines, lang, _of(web, "link", key))]

    return make


def span(seconds: float, lang: Lang) -> str:
    """Write a duration: "45 s", "12 min", "3 h 20 min"."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return Text(f"{minutes} 分", f"{minutes} min").say(lang)
    hours, rest = divmod(minutes, 60)
    return Text(f"{hours} 时 {rest:02d} 分", f"{hours} h {rest:02d} min").say(lang)


MAKERS: dict[str, Callable[[Web, str, Lang], Any]] = {
    "station": _station,
    "gate": _gate,
    "outlet": _outlet,
    "enterprise": _enterprise,
    "receptor": _receptor,
    "facility": _facility,
    "pool": _pool,
    "pipe": _link("pipe"),
    "channel": _link("channel"),
    "reach": _link("reach"),
}
