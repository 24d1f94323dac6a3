"""Back-fill: readings of the past from files and requests, written as a gateway writes them.

Their natural key is that of every reading (logger, factor, kind, moment), so sending a file again changes
nothing, and a corrected value takes the place of the old one, which the history keeps.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from geodata import park as parks
from geodata.formats import tables
from geodata.formats.report import FormatError
from geodata.words import Text, as_lang
from twin.blocks import BlockBuilder, encode
from twin.clock import ParkClock, as_datetime, wall_ms
from twin.config import Config
from twin.errors import ConfigError
from twin.ingest import sheets
from twin.ingest.hj212.readings import Row
from twin.ingest.rows import Fault, Roll, read_row
from twin.model import AuditLine
from twin.shards import shard_of
from twin.stream import Stream

IN_A_BLOCK = 2000
FAULTS_KEPT = 1000
WHAT = "backfill"


@dataclass(slots=True)
class Report:
    """What became of the rows. faults: the first of them; refused: how many there were."""

    taken: int = 0
    refused: int = 0
    faults: list[Fault] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    by_mn: Counter[str] = field(default_factory=Counter)

    def add(self, fault: Fault) -> None:
        """Note a row that was not taken."""
        self.refused += 1
        self.reasons[fault.reason] += 1
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(fault)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "taken": self.taken,
            "refused": self.refused,
            "reasons": dict(self.reasons),
            "faults": [fault.as_dict() for fault in self.faults],
        }


class Backfill:
    """Takes rows in and writes them, block by block.

    Parameters
    ----------
    source : str
        Kept with every reading: where it came from.
    may : callable
        Tells whether the sender may write for a logger.

    Raises
    ------
    UnavailableError
        From `add` and `end`: the stream is away. What was taken before is written; send all of it again.
    """

    def __init__(
        self,
        stream: Stream,
        roll: Roll,
        source: str,
        now_ms: Callable[[], int] = wall_ms,
        may: Callable[[str], bool] = lambda mn: True,
    ) -> None:
        self.report = Report()
        self._stream = stream
        self._roll = roll
        self._source = source
        self._now = now_ms()
        self._may = may
        self._builders: dict[int, BlockBuilder] = {}

    def add(self, row: int, entry: object) -> None:
        """Take one row in, or note why not."""
        found = self._read(row, entry)
        if isinstance(found, Fault):
            self.report.add(found)
            return
        mn = found[0].mn
        shard = shard_of(mn, self._stream.shards)
        builder = self._builders.setdefault(shard, BlockBuilder())
        builder.add(self._raw(row, entry), wall_ms(), [found])
        self.report.taken += 1
        self.report.by_mn[mn] += 1
        if builder.frames >= IN_A_BLOCK:
            self._write(shard)

    def end(self) -> Report:
        """Write what is left and return what became of everything."""
        for shard in list(self._builders):
            self._write(shard)
        return self.report

    def _read(self, row: int, entry: object) -> Row | Fault:
        if not isinstance(entry, Mapping):
            return Fault(row, "", "not_a_row", str(entry)[:80])
        found = read_row(entry, self._roll, self._now, row)
        if not isinstance(found, Fault) and not self._may(found[0].mn):
            return Fault(row, "station", "station_not_yours", found[0].mn)
        return found

    def _write(self, shard: int) -> None:
        builder = self._builders.pop(shard)
        self._stream.append("readings", encode(builder.build()), shard=shard)

    def _raw(self, row: int, entry: object) -> bytes:
        said = json.dumps(entry, ensure_ascii=False, default=str, separators=(",", ":"))
        return f"{self._source} {row}: {said}".encode()


def run(config: Config, o: argparse.Namespace) -> int:
    """`twin backfill`: returns 0 if every row was taken, 1 if some were not, 2 if a file could not be read.

    Raises
    ------
    ConfigError
        There is no park file, or a mapping cannot be used.
    """
    if not config.park.is_file():
        raise ConfigError(f"there is no park file {config.park}: set TWIN_PARK")
    said = sheets.read_mapping(o.mapping)
    given = replace(
        said, station=o.station or said.station, kind=o.kind or said.kind, flag=o.flag or said.flag
    )
    roll = Roll(parks.read(config.park))
    code = 0
    with closing(Stream(config.redis)) as stream:
        for path in o.files:
            report = fill_from(config, stream, roll, path, given, o)
            code = max(code, 2 if report is None else int(report.refused > 0))
    return code


def fill_from(
    config: Config,
    stream: Stream,
    roll: Roll,
    path: Path,
    given: sheets.Given,
    o: argparse.Namespace,
) -> Report | None:
    """Back-fill one file and tell what became of it; None for a file that cannot be read.

    Raises
    ------
    UnavailableError
        The stream is away: give the file again.
    """
    lang = as_lang(config.lang)
    try:
        found = tables.read(path, o.encoding)
    except (FormatError, OSError) as error:
        said = error.text.say(lang) if isinstance(error, FormatError) else str(error)
        sys.stderr.write(f"{said}\n")
        return None
    total = Report()
    for sheet in found:
        heads = [str(c) for c in sheet.frame.columns]
        how = sheets.plan(heads, given)
        if how.missing:
            sys.stderr.write(NO_FIELD.fill(sheet=sheet.key, field=how.missing).say(lang) + "\n")
            return None
        if how.ignored:
            sys.stderr.write(IGNORED.fill(sheet=sheet.key, heads=", ".join(how.ignored)).say(lang) + "\n")
        it = Backfill(stream, roll, f"file {sheet.key}", ParkClock(stream.clock).now_ms)
        rows: Iterable[Any] = sheet.frame.itertuples(index=False, name=None)
        for n, entry in sheets.entries(how, rows):
            it.add(sheet.first_row + n, entry)
        report = it.end()
        for fault in report.faults:
            line = FAULT.fill(
                sheet=sheet.key, row=fault.row, field=fault.field, why=fault.text, said=fault.said
            )
            sys.stderr.write(line.say(lang) + "\n")
        total.taken += report.taken
        total.refused += report.refused
        total.reasons += report.reasons
    done = DONE.fill(file=path.name, taken=total.taken, refused=total.refused)
    sys.stdout.write(done.say(lang) + "\n")
    audit(config, o.by or getpass.getuser(), path.name, done)
    return total


def audit(config: Config, who: str, about: str, detail: Text) -> None:
    """Keep on record who back-filled what."""
    from twin.records import Records

    config.data.mkdir(parents=True, exist_ok=True)
    with closing(Records(config.db)) as records:
        records.create()
        records.audit(AuditLine(as_datetime(wall_ms()), who, WHAT, about, detail))


NO_FIELD = Text(
    "{sheet}：没有哪一列是 {field}；请用 --mapping 指定",
    "{sheet}: no column is {field}; say it with --mapping",
)
IGNORED = Text("{sheet}：未使用的列：{heads}", "{sheet}: columns not used: {heads}")
FAULT = Text("{sheet} 第 {row} 行 {field}：{why}（{said}）", "{sheet} row {row}, {field}: {why} ({said})")
DONE = Text("{file}：补录 {taken} 条，拒收 {refused} 条", "{file}: {taken} readings taken, {refused} refused")
