"""Replay: any past window on every page, by one slider, at speeds, and never to be taken for the present.

The bar lies in the frame around the pages; the script assets/replay.js holds the live feed back and plays
frames of the past (`callbacks.replay_frames`) through the same code. What callbacks show meanwhile is as of
the moment on screen (`callbacks.as_of`). The address tells the moment: `?at=2026-11-22T02:46:10&speed=60`.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from dash import html
from fastapi import FastAPI, Response
from starlette.responses import JSONResponse

from callbacks import replay_frames
from callbacks.pages import data
from callbacks.replay_frames import Stretch
from geodata.words import Lang, Text
from twin.errors import UnavailableError

if TYPE_CHECKING:
    from callbacks.pages import Web

AT_ONCE = 3  # stretches read at the same time
SPEEDS = (1, 5, 10, 60, 150, 600)
NAME = Text("回放", "Replay")
WORDS: dict[str, Text] = {
    "replay": NAME,
    "replay.hour": Text("最近 1 小时", "Last hour"),
    "replay.hours": Text("最近 {n} 小时", "Last {n} hours"),
    "replay.days": Text("最近 {n} 天", "Last {n} days"),
    "replay.own": Text("自选起止…", "From … to …"),
    "replay.shown": Text("当前时段", "This stretch"),
    "replay.incidents": Text("事件", "Incidents"),
    "replay.play": Text("播放（空格）", "Play (space)"),
    "replay.pause": Text("暂停（空格）", "Pause (space)"),
    "replay.loading": Text("正在读取历史", "Reading the history"),
    "replay.away": Text("历史读取失败，正在重试", "The history cannot be read; trying again"),
    "replay.hole": Text("此刻没有任何数据", "Nothing was measured at this moment"),
    "replay.end": Text("已到时段末尾", "End of the stretch"),
    "replay.age": Text("回放中，非实时", "Replay, not live"),
    "replay.slider": Text("回放时刻", "Moment shown"),
    "replay.from": Text("从", "From"),
    "replay.to": Text("到", "to"),
    "replay.frozen": Text(
        "正在回放过去：不能批准、下令或修改。按“回到实时”后再操作",
        "This is the past: nothing can be approved, ordered or changed. Go back to live first",
    ),
}
"""What assets/replay.js says."""


def button(lang: Lang) -> Any:
    """Return the header's clock button; while the past is shown it carries the speed and looks like it."""
    title = Text("回放过去（R）", "Replay the past (R)").say(lang)
    return html.Button(
        [
            html.I(className="rp-clock"),
            html.Span(NAME.say(lang), className="rp-word"),
            html.B(id="rp-speed-now"),
        ],
        id="rp-open",
        className="rp-open",
        title=title,
        **attrs(aria_label=title, aria_pressed="false"),
    )


def bar(lang: Lang) -> Any:
    """Return the controls; the script puts the slider and the fields in."""

    def act(name: str, sign: str, title: Text) -> Any:
        word = title.say(lang)
        return html.Button(
            sign, className="btn s rp-b", title=word, **data(replay=name), **attrs(aria_label=word)
        )

    speeds = [
        html.Button(f"{n}×", className="btn s", **data(replay_speed=str(n)), **attrs(aria_pressed="false"))
        for n in SPEEDS
    ]
    return html.Section(
        [
            html.Div(
                [
                    html.B(NAME.say(lang), className="rp-tag"),
                    html.B(className="rp-at", **data(clock="datetime")),
                ],
                className="rp-now",
            ),
            html.Div(
                [
                    act("back", "⟨", Text("后退一步（,）", "One step back (,)")),
                    act("play", "▶", WORDS["replay.play"]),
                    act("on", "⟩", Text("前进一步（.）", "One step on (.)")),
                ],
                className="rp-acts",
            ),
            html.Div([html.Div(className="rp-marks"), html.Div(className="rp-slider")], className="rp-track"),
            html.Div(className="rp-window"),
            html.Div(speeds, className="chips rp-speeds"),
            html.Button(
                Text("回到实时", "Back to live").say(lang),
                className="btn p rp-live",
                title=Text("回到实时（L）", "Back to live (L)").say(lang),
                **data(replay="live"),
            ),
            html.Span(id="rp-say", className="rp-say", role="status"),
        ],
        id="replay-bar",
        className="replay-bar",
        hidden=True,
        **attrs(aria_label=NAME.say(lang)),
    )


def attrs(**named: str) -> dict[str, Any]:
    """Return aria- attributes from names a call can be written with."""
    return {name.replace("_", "-"): value for name, value in named.items()}


def routes(server: FastAPI, web: Web) -> None:
    """Add the addresses of frames and marks; beside Dash, as they are no callbacks.

    They have threads of their own: many pages that read long stretches must not keep callbacks waiting.
    """
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="replay")

    @server.get("/replay/frames")
    async def frames(at: int, to: int, step: int = 1000) -> Response:
        stretch = Stretch.of(at, to, step, web.live.now_ms())
        try:
            body = await asyncio.get_running_loop().run_in_executor(
                threads, replay_frames.wire, web.past, stretch
            )
        except UnavailableError as error:
            return Response(str(error), 503, media_type="text/plain")
        return Response(body, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})

    @server.get("/replay/marks")
    async def marks(at: int, to: int) -> Response:
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                threads, replay_frames.marks, web.past, max(at, 0), max(to, 0)
            )
        except UnavailableError as error:
            return Response(str(error), 503, media_type="text/plain")
        return JSONResponse(found, headers={"Cache-Control": "no-store"})
