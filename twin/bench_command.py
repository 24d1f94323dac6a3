"""`twin bench TASK`: what can be measured, and with which options; imports nothing heavy before it must."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from geodata.words import Lang, Text, as_lang
from twin.config import Config

INGEST = Text(
    "接入性能：真实连接、真实接入进程、落盘后应答；结果为一行 JSON",
    "ingestion: real sockets, the real gateway, answers when durable; the result is one line of JSON",
)
TRACE = Text(
    "溯源：回答一个文件夹的案例，每例一个答案文件；不读真值",
    "tracing: answer a folder of recorded cases, one file each; the truth is not read",
)
MAP = Text(
    "地图：真实浏览器，测点每秒变化；结果为一行 JSON",
    "the map: a real browser, stations that change every second; the result is one line of JSON",
)
LIVE = Text(
    "实时推送：许多页面的连接，其中有读得极慢的；结果为一行 JSON",
    "the live feed: many pages' connections, some of them hardly reading; the result is one line of JSON",
)
PLAN = Text(
    "关闸方案：随机泄漏，与真值模型中穷举的最优比较；结果为一行 JSON",
    "gate plans: random spills against the best there was in a true model; the result is one line of JSON",
)
NETWORKS = Text("管网文件夹，内有 <名称>.network.json", "folder of networks, <name>.network.json")
CASES = Text("案例文件夹，内有 *.json.gz", "folder of cases, *.json.gz")
OUT = Text("答案写到哪个文件夹", "folder for the answers")
MODE = Text("full 用全部数据，early 只用到早期截止时刻", "full: all samples; early: until the early cutoff")
NO_FINGERPRINT = Text("不用水样和水质指纹", "leave the grab sample and the profiles aside")
JOBS = Text("同时用几个进程", "processes at a time")
POINTS = Text("每秒读数", "readings a second")
STATIONS = Text("测点数", "how many stations")
LINES = Text("另加的管线数", "how many pipes beside the demo's")
CHANGING = Text("每秒变化的测点数", "how many stations change each second")
CLIENTS = Text("页面连接数", "connections of pages")
SLOW = Text("其中有几个几乎不读", "how many of them hardly read")
SPILLS = Text("泄漏次数；每次约一分钟", "how many spills; about a minute each")
SPILL_SEED = Text("随机种子", "seed of the spills")
FIRST = Text("从第几次泄漏开始，便于分段", "number of the first spill: a long bench may be played in parts")
RUNS = Text("同时计算几个", "how many runs of the engine go on at a time")
CACHE = Text(
    "存放各次泄漏真实结果的文件夹", "folder where the truth of every spill is kept for the next time"
)
ARRIVALS_ONLY = Text(
    "只检验到达时间的区间：每次泄漏只算几次，不搜索关闸组合",
    "hold only the bands of arrivals against the truth: a few runs a spill, no search for gates",
)
SECONDS = Text("测量多少秒", "how many seconds are measured")
SOCKETS = Text("连接数", "connections")
CLUSTER = Text(
    "在三节点 Redis 集群上，两个接入进程和两个监视进程，途中杀掉一个监视进程",
    "on a Redis Cluster of three nodes, with two gateways and two watches, one of which is killed",
)
NUMBERS: Mapping[str, tuple[Text, tuple[tuple[str, int, Text], ...]]] = {
    "ingest": (
        INGEST,
        (("points", 208_490, POINTS), ("seconds", 60, SECONDS), ("sockets", 2000, SOCKETS)),
    ),
    "map": (MAP, (("points", 10_000, STATIONS), ("lines", 0, LINES), ("changing", 1000, CHANGING))),
    "live": (
        LIVE,
        (
            ("clients", 50, CLIENTS),
            ("slow", 10, SLOW),
            ("points", 10_000, STATIONS),
            ("changing", 2000, CHANGING),
            ("seconds", 60, SECONDS),
        ),
    ),
    "plan": (
        PLAN,
        (("spills", 4, SPILLS), ("seed", 1, SPILL_SEED), ("first", 0, FIRST), ("jobs", 2, RUNS)),
    ),
}
"""Tasks whose options are whole numbers: name, usual value, what it is."""


def options(tasks: Any, lang: Lang) -> None:
    """Add the tasks to the command's grammar.

    Parameters
    ----------
    tasks : subparsers of argparse
    """
    for name, (about, numbers) in NUMBERS.items():
        task = tasks.add_parser(name, help=about.say(lang), description=about.say(lang))
        for option, usual, text in numbers:
            task.add_argument(f"--{option}", type=int, default=usual, metavar="N", help=text.say(lang))
        if name == "ingest":
            task.add_argument("--cluster", action="store_true", help=CLUSTER.say(lang))
        if name == "plan":
            task.add_argument("--cache", type=Path, metavar="DIR", help=CACHE.say(lang))
            task.add_argument("--arrivals-only", action="store_true", help=ARRIVALS_ONLY.say(lang))
    trace = tasks.add_parser("trace", help=TRACE.say(lang), description=TRACE.say(lang))
    for option, text in (("networks", NETWORKS), ("cases", CASES), ("out", OUT)):
        trace.add_argument(f"--{option}", type=Path, required=True, metavar="DIR", help=text.say(lang))
    trace.add_argument("--mode", choices=("full", "early"), default="full", help=MODE.say(lang))
    trace.add_argument("--no-fingerprint", action="store_true", help=NO_FINGERPRINT.say(lang))
    trace.add_argument("--jobs", type=int, default=1, metavar="N", help=JOBS.say(lang))


def run(config: Config, o: argparse.Namespace) -> int:
    """Measure; returns the exit code."""
    return TASKS[o.task](config, o)


def _ingest(config: Config, o: argparse.Namespace) -> int:
    from twin import bench_cluster, bench_ingest

    bench = bench_cluster if o.cluster else bench_ingest
    return bench_ingest.tell(bench.run(config, o.points, o.seconds, o.sockets))


def _trace(config: Config, o: argparse.Namespace) -> int:
    from twin import bench_trace

    how = bench_trace.Options(o.mode == "early", not o.no_fingerprint)
    return bench_trace.main(o.networks, o.cases, o.out, how, max(o.jobs, 1), as_lang(config.lang))


def _map(_: Config, o: argparse.Namespace) -> int:
    from twin import bench_map

    return bench_map.main(o.points, o.lines, o.changing)


def _live(_: Config, o: argparse.Namespace) -> int:
    from twin import bench_live

    return bench_live.main(o.clients, o.slow, o.points, o.changing, o.seconds)


def _plan(config: Config, o: argparse.Namespace) -> int:
    from twin import bench_plan

    return bench_plan.main(
        config,
        o.spills,
        o.seed,
        cache=o.cache,
        jobs=max(o.jobs, 1),
        first=max(o.first, 0),
        arrivals_only=o.arrivals_only,
    )


TASKS: Mapping[str, Callable[[Config, argparse.Namespace], int]] = {
    "ingest": _ingest,
    "trace": _trace,
    "map": _map,
    "live": _live,
    "plan": _plan,
}
