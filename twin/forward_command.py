"""`twin forward show` and `twin forward again`: what waits for upper platforms, and sending it again."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from geodata.words import Lang, Text
from twin.clock import as_datetime, wall_ms
from twin.config import Config
from twin.errors import RefusedError, UnavailableError
from twin.forward.again import KIND, REFUSED, Done, Span, told
from twin.model import Order, to_json
from twin.stream import Stream

ABOUT = Text("转发队列：查看，或重新发送", "the queues of forwarding: look, or send again")
SHOW = Text(
    "每个上级平台：连接、待送、滞后、拒绝", "each platform: its line, what waits, how late, what it refused"
)
AGAIN = Text("重新发送", "send again")
TARGET = Text("上级平台的名称", "name of the platform")
TAKE_BACK = Text("对方拒绝过的报文", "what it has refused")
BEGIN = Text("数据从何时起，如 2026-11-20 08:00", "data from when on, such as 2026-11-20 08:00")
END = Text("到何时止", "until when")
BY = Text("写入审计的姓名", "name for the audit")
WAIT = Text("最多等多少秒", "seconds to wait at most")
AS_JSON = Text("结果写成一行 JSON", "print one line of JSON")
SILENT = Text("转发进程没有应答", "the forwarding has not answered")
NOBODY = Text("转发进程没有在运行，或没有配置上级平台", "forwarding does not run, or has no platform set")
LINE = Text(
    "{name} {address} {state} 待送 {waiting} 滞后 {lag} 秒 已送达 {relayed} 拒绝 {refused}",
    "{name} {address} {state}; {waiting} waiting, {lag} s late, {relayed} delivered, {refused} refused",
)
LINKED, CUT = Text("已连接", "connected"), Text("中断", "cut off")
LOOK_S = 0.1


def main(words: Sequence[str], lang: Lang, config: Config) -> int:
    """Look or send again.

    Returns
    -------
    int
        0 done, 1 not done or no answer, 2 where the order cannot be.
    """
    grammar = argparse.ArgumentParser(prog="twin forward", description=ABOUT.say(lang))
    tasks = grammar.add_subparsers(dest="task", required=True, metavar="TASK")
    show = tasks.add_parser("show", help=SHOW.say(lang))
    again = tasks.add_parser("again", help=AGAIN.say(lang))
    again.add_argument("target", metavar="PLATFORM", help=TARGET.say(lang))
    again.add_argument("--refused", action="store_true", help=TAKE_BACK.say(lang))
    again.add_argument("--from", dest="begin", default="", metavar="TIME", help=BEGIN.say(lang))
    again.add_argument("--to", dest="end", default="", metavar="TIME", help=END.say(lang))
    again.add_argument("--by", default="operator", metavar="NAME", help=BY.say(lang))
    again.add_argument("--wait", type=float, default=60.0, metavar="S", help=WAIT.say(lang))
    for p in (show, again):
        p.add_argument("--json", action="store_true", help=AS_JSON.say(lang))
    o = grammar.parse_args(list(words))
    try:
        with closing(Stream(config.redis)) as stream:
            return _show(stream, o, lang) if o.task == "show" else _again(stream, o, lang)
    except (RefusedError, UnavailableError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _show(stream: Stream, o: argparse.Namespace, lang: Lang) -> int:
    body = stream.get("forward")
    targets: list[dict[str, Any]] = json.loads(body)["targets"] if body else []
    if o.json:
        sys.stdout.write(json.dumps(targets, ensure_ascii=False) + "\n")
    elif targets:
        sys.stdout.write("".join(f"{line(row, lang)}\n" for row in targets))
    else:
        sys.stderr.write(f"{NOBODY.say(lang)}\n")
    return 0 if targets else 1


def line(row: dict[str, Any], lang: Lang) -> str:
    """Return how one platform stands."""
    state = (LINKED if row["connected"] else CUT).say(lang)
    if row["trouble"]:
        state = f"{state} ({row['trouble']})"
    words = {k: row[k] for k in ("name", "address", "waiting", "relayed")}
    return LINE.fill(**words, lag=row["lag_s"], state=state, refused=sum(row["refused"].values())).say(lang)


def _again(stream: Stream, o: argparse.Namespace, lang: Lang) -> int:
    what = REFUSED if o.refused else f"{o.begin}..{o.end}"
    if not o.refused:
        Span.read(what)
    done = order(stream, o.target, what, o.by, o.wait)
    if done is None:
        sys.stderr.write(f"{SILENT.say(lang)}\n")
        return 1
    sys.stdout.write((to_json(done).decode() if o.json else done.said.say(lang)) + "\n")
    return 0 if done.good else 1


def order(stream: Stream, target: str, what: str, by: str, wait_s: float) -> Done | None:
    """Give the order and wait for what comes of it; None if nothing has come.

    Raises
    ------
    UnavailableError
        The stream is away.
    """
    number = stream.append("commands", to_json(Order(KIND, as_datetime(wall_ms()), by, target, detail=what)))
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        for one in told(stream):
            if one.id == number:
                return one
        time.sleep(LOOK_S)
    return None
