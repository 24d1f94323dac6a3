"""`twin plan PARK`: a release in; when it comes where, which gates to close by when, and what that keeps."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from geodata.words import Lang, Text
from twin.config import Config
from twin.errors import ConfigError, MissingError
from twin.hydraulics.runner import Runners
from twin.park_file import network_of, open_park
from twin.park_trace import Places
from twin.plan import waters as water
from twin.plan.by_hand import answer
from twin.plan.cards import read_cards
from twin.plan.deadlines import Spill

ABOUT = Text(
    "一次泄漏：何时到何处、最晚何时关哪些闸、保住多少",
    "one release: when it comes where, which gates to close by when, and what that keeps",
)
FILE = Text("园区文件 .gpkg，或 SWMM 模型 .inp", "a park file .gpkg, or a SWMM model .inp")
RELEASE = Text("泄漏进入的节点（或排口编号）", "node (or outlet) where it enters")
RATE = Text("每秒千克", "kilograms a second")
STARTED = Text("泄漏开始时间，ISO 8601", "when the release began, ISO 8601; UTC where no zone is given")
MINUTES = Text("泄漏持续多少分钟", "how many minutes it lasts")
NOW = Text("现在的时间，ISO 8601", "the moment of the plan, ISO 8601")
SEEN = Text(
    "站点首次读到的时间，节点=ISO 8601；可多个",
    "when a station first read it, NODE=ISO 8601; several may be given",
)
CARDS = Text(
    "闸卡表 CSV:gate, stroke_s, dispatch_s, leakage, usable, …",
    "gate cards as CSV: gate, stroke_s, dispatch_s, decision_s, margin_s, leakage, usable, ...",
)
RECEPTORS = Text("要保护的敏感点或节点", "receptors (or nodes) to be kept clean")
MOST = Text("最多试算多少种组合", "the most sets of gates that are tried")
AS_JSON = Text(
    "结果写成一个 JSON 对象；流经取水口再入海的量在 receptors 里两处都计，"
    "kept_kg、lost_kg 等合计以泄漏总量为上限，不是逐滴核算",
    "print one JSON object; what passes an intake on its way to the sea counts at both in receptors, and "
    "sums such as kept_kg and lost_kg are capped at what was released, not reckoned drop by drop",
)


def main(words: Sequence[str], lang: Lang, config: Config) -> int:
    """Plan once; returns 0, or 2 where a file, an id or a time is wrong."""
    grammar = argparse.ArgumentParser(prog="twin plan", description=ABOUT.say(lang))
    grammar.add_argument("park", type=Path, help=FILE.say(lang))
    grammar.add_argument("--release", required=True, metavar="NODE", help=RELEASE.say(lang))
    grammar.add_argument("--rate", required=True, type=float, metavar="KG_PER_S", help=RATE.say(lang))
    grammar.add_argument("--started", required=True, metavar="ISO", help=STARTED.say(lang))
    grammar.add_argument("--minutes", required=True, type=float, metavar="M", help=MINUTES.say(lang))
    grammar.add_argument("--now", required=True, metavar="ISO", help=NOW.say(lang))
    grammar.add_argument("--seen", nargs="+", default=[], metavar="NODE=ISO", help=SEEN.say(lang))
    grammar.add_argument("--cards", type=Path, metavar="CSV", help=CARDS.say(lang))
    grammar.add_argument("--receptors", nargs="+", default=[], metavar="ID", help=RECEPTORS.say(lang))
    grammar.add_argument("--most", type=int, default=40, metavar="N", help=MOST.say(lang))
    grammar.add_argument("--json", action="store_true", help=AS_JSON.say(lang))
    o = grammar.parse_args(list(words))
    try:
        found = plan(o, config, lang)
    except (MissingError, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write((json.dumps(found, ensure_ascii=False) if o.json else _in_words(found, lang)) + "\n")
    return 0


def plan(o: argparse.Namespace, config: Config, lang: Lang) -> dict[str, Any]:
    """Return the answer to a question of the command line."""
    started, now = water.moment(o.started), water.moment(o.now)
    if not o.minutes > 0 or not o.rate > 0:
        raise ConfigError("a release has a rate and a length above zero")
    with Runners(2) as runners:
        runners.warm()
        scene = _scene(o, started, lang)
        if o.cards:
            scene = water.with_cards(scene, read_cards(o.cards, scene.cards.values()))
        if o.receptors:
            scene = water.with_receptors(scene, o.receptors)
        if not _is_model(o.park):
            scene = water.warmed(scene, runners)
        spill = Spill(started, o.minutes * 60, o.rate, now, _seen(o.seen, scene))
        return answer(scene, spill, runners, config, most=o.most)


def _scene(o: argparse.Namespace, started: datetime, lang: Lang) -> water.Waters:
    if not o.park.is_file():
        raise MissingError(f"there is no file {o.park}")
    if _is_model(o.park):
        return water.of_model(o.park, o.release, started)
    park = open_park(o.park)
    node = Places(park, network_of(park, o.park), lang).start(o.release, back=False).nodes[0]
    return water.of_park(park, node, started)


def _seen(told: Sequence[str], scene: water.Waters) -> dict[str, datetime]:
    """Read when stations saw it."""
    found = {}
    for text in told:
        node, sign, at = text.partition("=")
        if not sign:
            raise ConfigError(f"--seen {text}: write NODE=ISO, such as V3-28=2026-11-22T03:42:00+08:00")
        if node not in scene.nodes():
            raise ConfigError(f"--seen {text}: there is no node {node}")
        found[node] = water.moment(at)
    return found


def _is_model(path: Path) -> bool:
    return path.suffix.lower() == ".inp"


def _in_words(found: dict[str, Any], lang: Lang) -> str:
    lines = [found["reason"] if lang == "en" else found["reason_zh"]]
    lines += [
        f"{gate['gate']}\t{gate['close_by']}\t{gate['slack_s'] / 60:+.0f} min"
        for gate in found["gates"]
        if gate["close_by"]
    ]
    return "\n".join(lines)
