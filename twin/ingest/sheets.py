"""Tables of people to rows: which column is what. One value a row, or one column a factor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from twin.errors import ConfigError
from twin.ingest import fields
from twin.ingest.rows import factor_of, fold

FIELDS = ("station", "factor", "time", "value", "kind", "stat", "unit", "flag")
NOTHING = frozenset({"", "/", "-", "--", "—", "无", "null", "none", "nan", "n/a", "*", "未检测", "缺测"})
_HEADS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "station": ("站点", "站点编号", "站点名称", "测点", "点位", "监测点", "监测点位", "排口", "station",
                    "site", "station id", "mn", "mn号", "数采仪编号", "设备编号"),
        "factor": ("因子", "监测因子", "因子编码", "项目", "监测项目", "factor", "parameter", "code"),
        "time": ("时间", "监测时间", "数据时间", "采样时间", "日期", "日期时间", "time", "datatime",
                 "datetime", "timestamp", "date"),
        "value": ("值", "数值", "监测值", "结果", "监测结果", "浓度", "value", "result"),
        "kind": ("类型", "数据类型", "kind", "type"),
        "stat": ("统计量", "统计", "stat", "statistic"),
        "unit": ("单位", "unit"),
        "flag": ("标记", "数据标记", "flag", "mark"),
    }
)  # fmt: skip
_FIELD_OF = {fold(head): name for name, heads in _HEADS.items() for head in heads}


@dataclass(frozen=True, slots=True)
class Given:
    """What a person says of a table: values for every row, and columns by our name for them.

    columns: a column's head -> one of `FIELDS`, a factor's code, or "skip".
    """

    station: str = ""
    kind: str = ""
    stat: str = ""
    flag: str = ""
    columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """How the rows of one table are read.

    Attributes
    ----------
    at : dict
        Column of each of our fields.
    wide : tuple of (column, factor code, unit)
        Columns that hold one factor each.
    ignored : tuple of str
        Heads that mean nothing here.
    """

    at: dict[str, int]
    wide: tuple[tuple[int, str, str], ...]
    ignored: tuple[str, ...]
    given: Given

    @property
    def missing(self) -> str:
        """Which field no column and nobody gives; empty where all are there."""
        wanted = ["time", "station", "kind"] + ([] if self.wide else ["factor", "value"])
        given = {"station": self.given.station, "kind": self.given.kind}
        return next((name for name in wanted if name not in self.at and not given.get(name)), "")


def read_mapping(path: Path | None) -> Given:
    """Read a mapping file.

    Raises
    ------
    ConfigError
        It cannot be read or used.
    """
    if path is None:
        return Given()
    f = fields.read(path, "--mapping")
    station, kind, stat, flag = (f.text(name, "") for name in ("station", "kind", "stat", "flag"))
    found = Given(station, kind, stat, flag, f.words("columns"))
    f.done()
    for head, name in found.columns.items():
        if name not in (*FIELDS, "skip") and factor_of(name) is None:
            raise ConfigError(
                f"{path}: {head} = {name!r}: write one of {', '.join(FIELDS)}, skip or a factor"
            )
    return found


def plan(heads: Sequence[str], given: Given) -> Plan:
    """Work out which column is what: by the mapping first, by its head else."""
    at: dict[str, int] = {}
    wide: list[tuple[int, str, str]] = []
    ignored = []
    for i, head in enumerate(heads):
        name = given.columns.get(head) or _FIELD_OF.get(fold(head), "")
        unit = ""
        if not name or name not in (*FIELDS, "skip"):
            found = factor_of(name or head)
            if found is not None:
                unit = found[1] or (factor_of(head) or ("", ""))[1]
                wide.append((i, found[0], unit))
                continue
        if name in FIELDS and name not in at:
            at[name] = i
        elif name != "skip" and head:
            ignored.append(head)
    if "factor" in at and "value" in at:
        ignored += [heads[i] for i, _, _ in wide]
        wide = []
    return Plan(at, tuple(wide), tuple(ignored), given)


def entries(plan: Plan, rows: Iterable[Sequence[Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Go through the values of a table: number of the row from 0, and what it says of each of our fields.

    A cell without a value in a column of a factor is no reading and no fault; an empty row is none either.
    """
    given = plan.given
    fixed = {"station": given.station, "kind": given.kind, "stat": given.stat, "flag": given.flag}
    for n, row in enumerate(rows):
        if all(_nothing(cell) for cell in row):
            continue
        said: dict[str, Any] = {name: value for name, value in fixed.items() if value}
        said |= {name: row[i] for name, i in plan.at.items() if i < len(row) and not _nothing(row[i])}
        if not plan.wide:
            yield n, said
        for i, code, unit in plan.wide:
            if i < len(row) and not _nothing(row[i]):
                yield n, said | {"factor": code, "value": row[i], "unit": unit}


def _nothing(cell: object) -> bool:
    return cell is None or cell != cell or (isinstance(cell, str) and cell.strip().casefold() in NOTHING)
