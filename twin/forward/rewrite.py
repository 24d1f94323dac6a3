"""Frames as a target wants them: its MN and PW, an answer asked for, its seal. Everything else as it came.

A frame that needs no change is passed on byte for byte. One whose framing a strict platform would refuse
(another check, no tail) is framed anew; its data area stays as it is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from twin.blocks import Block
from twin.forward.targets import Target
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.times import qn as qn_text
from twin.ingest.hj212.times import stamp
from twin.ingest.hj212.write import Group, Message, frame, frames

Unseal = Callable[[bytes], Sequence[bytes] | None]
SURFACE_WATER = "21"  # its protocol has the version bits of HJ 212-2025 but not its RF
_HEADER = re.compile(rb"(?:^##\d{1,4}|;)(CN|MN)=([^;&]{1,40})")
_FRAMING = frozenset({"crc_lowercase", "crc_modbus", "crc_modbus_swapped", "crc_short", "length_field"}) | {
    *("length_in_characters", "tail_cr", "tail_lf", "tail_missing", "gbk"),
}


class Sent(NamedTuple):
    """What is sent for a frame, and by what its answer is known. mn: as the target knows it."""

    data: bytes
    mn: str
    qn: str
    answered: bool  # an answer is to be waited for


def header(raw: bytes) -> tuple[str, str]:
    """Return MN and CN of a frame without reading the rest of it; empty where there are none."""
    found = {b"MN": b"", b"CN": b""}
    for match in _HEADER.finditer(raw[: raw.find(b"CP=") + 1 or 400]):
        found[match[1]] = match[2]
    return found[b"MN"].decode("ascii", "replace"), found[b"CN"].decode("ascii", "replace")


def packet_of(raw: bytes, unseal: Unseal | None) -> Packet | None:
    """Read a frame as the gateway took it in; None for bytes that are none."""
    reader = Reader(tolerant=True, unseal=unseal)
    found = [*reader.feed(raw), *reader.close()]
    packets = [p for p in found if isinstance(p, Packet) and p.trusted]
    return packets[0] if packets else None


def rewritten(packet: Packet, target: Target, queued_ms: int, late: bool, *, qn: str | None = None) -> Sent:
    """Return a frame as its target wants it. The same frame gives the same bytes, however often it is sent.

    Parameters
    ----------
    queued_ms : int
        Wall clock of its receipt: QN of a frame that has none, where an answer is asked for.
    late : bool
        It was held back for long, which HJ 212-2025 marks with RF=1.
    qn : str, optional
        Of the request that it is an answer to, in place of its own.
    """
    mn = target.mns.get(packet.mn or "", packet.mn or "")
    pw = target.pws.get(packet.mn or "") or target.pw or packet.pw
    qn, flag, extra = qn or packet.qn, packet.flag, packet.extra
    if target.proven:
        flag = (flag or 0) | 1
        qn = qn or qn_text(queued_ms)
    if late and packet.version_bits == 2 and packet.st != SURFACE_WATER and not packet.resent:
        extra = (*extra, ("RF", "1"))
    answered = flag is not None and bool(flag & 1)
    as_sent = (packet.mn, packet.pw, packet.qn, packet.flag, packet.extra)
    sealed = target.seal is not None or not _plain(packet)
    if (mn, pw, qn, flag, extra) == as_sent and not sealed and _FRAMING.isdisjoint(packet.deviations):
        return Sent(packet.raw, mn, qn or "", answered)
    fields = [("QN", qn), ("ST", packet.st), ("CN", packet.cn), ("PW", pw), ("MN", mn)]
    fields += [("Flag", None if flag is None else str(flag))]
    fields += [(n, None if v is None else str(v)) for n, v in (("PNUM", packet.pnum), ("PNO", packet.pno))]
    head = ";".join(f"{name}={value}" for name, value in (*fields, *extra) if value is not None)
    return Sent(frame(f"{head};CP=&&{packet.cp}&&".encode(), target.seal), mn, qn or "", answered)


def composed(block: Block, frame_of: int, queued_ms: int) -> Iterator[tuple[str, str, bytes]]:
    """Write readings that came through another door as HJ 212 frames: MN, CN and frame of each.

    One frame holds what one logger measured for one moment (two or more where the standard's limits demand).
    """
    together: dict[tuple[str, str, int], dict[str, list[tuple[str, str]]]] = defaultdict(dict)
    for i in (block.frame == frame_of).nonzero()[0].tolist():
        series = block.series[block.series_index[i]]
        group = together[series.mn, series.cn, int(block.at_ms[i])].setdefault(series.factor, [])
        group.append((f"{series.factor}-{series.stat}", plain(float(block.value[i]))))
        if block.flag[i] and group[-1][0][-5:] != "-Flag":
            group.append((f"{series.factor}-Flag", chr(block.flag[i])))
    for n, ((mn, cn, at_ms), factors) in enumerate(together.items()):
        groups: list[Group] = [[("DataTime", stamp(at_ms))]]
        groups += [list(dict(group).items()) for group in factors.values()]
        qn = qn_text(queued_ms + n)
        for data in frames(Message("32", cn, "123456", mn, qn, groups, ack=True)):
            yield mn, cn, data


def plain(value: float) -> str:
    """Write a number without an exponent, as HJ 212 has it."""
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def _plain(packet: Packet) -> bool:
    """Tell if the data area stands in the frame as it was read."""
    return packet.cp.encode() in packet.raw
