"""Gate cards: what must be known of a gate to say by when it has to be ordered; read from a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from geodata.places import Gate
from twin.errors import ConfigError, MissingError

STROKE_S = 300.0  # a gate of an imported model, until somebody measures it: electric
ON_SITE_S = 1800.0  # until people stand at a gate that is worked by hand
LEAKAGE = 0.02
YES, NO = frozenset({"1", "true", "yes", "y", "是"}), frozenset({"0", "false", "no", "n", "否"})


@dataclass(frozen=True, slots=True)
class Card:
    """One gate's card.

    Attributes
    ----------
    gate, link : str
    stroke_s : float
        Open to closed, measured where `measured` says so.
    dispatch_s : float
        Until somebody or something at the gate begins to move it.
    leakage : float
        Share of the open flow that passes when it is closed.
    usable : bool
        Not out of order.
    decision_s, margin_s : float or None
        None: as the configuration says.
    """

    gate: str
    link: str
    stroke_s: float = STROKE_S
    dispatch_s: float = 0.0
    leakage: float = LEAKAGE
    usable: bool = True
    drive: str = "electric"
    remote: bool = True
    decision_s: float | None = None
    margin_s: float | None = None
    owner: str = ""
    order_by: str = ""
    phone: str = ""
    pre_authorised: bool = True
    last_drill: str = ""
    normal_position: float = 1.0

    @classmethod
    def of(cls, gate: Gate) -> Card:
        """Return the card of a park's gate; one that is worked by hand needs people on site first."""
        return cls(
            gate=gate.id,
            link=gate.link,
            stroke_s=gate.stroke_s,
            dispatch_s=0.0 if gate.remote else ON_SITE_S,
            leakage=gate.leakage,
            drive=gate.drive,
            remote=gate.remote,
            owner=gate.owner.en,
            phone=gate.phone,
            pre_authorised=gate.pre_authorised,
            normal_position=gate.normal_position,
        )


def read_cards(path: Path, cards: Iterable[Card]) -> dict[str, Card]:
    """Return the cards with what a CSV table says of them; columns it lacks and empty cells change nothing.

    Raises
    ------
    MissingError
        There is no such file.
    ConfigError
        A gate is not known or a value cannot be read; the message names file, row and column.
    """
    known = {c.gate: c for c in cards}
    if not path.is_file():
        raise MissingError(f"there is no file {path}")
    with path.open(encoding="utf-8-sig", newline="") as lines:
        table = csv.DictReader(lines)
        if "gate" not in (table.fieldnames or ()):
            raise ConfigError(f"{path.name} has no column gate")
        for row in table:
            gate = (row["gate"] or "").strip()
            where = f"{path.name}, row {table.line_num}"
            if gate not in known:
                raise ConfigError(f"{where}, column gate: there is no gate {gate!r}")
            known[gate] = replace(known[gate], **_values(row, where))
    return known


def _values(row: Mapping[str, str | None], where: str) -> dict[str, Any]:
    """Read the cells of a row that a card has a place for."""
    found: dict[str, Any] = {}
    for f in fields(Card):
        text = (row.get(f.name) or "").strip()
        if not text or f.name in ("gate", "link"):
            continue
        kind = str(f.type)
        if kind == "bool":
            if text.lower() not in YES | NO:
                raise ConfigError(f"{where}, column {f.name}: {text!r} is neither yes nor no")
            found[f.name] = text.lower() in YES
        elif kind.startswith("float"):
            found[f.name] = _number(text, f"{where}, column {f.name}")
        else:
            found[f.name] = text
    return found


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ConfigError(f"{where}: {text!r} is not a number") from error
    if not 0.0 <= value < 1e7:
        raise ConfigError(f"{where}: {text} is not a time in seconds or a share, zero or more")
    return value
