"""`twin fingerprints export|import|learn`: the library as a table, and what normal discharge teaches."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from geodata import park as parks
from geodata.places import Park
from geodata.words import Lang, Text
from twin import fingerprints
from twin.clock import ParkClock, as_datetime, wall_ms
from twin.config import Config
from twin.errors import ConfigError, UnavailableError
from twin.fingerprint_learning import learn
from twin.history.reader import History
from twin.limits import Limits
from twin.model import AuditLine
from twin.park_file import present_path
from twin.records import Records
from twin.stream import Stream

ABOUT = Text("水质指纹库：导出、导入、从正常排放学习", "the fingerprint library: export, import, learn")
EXPORT = Text("写成 CSV；“-”写到屏幕", "write it as CSV; “-” prints it")
IMPORT = Text("读入 CSV；有一处错误就一行也不收", "take a CSV in; with one fault nothing is taken")
LEARN = Text("从各排口的正常排放和许可学习", "learn from every outlet's normal discharge and permit")
BY = Text("谁导入的", "who brings it")
DAYS = Text("看最近多少天", "how many days are looked at")
DRY = Text("只显示，不保存", "only show it, keep nothing")
INSTALLED = Text("指纹库第 {version} 版，{n} 条", "fingerprint library version {version}, {n} prints")
MANY = 100_000
NOTHING = Text("没有变化", "nothing has changed")
NOT_TAKEN = Text("有 {n} 处错误，一行也没有收", "{n} faults, nothing was taken")


def main(words: Sequence[str], lang: Lang, config: Config) -> int:
    """Run one task; returns 0, 1 where a table has faults, 2 where a file or setting is wrong."""
    o = _grammar(lang).parse_args(list(words))
    park = parks.read(present_path(config.parks))
    with closing(Records(config.db)) as records:
        records.create()
        if o.task == "export":
            return _export(o.file, records, park)
        if o.task == "import":
            return _import(o.file, o.by, records, park, config, lang)
        return _learn(o, records, park, config, lang)


def _grammar(lang: Lang) -> argparse.ArgumentParser:
    grammar = argparse.ArgumentParser(prog="twin fingerprints", description=ABOUT.say(lang))
    tasks = grammar.add_subparsers(dest="task", required=True, metavar="TASK")
    out = tasks.add_parser("export", help=EXPORT.say(lang), description=EXPORT.say(lang))
    out.add_argument("file", metavar="FILE")
    into = tasks.add_parser("import", help=IMPORT.say(lang), description=IMPORT.say(lang))
    into.add_argument("file", type=Path, metavar="FILE")
    into.add_argument("--by", required=True, metavar="NAME", help=BY.say(lang))
    teach = tasks.add_parser("learn", help=LEARN.say(lang), description=LEARN.say(lang))
    teach.add_argument("--days", type=float, default=30.0, metavar="N", help=DAYS.say(lang))
    teach.add_argument("--dry", action="store_true", help=DRY.say(lang))
    return grammar


def _export(file: str, records: Records, park: Park) -> int:
    table = fingerprints.write_csv(fingerprints.held(park, fingerprints.latest(records)))
    if file == "-":
        sys.stdout.write(table)
    else:
        # Spreadsheets of this country take a table without the mark for GBK.
        Path(file).write_text(table, encoding="utf-8-sig")
    return 0


def _import(file: Path, by: str, records: Records, park: Park, config: Config, lang: Lang) -> int:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    prints, faults = fingerprints.read_csv(fingerprints.decoded(data), park)
    if faults:
        for fault in faults:
            sys.stderr.write(f"{file.name} {fault.text().say(lang)}\n")
        sys.stderr.write(NOT_TAKEN.fill(n=len(faults)).say(lang) + "\n")
        return 1
    return _install(prints, by, file.name, records, config, lang)


def _learn(o: argparse.Namespace, records: Records, park: Park, config: Config, lang: Lang) -> int:
    now, limits = _now(config), Limits.load(park, config.limits)
    with closing(History(config.history)) as history:
        prints = learn(park, history, records.anomalies(limit=MANY), limits, now, o.days)
    if o.dry:
        sys.stdout.write(fingerprints.write_csv(prints))
        return 0
    return _install(prints, fingerprints.LEARNER, fingerprints.days_note(o.days), records, config, lang)


def _install(
    prints: Sequence[fingerprints.Print], by: str, note: str, records: Records, config: Config, lang: Lang
) -> int:
    now = _now(config)
    made = fingerprints.install(records, prints, now, by, note)
    said = NOTHING
    if made is not None:
        records.audit(AuditLine(now, by, "fingerprints.changed", str(made.version), made.why))
        said = INSTALLED.fill(version=made.version, n=len(made.prints))
    sys.stdout.write(said.say(lang) + "\n")
    return 0


def _now(config: Config) -> datetime:
    """Park time, or the time of day where nothing runs that would know of a drill."""
    try:
        with closing(Stream(config.redis)) as stream:
            return ParkClock(stream.clock).now()
    except UnavailableError:
        return as_datetime(wall_ms())
