"""`twin ask MN REQUEST`: one request to a logger over its own line, and what came of it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import closing

from geodata.words import Lang, Text
from twin.clock import as_datetime, wall_ms
from twin.config import Config
from twin.errors import RefusedError, UnavailableError
from twin.ingest.hj212.request_words import ASKS, FIELDS
from twin.ingest.hj212.requests import OPERATIONS, parse
from twin.ingest.orders import KIND, Asked, told
from twin.model import Order, to_json
from twin.stream import Stream

ABOUT = Text(
    '向数采仪提一个 HJ 212 请求，并等结果。例：twin ask MN "CN=1062;RtdInterval=60"',
    'one HJ 212 request to a logger, and its result. Example: twin ask MN "CN=1062;RtdInterval=60"',
)
MN = Text("数采仪的 MN", "MN of the logger")
REQUEST = Text("请求，如 CN=1011", "the request, such as CN=1011")
LIST = Text("列出全部请求和字段", "print every request and its fields")
BY = Text("写入审计的姓名", "name for the audit")
WAIT = Text("最多等多少秒", "seconds to wait at most")
AS_JSON = Text("结果写成一行 JSON", "print one line of JSON")
SILENT = Text("没有接入进程应答", "no gateway has answered")
LOOK_S = 0.1


def main(words: Sequence[str], lang: Lang, config: Config) -> int:
    """Ask once.

    Returns
    -------
    int
        0 done, 1 not done or no answer, 2 where the request cannot be.
    """
    grammar = argparse.ArgumentParser(prog="twin ask", description=ABOUT.say(lang))
    grammar.add_argument("mn", nargs="?", default="", metavar="MN", help=MN.say(lang))
    grammar.add_argument("request", nargs="?", default="", metavar="REQUEST", help=REQUEST.say(lang))
    grammar.add_argument("--list", action="store_true", help=LIST.say(lang))
    grammar.add_argument("--by", default="operator", metavar="NAME", help=BY.say(lang))
    grammar.add_argument("--wait", type=float, default=300.0, metavar="S", help=WAIT.say(lang))
    grammar.add_argument("--json", action="store_true", help=AS_JSON.say(lang))
    o = grammar.parse_args(list(words))
    if o.list or not o.mn:
        sys.stdout.write(listed(lang))
        return 0 if o.list else 2
    try:
        parse(o.request)
        with closing(Stream(config.redis)) as stream:
            asked = ask(stream, o.mn, o.request, o.by, o.wait)
    except (RefusedError, UnavailableError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if asked is None:
        sys.stderr.write(f"{SILENT.say(lang)}\n")
        return 1
    sys.stdout.write(to_json(asked).decode() + "\n" if o.json else said(asked, lang))
    return 0 if asked.end in ("done", "no_data") else 1


def ask(stream: Stream, mn: str, request: str, by: str, wait_s: float) -> Asked | None:
    """Give the order and wait for what comes of it; None if nothing has come.

    Raises
    ------
    UnavailableError
        The stream is away.
    """
    order = Order(KIND, as_datetime(wall_ms()), by, mn, detail=request)
    stream.append("commands", to_json(order))
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        for one in told(stream):
            if (one.at, one.by, one.mn) == (order.at, by, mn):
                return one
        time.sleep(LOOK_S)
    return None


def said(asked: Asked, lang: Lang) -> str:
    """Return an outcome as lines for people."""
    lines = [f"{asked.request}: {asked.said.say(lang)}"]
    lines += [f"  {name} = {value}" for name, value in asked.items]
    return "\n".join(lines) + "\n"


def listed(lang: Lang) -> str:
    """Return every request there is, a line each."""
    lines = []
    for cn, operation in OPERATIONS.items():
        needed = [f"{name} ({FIELDS[name].say(lang)})" for name in operation.needed]
        may = [f"[{name} ({FIELDS[name].say(lang)})]" for name in operation.optional]
        lines.append(" ".join((f"CN={cn}", ASKS[cn].say(lang), *needed, *may)))
    return "\n".join(lines) + "\n"
