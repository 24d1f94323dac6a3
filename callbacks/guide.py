"""The guided first visit: a few steps beside the page, each lighting up what it speaks of, and the keys."""

from __future__ import annotations

from dash import html

from callbacks.about import aria
from callbacks.pages import data
from geodata.words import Lang, Text

TITLE = Text("认识这个系统", "A short tour")
OPEN = Text("导览与快捷键", "Tour and keys")
FIRST = Text("第一次来", "New here")
NEXT, BACK, DONE = Text("下一步", "Next"), Text("上一步", "Back"), Text("知道了", "Done")
STEPS: tuple[tuple[str, Text], ...] = (
    (
        ".nav",
        Text(
            "上面是五个页面：大屏给人看，一张图找东西，企业看指标，应急处置事件，管理导入资料和查设备。",
            "Five pages: a wall to look at, an atlas to find things, enterprises by their indicators, "
            "the emergency desk, and administration.",
        ),
    ),
    (
        "#age",
        Text(
            "这里是数据的新旧。断了会写明断了多久，数值变灰；灰色从不表示正常。",
            "How old the data are. If they stop, it says for how long and values turn grey; grey never "
            "means well.",
        ),
    ),
    (
        ".park-map, .leaflet-container",
        Text(
            "地图上每个点是一个站点：颜色和形状都表示级别。点一下看卡片，再点读数看原始记录。",
            "Every mark is a station; colour and shape both tell its level. Click for its card, and a "
            "value for its raw readings.",
        ),
    ),
    (
        '.nav-i[data-path="/emergency"]',
        Text(
            "有事件时这里有数字。应急页给出疑似源和理由、该关哪座闸、最晚几点关；两个人批准后闸才会动。",
            "A number here means an incident. The desk names suspects with reasons, which gate to "
            "close and by when; a gate moves only after two people approve.",
        ),
    ),
    (
        ".about",
        Text(
            "每个面板旁的问号说明它显示什么、数字从哪里来。按 ? 键随时打开这里。",
            "The question mark of a panel says what it shows and where the number comes from. The key "
            "? opens this.",
        ),
    ),
)
KEYS: tuple[tuple[str, Text], ...] = (
    ("?", Text("打开或收起导览", "this tour")),
    ("/", Text("搜索（一张图）", "search, on the atlas")),
    ("R", Text("回放与回到实时", "replay, and back to now")),
    ("+ −", Text("放大、缩小地图", "zoom the map")),
    ("↑ ↓ ← →", Text("移动地图", "move the map")),
    ("Esc", Text("收起卡片、说明和工具", "close a card, an explanation, a tool")),
)


def button(lang: Lang) -> html.Button:
    """Return the header's button that opens it."""
    return html.Button(
        [html.Span(FIRST.say(lang)), "?"],
        className="icon-btn guide-btn",
        title=OPEN.say(lang),
        **data(guide=""),
        **aria(OPEN.say(lang)),
    )


def card(lang: Lang) -> html.Aside:
    """Return the tour, closed until the browser opens it."""
    steps = [html.P(text.say(lang), className="guide-step", **data(at=at)) for at, text in STEPS]
    keys = html.Dl(
        [html.Div([html.Dt(html.Kbd(key)), html.Dd(text.say(lang))]) for key, text in KEYS],
        className="guide-keys",
    )
    ways = html.Div(
        [
            html.Span(className="guide-n"),
            html.Button(BACK.say(lang), className="btn s", **data(guide="back")),
            html.Button(
                NEXT.say(lang),
                className="btn s p",
                **data(guide="next", done=DONE.say(lang), on=NEXT.say(lang)),
            ),
        ],
        className="guide-ways",
    )
    return html.Aside(
        [
            html.Header(
                [
                    html.H2(TITLE.say(lang)),
                    html.Button("×", className="icon-btn", **data(guide="close"), **aria(DONE.say(lang))),
                ]
            ),
            *steps,
            keys,
            ways,
        ],
        id="guide",
        className="guide",
        hidden=True,
        **aria(TITLE.say(lang)),
    )
