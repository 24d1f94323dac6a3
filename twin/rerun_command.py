"""`twin rerun INCIDENT`: a ranking on record, made again from what it says it was made of."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime

from geodata.versions import Store
from geodata.words import Lang, Text
from twin.config import Config
from twin.errors import ConfigError, MissingError
from twin.fingerprints import of_version
from twin.history.reader import History
from twin.lab import of as results_of
from twin.model import Ranking
from twin.park_watch import ParkWatch, Present
from twin.records import Records
from twin.stream import Stream
from twin.trace.rerun import again
from twin.trace.valves import Stood

ABOUT = Text("按记录重算一次疑似源排序，并核对数值", "make a ranking on record again and compare the numbers")
INCIDENT = Text("事件编号", "number of the incident")
AT = Text("哪一次排序（ISO 8601），缺省为最后一次", "which ranking (ISO 8601); the last one if not given")
NO_INCIDENT = Text("没有事件 {id}", "there is no incident {id}")
NO_RANKING = Text("事件 {id} 在该时刻没有排序", "incident {id} has no ranking of that moment")
NO_BASIS = Text("该排序没有记录依据", "that ranking does not say what it was made of")
HEAD = Text(
    "{id}　{at}　园区 {park}　程序 {code}　参数 {parameters}　读数 {n} 条 {readings}",
    "{id} at {at}: park {park}, program {code}, parameters {parameters}, {n} readings {readings}",
)
SAME = Text("重算数值相同", "the numbers are the same")
APART = Text(
    "重算数值不同，概率最大相差 {worst:.4f}：{why}", "the numbers differ, by {worst:.4f} at most: {why}"
)
NOTHING_ELSE = Text("依据未变", "though nothing it was made of has changed")


def main(words: Sequence[str], lang: Lang, config: Config) -> int:
    """Make a ranking again; 0 where every number is the same, 1 where one is not."""
    grammar = argparse.ArgumentParser(prog="twin rerun", description=ABOUT.say(lang))
    grammar.add_argument("incident", help=INCIDENT.say(lang))
    grammar.add_argument("--at", type=datetime.fromisoformat, help=AT.say(lang))
    o = grammar.parse_args(words)
    with ExitStack() as stack:
        records = stack.enter_context(closing(Records(config.db)))
        records.create()
        incident = records.incident(o.incident)
        if incident is None:
            raise MissingError(NO_INCIDENT.fill(id=o.incident).say(lang))
        old = _ranking(records, o.incident, o.at, lang)
        stream = stack.enter_context(closing(Stream(config.redis)))
        history = stack.enter_context(closing(History(config.history, stream)))
        park, network, _ = _then(config, old.park_version)
        library = of_version(records, old.basis.library) if old.basis and old.basis.library else None
        made, results = old.basis, results_of(records, o.incident)
        stood = Stood.of(records.gate_rows(made.since, made.until), park.devices) if made else None
        found = again(old, incident, results, history, park, network, library, stood)
    for s, t in zip(old.suspects[:5], found.ranking.suspects[:5], strict=False):
        sys.stdout.write(f"{s.enterprise} {s.probability:.4f}   {t.enterprise} {t.probability:.4f}\n")
    sys.stdout.write(_head(old).say(lang) + "\n")
    joined = Text("；".join(w.zh for w in found.why), "; ".join(w.en for w in found.why))
    said = SAME if found.same else APART.fill(worst=found.worst, why=joined if found.why else NOTHING_ELSE)
    sys.stdout.write(said.say(lang) + "\n")
    return 0 if found.same else 1


def _then(config: Config, version: str) -> Present:
    """Return the park of a version where its file was kept, else the present one."""
    present = ParkWatch(config.parks, config.limits, config.flows).present
    if present.park.version == version:
        return present
    try:
        return Present.of(Store(config.versions).kept(version), config.limits)
    except (KeyError, ValueError):
        return present


def _ranking(records: Records, incident: str, at: datetime | None, lang: Lang) -> Ranking:
    known = records.rankings(incident)
    if at is not None:
        moment = at if at.tzinfo else at.replace(tzinfo=UTC)
        known = [r for r in known if abs((r.at - moment).total_seconds()) < 1]
    if not known:
        raise MissingError(NO_RANKING.fill(id=incident).say(lang))
    if known[-1].basis is None:
        raise ConfigError(NO_BASIS.say(lang))
    return known[-1]


def _head(old: Ranking) -> Text:
    made = old.basis
    return HEAD.fill(
        id=old.incident,
        at=old.at.isoformat(timespec="seconds"),
        park=old.park_version,
        code=old.code_version,
        parameters=made.parameters if made else "",
        n=old.readings_used,
        readings=made.readings if made else "",
    )
