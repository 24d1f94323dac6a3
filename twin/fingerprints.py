"""The fingerprint library: what each enterprise's water is usually made of, from where, and how old.

A print is one factor of one outlet's water, or of the enterprise's undiluted water wherever it comes out. The
library is kept whole: every change makes a new version, and earlier ones stay in the records. What the park
file says of undiluted water holds until the library says otherwise.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType

from geodata.formats.encoding import GBK, detect
from geodata.places import Fingerprint, Park
from geodata.words import Text
from twin.errors import MissingError, UnavailableError
from twin.factors import factor, known
from twin.ingest.units import multiple
from twin.records import Records

KIND = "fingerprints"  # of the papers in the records
RAW = ""  # outlet of a print that is of the undiluted water
USUAL_SPREAD = 0.45  # of a batch around its profile, in logs, where nobody has measured it
COLUMNS = ("enterprise", "outlet", "factor", "value", "unit", "spread", "samples", "as_of", "source")
NEEDED = ("enterprise", "factor", "value", "as_of")
LEARNED, PERMIT = "learned", "permit"
LEARNER = "learn"  # who brought a version that was learned from meters; its note is `days_note`
_DAYS = " d"
_FROM_DAYS = Text("最近 {n} 天的读数", "readings of the last {n} days")
TRIES = 5

Prints = dict[tuple[str, str, str], "Print"]
Change = Callable[[Prints], Prints]


@dataclass(frozen=True, slots=True)
class Print:
    """One factor of one water.

    Attributes
    ----------
    outlet : str
        Its id; empty for the enterprise's undiluted water wherever it comes out.
    value : float
        The middle, in the factor's unit.
    spread : float
        Standard deviation of the value's natural logarithm from sample to sample.
    samples : int
        How many values it was made of; 0 where that is not known.
    as_of : date
        The day of the newest of them.
    source : str
        learned, permit (only its limit is known), or as whoever brought it says.
    """

    enterprise: str
    outlet: str
    factor: str
    value: float
    spread: float
    samples: int
    as_of: date
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What there is one of in a library."""
        return self.enterprise, self.outlet, self.factor


@dataclass(frozen=True, slots=True)
class Library:
    """Every print that holds, as of one change."""

    version: int
    at: datetime
    by: str
    note: str
    prints: tuple[Print, ...]

    @property
    def why(self) -> Text:
        """The reason as people read it: their own words, or from how many days of readings it was learned."""
        if self.by == LEARNER and self.note.endswith(_DAYS):
            return _FROM_DAYS.fill(n=self.note.removesuffix(_DAYS))
        return Text(self.note, self.note)

    def of(self, enterprise: str, outlet: str) -> dict[str, Print]:
        """Return the prints of one water by factor."""
        return {p.factor: p for p in self.prints if (p.enterprise, p.outlet) == (enterprise, outlet)}

    @property
    def measured(self) -> tuple[Print, ...]:
        """What is known of single outlets' water; a permit's limit is no make-up."""
        return tuple(p for p in self.prints if p.outlet != RAW and p.source != PERMIT)


@dataclass(frozen=True, slots=True)
class Difference:
    """One factor of one water before and after a change; None where it is not known."""

    before: Print | None
    after: Print | None

    @property
    def either(self) -> Print:
        """The print after the change, else the one before it."""
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row of a table cannot be taken. row: as a spreadsheet counts, the heading is 1."""

    row: int
    field: str
    said: str
    why: Text

    def text(self) -> Text:
        """Say it in one line."""
        words = {"row": self.row, "field": self.field, "said": self.said, "why": self.why}
        return Text("第 {row} 行，{field}“{said}”：{why}", "row {row}, {field} “{said}”: {why}").fill(**words)


REASONS: Mapping[str, Text] = MappingProxyType(
    {
        "column": Text("表头缺少这一列：请补上", "the heading has no such column: add it"),
        "enterprise": Text(
            "园区没有这家企业：请写园区资料里的企业编号",
            "the park has no such enterprise: write its id as the park has it",
        ),
        "outlet": Text(
            "这家企业没有这个排口：请写它的排口编号，未稀释废水留空",
            "the enterprise has no such outlet: write the id of one, nothing for undiluted water",
        ),
        "factor": Text("因子不认识：请用 HJ 212 编码", "unknown factor: use its HJ 212 code"),
        "number": Text("不是数字：请写成 12.5 这样", "not a number: write it as 12.5"),
        "positive": Text(
            "必须大于 0：没有检出的请删去这一行", "must be above 0: leave out what was not found"
        ),
        "not negative": Text("不能小于 0：不知道请留空", "must not be below 0: leave it empty if unknown"),
        "whole": Text("必须是整数：样本的个数", "must be a whole number: how many samples"),
        "unit": Text(
            "单位不能换算到该因子的单位：请改用 mg/L 等，或留空",
            "the unit cannot be turned into the factor's: use mg/L or the like, or nothing",
        ),
        "date": Text(
            "不是日期，请写成 2026-06-30 或 2026-06", "not a date: write it as 2026-06-30 or 2026-06"
        ),
        "twice": Text(
            "与前面一行是同一水样同一因子：请只留一行",
            "the same water and factor as a row before: keep one of them",
        ),
    }
)


# the library in the records -------------------------------------------------------------------------------


def latest(records: Records) -> Library | None:
    """Return the library that holds; None before the first."""
    found = records.papers(KIND, Library, limit=1)
    return found[0] if found else None


def of_version(records: Records, version: int) -> Library | None:
    """Return the library as it was in one version; None where the records do not have it."""
    return records.paper(KIND, _id(version), Library)


def _id(version: int) -> str:
    return f"{version:08d}"


def versions(records: Records, limit: int = 50) -> list[Library]:
    """Return the library after every change, the newest first."""
    return records.papers(KIND, Library, limit=limit)


def days_note(days: float) -> str:
    """Return the note of a version that was learned from so many days of readings."""
    return f"{days:g}{_DAYS}"


def install(
    records: Records, prints: Iterable[Print], at: datetime, by: str, note: str = ""
) -> Library | None:
    """Take prints in; those of the same water and factor replace what was known. None if nothing changes.

    Raises
    ------
    UnavailableError
        The records are away, or several people change the library at once.
    """
    new = {p.key: p for p in prints}
    return _published(records, lambda before: before | new, at, by, note)


def turn_back(records: Records, version: int, at: datetime, by: str, note: str = "") -> Library | None:
    """Let an earlier version hold again, as a new one. None if it is what holds.

    Raises
    ------
    MissingError
        The records have no such version.
    UnavailableError
        As for `install`.
    """
    wanted = of_version(records, version)
    if wanted is None:
        raise MissingError(f"the records have no version {version} of the fingerprint library")
    again = {p.key: p for p in wanted.prints}
    return _published(records, lambda _: again, at, by, note)


def _published(records: Records, change: Change, at: datetime, by: str, note: str) -> Library | None:
    for _ in range(TRIES):
        old = latest(records)
        before = {} if old is None else {p.key: p for p in old.prints}
        after = change(before)
        if after == before:
            return None
        version = 1 if old is None else old.version + 1
        made = Library(version, at, by, note, tuple(after[k] for k in sorted(after)))
        if records.add_paper(KIND, _id(version), note, at, made):
            return made
    raise UnavailableError("the fingerprint library is being changed by others: try again")


def held(park: Park, library: Library | None) -> tuple[Print, ...]:
    """Return every print that holds: what the library says, and the park file where it says nothing."""
    told = {p.key: p for p in of_park(park)} | {p.key: p for p in (library.prints if library else ())}
    return tuple(told[k] for k in sorted(told))


def differences(old: Iterable[Print], new: Iterable[Print]) -> tuple[Difference, ...]:
    """Return what is other in `new`; prints a table would write alike are the same."""
    before, after = {p.key: p for p in old}, {p.key: p for p in new}
    pairs = (Difference(before.get(k), after.get(k)) for k in sorted(before.keys() | after.keys()))
    return tuple(d for d in pairs if d.before is None or d.after is None or _row(d.before) != _row(d.after))


def of_park(park: Park) -> tuple[Print, ...]:
    """Return what the park file says of undiluted water, as prints."""
    return tuple(
        Print(f.enterprise, RAW, f.factor, f.value, USUAL_SPREAD, 0, as_date(f.as_of) or date.min, f.source)
        for f in park.fingerprints
    )


def in_force(park: Park, library: Library | None) -> Park:
    """Return the park with the library's undiluted waters; the same park where there are none."""
    ours = {p.key: p for p in library.prints if p.outlet == RAW} if library else {}
    if not ours:
        return park
    theirs = [f for f in park.fingerprints if (f.enterprise, RAW, f.factor) not in ours]
    mine = [Fingerprint(p.enterprise, p.factor, p.value, p.source, str(p.as_of)) for p in ours.values()]
    return replace(park, fingerprints=tuple(sorted((*theirs, *mine), key=lambda f: (f.enterprise, f.factor))))


# tables ---------------------------------------------------------------------------------------------------


def write_csv(prints: Iterable[Print]) -> str:
    """Return prints as a table that `read_csv` reads again."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for p in sorted(prints, key=lambda p: p.key):
        table.writerow(_row(p))
    return out.getvalue()


def _row(p: Print) -> tuple[str, ...]:
    unit, value, spread = factor(p.factor).unit, f"{p.value:.6g}", f"{p.spread:.3g}"
    return (*p.key, value, unit, spread, str(p.samples), p.as_of.isoformat(), p.source)


def decoded(data: bytes) -> str:
    """Return the text of a table, in whichever charset spreadsheets here write: UTF-8, UTF-16 or GBK."""
    return data.decode(detect(data).encoding or GBK, "replace")


def read_csv(text: str, park: Park) -> tuple[list[Print], list[Fault]]:
    """Read a table; a table with faults should be taken not at all.

    Columns may come in any order; unit, outlet, spread, samples and source may be missing.
    """
    table = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), restkey="")
    table.fieldnames = [name.strip().lower() for name in table.fieldnames or ()]
    faults = [Fault(1, c, "", REASONS["column"]) for c in NEEDED if c not in table.fieldnames]
    if faults:
        return [], faults
    found: list[Print] = []
    seen: set[tuple[str, str, str]] = set()
    for row in table:
        cells = _Cells(table.line_num, {k: (v or "").strip() for k, v in row.items() if k}, faults)
        one = _print(cells, park)
        if one is None:
            continue
        if one.key in seen:
            cells.wrong("factor", "twice")
        seen.add(one.key)
        found.append(one)
    return ([] if faults else found), faults


@dataclass(slots=True)
class _Cells:
    """One row of a table; what is wrong with it goes to `faults`."""

    row: int
    cells: Mapping[str, str]
    faults: list[Fault]

    def wrong(self, field: str, reason: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(self.row, field, self.cells.get(field, ""), REASONS[reason]))

    def number(self, field: str, usual: float, least: str) -> float:
        """A number above 0 (`least` is positive) or not below it; `usual` where the cell is empty."""
        said = self.cells.get(field, "")
        if not said and not math.isnan(usual):
            return usual
        try:
            value = float(said)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.wrong(field, "number")
        elif value < 0 or (least == "positive" and value == 0):
            self.wrong(field, least)
        return value


def _print(cells: _Cells, park: Park) -> Print | None:
    before = len(cells.faults)
    said = cells.cells
    enterprise, outlet, code = said["enterprise"], said.get("outlet", RAW), said["factor"]
    if enterprise not in {e.id for e in park.enterprises}:
        cells.wrong("enterprise", "enterprise")
    elif outlet and (outlet, enterprise) not in {(o.id, o.enterprise) for o in park.outlets}:
        cells.wrong("outlet", "outlet")
    if code not in {f.code for f in known()}:
        cells.wrong("factor", "factor")
    times = multiple(said.get("unit", ""), code)
    if times is None:
        cells.wrong("unit", "unit")
    value = cells.number("value", math.nan, "positive")
    spread = cells.number("spread", USUAL_SPREAD, "not negative")
    samples = cells.number("samples", 0.0, "not negative")
    if math.isfinite(samples) and samples != int(samples):
        cells.wrong("samples", "whole")
    day = as_date(said["as_of"])
    if day is None:
        cells.wrong("as_of", "date")
    if len(cells.faults) > before or day is None or times is None:
        return None
    return Print(enterprise, outlet, code, value * times, spread, int(samples), day, said.get("source", ""))


def as_date(said: str) -> date | None:
    """Read a day, or a month as its first day."""
    try:
        return date.fromisoformat(said if len(said) != 7 else f"{said}-01")
    except ValueError:
        return None
