"""Upper platforms that frames are relayed to: where, which loggers, under which names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twin.ingest.fields import Fields
from twin.ingest.hj212.sealing import Seal
from twin.ingest.hj212.sm4 import Cipher

DATA = (
    *("2011", "2021", "2031", "2041", "2051", "2061", "2081", "3015", "3019", "3020"),
    *("2013", "2052", "2062", "2111"),  # HJ 212-2025
)
_PW = re.compile(r"[0-9A-Za-z]{1,24}")
_MN = re.compile(r"[0-9A-Za-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Target:
    """One upper platform.

    Attributes
    ----------
    mns : mapping of str to str
        Our MN to the one the target knows; a logger that is not listed keeps its own.
    only : frozenset of str
        Loggers (our MN) that are relayed; empty for all.
    pw : str
        In place of the loggers' own; empty: as sent.
    pws : mapping of str to str
        The same for single loggers (our MN).
    cns : frozenset of str
        Commands that are relayed.
    proven : bool
        Ask the target for an answer to every frame, whatever the logger asked for; a frame is done when it is
        answered. False: frames go as they came, and one that wants no answer is done when it was sent.
    over_time_s, re_count
        How long an answer is waited for, and how often a frame is sent again on one connection (HJ 212-2017,
        6.2).
    at_once : int
        Loggers whose frames are under way at the same time; of each only one frame is.
    keep : int
        Frames kept for a target that is away; beyond it the oldest give way, and are counted.
    late_s : float
        From which delay on a frame of HJ 212-2025 is marked as sent again (RF=1).
    """

    name: str
    host: str
    port: int
    mns: dict[str, str]
    only: frozenset[str]
    pw: str
    pws: dict[str, str]
    cns: frozenset[str]
    proven: bool
    over_time_s: float
    re_count: int
    at_once: int
    keep: int
    late_s: float
    seal: Seal | None = None

    def wants(self, mn: str, cn: str) -> bool:
        """Tell whether a logger's frame is relayed."""
        return cn in self.cns and (not self.only or mn in self.only)


def read_target(f: Fields) -> Target:
    """Read one `[[forward]]`.

    Raises
    ------
    ConfigError
        A setting cannot be used.
    """
    cns = f.texts("cns") or DATA
    key = f.text("sm4_key", "")
    try:
        cipher = Cipher(bytes.fromhex(key)) if key else None
    except ValueError as error:
        raise f.wrong(f"sm4_key: {error}") from error
    form = f.choice("sm4_form", ("raw", "text"), "raw")
    target = Target(
        f.text("name"),
        f.text("host"),
        f.whole("port", least=1, most=65_535),
        f.words("mn"),
        frozenset(f.texts("only")),
        f.text("pw", ""),
        f.words("pws"),
        frozenset(cns),
        f.switch("proven", True),
        f.number("over_time_s", 10.0, least=0.1),
        f.whole("re_count", 3, most=99),
        f.whole("at_once", 64, least=1, most=4096),
        f.whole("keep", 5_000_000, least=1000),
        f.number("late_s", 300.0, least=0.0),
        None if cipher is None else Seal((cipher,), "raw" if form == "raw" else "text"),
    )
    f.done()
    odd = [p for p in (target.pw, *target.pws.values()) if p and not _PW.fullmatch(p)]
    odd += [m for m in target.mns.values() if not _MN.fullmatch(m)]
    if odd:
        raise f.wrong(f"{odd[0]!r} cannot be a PW or MN")
    if len(set(target.mns.values())) != len(target.mns):
        raise f.wrong("two loggers would have the same MN there")
    unknown = set(cns) - set(DATA)
    if unknown:
        raise f.wrong(f"cns: {', '.join(sorted(unknown))} is no data (known: {', '.join(DATA)})")
    return target
