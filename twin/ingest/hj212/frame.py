"""A connection's bytes to packets and rejects: `##` LLLL segment CCCC CR LF.

Strategy. Bytes are held only while the first frame in them may still become whole. The length field is
believed before any CR LF, but never past a failed check: after a failure the search for `##` goes on one byte
later, so a wrong length cannot swallow the next good frame. What cannot be read becomes one `Reject` in its
place: a frame with a wrong check is one reject as long as the frame, rubbish is one reject up to the next
header. The outcome depends on the bytes (and on `expire`), never on how they were cut into reads.

Cost. Each input byte is searched once and checked once; only a header inside a rejected frame makes a second
check, at a few nanoseconds per hundred bytes. Memory is bounded by one longest frame plus one read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from twin.ingest.hj212 import segment as segments
from twin.ingest.hj212.crc import crc16, crc_modbus, crc_text
from twin.ingest.hj212.packet import Packet, Reject

HEADER = b"##"
TAIL = b"\r\n"
HEAD_SIZE = 6
LONGEST = HEAD_SIZE + 9999 + 4 + 2  # what four digits of length allow; the standard says 1036
RAW_KEPT = 2048
RUBBISH_PIECE = 4096  # rubbish is reported at least this often, so that it can be counted while it comes
_RUN = re.compile(rb"#+")
_HEX = frozenset(b"0123456789abcdefABCDEF")


class _Verdict(NamedTuple):
    """What a header turned out to be.

    `packet` for a frame; otherwise `reason` for a failure; neither: more bytes are needed, `end` of them.
    `end` is where the frame ends, -1 where that is not known. `sure` says nothing inside needs a second look.
    """

    end: int
    packet: Packet | None = None
    reason: str = ""
    sure: bool = False
    tail_only: bool = False


@dataclass(slots=True)
class _Region:
    """Rejected bytes not yet reported: up to `until`, or where that is None, up to the next header."""

    reason: str
    start: int
    until: int | None
    length: int = 0
    raw: bytearray = field(default_factory=bytearray)


class Reader:
    """Reads one connection. No clock: times are whatever monotonic seconds the caller passes.

    Parameters
    ----------
    tolerant : bool
        Deliver, with the deviation named, what a lenient platform takes: other tails, MODBUS's check, a
        length field that does not fit a line that checks, and (not `trusted`) a wrong check on a frame of
        right shape.
    frame_wait_s : float
        How long an incomplete frame may hold back what follows it.
    tail_wait_s : float
        The same for a frame that lacks nothing but its tail.
    unseal : callable
        Returns what an encrypted segment may have been before, None for a plain one.
    """

    def __init__(
        self,
        *,
        tolerant: bool = False,
        frame_wait_s: float = 10.0,
        tail_wait_s: float = 0.5,
        unseal: Callable[[bytes], Sequence[bytes] | None] | None = None,
    ) -> None:
        self._unseal = unseal
        self.tolerant = tolerant
        self.frame_wait_s = frame_wait_s
        self.tail_wait_s = tail_wait_s
        self.checked = 0
        """Bytes that went through a check so far: the work that hostile input could multiply."""
        self._parts: list[bytes] = []
        self._held = 0
        self._need = 0
        self._base = 0  # offset in the connection of the first byte held
        self._before = b""  # the byte before it
        self._region: _Region | None = None
        self._waiting: tuple[int, bool] | None = None  # what is being waited for ...
        self._since = 0.0  # ... and since when

    @property
    def pending(self) -> int:
        """Bytes held: an incomplete frame, and what is kept of rubbish not yet reported."""
        return self._held + (len(self._region.raw) if self._region else 0)

    @property
    def idle(self) -> bool:
        """True while nothing is held and no rubbish is open: the next byte may begin a frame."""
        return not self._held and self._region is None

    def release(self, more: int) -> bytes:
        """Hand back what is held of one frame, if so many more bytes may complete it; then it is idle."""
        if not self._held or self._region is not None or self._held + more < self._need:
            return b""
        data, self._parts, self._held = b"".join(self._parts), [], 0
        return data

    def passed(self, count: int) -> None:
        """Tell an idle reader that whole frames of so many bytes were read elsewhere."""
        self._base += count
        self._before = TAIL[-1:]

    def feed(self, data: bytes, now: float = 0.0) -> list[Packet | Reject]:
        """Take bytes in; return what became whole, in order."""
        if self._held:
            self._parts.append(data)
            self._held += len(data)
            if self._held < self._need:
                return []
            data = b"".join(self._parts)
        return self._run(data, 0, now)

    def expire(self, now: float) -> list[Packet | Reject]:
        """Give up what has been waited for too long; good frames behind it come out now."""
        if self._waiting is None:
            return []
        wait = self.tail_wait_s if self._waiting[1] else self.frame_wait_s
        if now - self._since < wait:
            return []
        out = self._run(b"".join(self._parts), 1, now)
        if not self._held:
            self._close_region(out)
            self._waiting = None
        return out

    def close(self) -> list[Packet | Reject]:
        """Tell that no more bytes will come; whatever is held is settled."""
        data = b"".join(self._parts)
        out = self._run(data, len(data) + 1, self._since)
        self._close_region(out)
        self._waiting = None
        return out

    def _run(self, data: bytes, final: int, now: float) -> list[Packet | Reject]:
        """Scan, hold the rest, and note what is waited for. Headers before `final` get no more bytes."""
        out: list[Packet | Reject] = []
        pos, need, tail_only = self._scan(data, final, out)
        self._base += pos
        self._before = data[pos - 1 : pos] if pos else self._before
        self._held = len(data) - pos
        self._parts = [data[pos:]] if self._held else []
        self._need = need - pos
        waiting = None
        if self._held:
            waiting = (self._base, tail_only)
        elif self._region:
            waiting = (self._region.start, False)
        if waiting != self._waiting:
            self._waiting, self._since = waiting, now
        return out

    def _scan(self, buf: bytes, final: int, out: list[Packet | Reject]) -> tuple[int, int, bool]:
        """Go through a buffer.

        Returns how far it is settled, how long it must be for the next try, and if only a tail is missing.
        """
        pos, end = 0, len(buf)
        while pos < end:
            head = buf[pos : pos + HEAD_SIZE]
            if head[:2] == HEADER and len(head) == HEAD_SIZE and head[2:].isdigit():
                stop = pos + HEAD_SIZE + int(head[2:])
                if buf[stop + 4 : stop + 6] == TAIL:  # the common case: a whole, right, standard frame
                    segment = buf[pos + HEAD_SIZE : stop]
                    self.checked += len(segment)
                    sealed = self._unseal is not None and self._unseal(segment) is not None
                    if buf[stop : stop + 4] == crc_text(segment) and not sealed:
                        if self._region:
                            self._close_region(out)
                        out.append(segments.read(segment, buf[pos : stop + 6], self._base + pos))
                        pos = stop + 6
                        continue
            elif head[:2] != HEADER:
                pos = self._skip_to_header(buf, pos, final, out)
                if buf[pos : pos + 2] != HEADER:
                    return pos, end + 1, False
                continue
            verdict = self._judge(buf, pos, pos < final)
            if verdict.packet is None and not verdict.reason:
                return pos, verdict.end, verdict.tail_only
            pos = self._settle(buf, pos, verdict, out)
        return pos, end + 1, False

    def _skip_to_header(self, buf: bytes, pos: int, final: int, out: list[Packet | Reject]) -> int:
        """Take everything up to the next `##` for rubbish; a last `#` waits for its neighbour."""
        found = buf.find(HEADER, pos)
        if found < 0:
            found = len(buf)
            if buf.endswith(b"#") and found - 1 >= max(pos, final):
                found -= 1
        self._absorb(buf, pos, found, "no_header", out)
        return found

    def _settle(self, buf: bytes, pos: int, verdict: _Verdict, out: list[Packet | Reject]) -> int:
        """Report a verdict; return where to go on."""
        at = self._base + pos
        region = self._region
        if verdict.packet is not None:
            self._close_region(out)
            out.append(verdict.packet)
            return verdict.end
        inside = region is not None and region.until is not None and at < region.until
        if not inside and (region is None or region.until is not None or self._deserves_own(buf, pos)):
            self._close_region(out)
            until = self._base + verdict.end if verdict.end >= 0 else None
            self._region = _Region(verdict.reason, at, until)
        if verdict.sure:
            self._absorb(buf, pos, verdict.end, verdict.reason, out)
            return verdict.end
        found = pos + 1
        run = _RUN.match(buf, pos)
        if run and run.end() - pos > 2:  # of a run of # only the last two can be a header
            found = run.end() - 2
        self._absorb(buf, pos, found, verdict.reason, out)
        pos, found = found - 1, buf.find(HEADER, found)
        if found < 0:
            found = len(buf) - (1 if buf.endswith(b"#") and len(buf) - 1 > pos else 0)
        self._absorb(buf, pos + 1, found, verdict.reason, out)
        return found

    def _judge(self, buf: bytes, pos: int, final: bool) -> _Verdict:
        """Decide what the `##` at `pos` is, in the order of the rules."""
        end = len(buf)
        digits = buf[pos + 2 : pos + HEAD_SIZE]
        if len(digits) < 4 and not final and (not digits or digits.isdigit()):
            return _Verdict(pos + HEAD_SIZE)
        if len(digits) < 4 or not digits.isdigit():
            return self._rescue(buf, pos, "length_field", final)
        stop = pos + HEAD_SIZE + int(digits)
        if stop + 4 > end:
            return self._rescue(buf, pos, "truncated_or_length", True) if final else _Verdict(stop + 6)
        sent = buf[stop : stop + 4]
        if not _HEX.issuperset(sent):
            return self._rescue(buf, pos, "crc_field_or_length", final)
        if stop + 6 > end and not final and buf[stop + 4 : end] in (b"", b"\r", b"#"):
            return _Verdict(stop + 6, tail_only=True)
        after, tail = _tail(buf, stop + 4)
        segment = buf[pos + HEAD_SIZE : stop]
        region = self._region
        fresh = region is None or region.until is None or self._base + pos >= region.until
        if not fresh and not self.tolerant and tail:
            return _Verdict(-1, reason="tail")
        plain = self._plain(segment, sent)
        if plain is not None:
            segment = plain
            framing = (*_lower_case(sent), *tail)
            if tail and not self.tolerant:
                return _Verdict(after, reason="tail", sure=True)
            return _Verdict(after, segments.read(segment, buf[pos:after], self._base + pos, framing))
        shaped = tail != ("tail_missing",) or after >= end or buf.startswith(HEADER, after)
        if not shaped:
            return self._rescue(buf, pos, "crc_mismatch", final)
        if not fresh:
            return _Verdict(-1, reason="crc_mismatch")
        return self._mismatch(segment, sent, buf[pos:after], pos, after, tail)

    def _plain(self, segment: bytes, sent: bytes) -> bytes | None:
        """Return what was checked: the segment, or what it was before encryption; None where neither fits."""
        self.checked += len(segment)
        before = None if self._unseal is None else self._unseal(segment)
        value = int(sent, 16)
        return next((s for s in ((segment,) if before is None else before) if value == crc16(s)), None)

    def _mismatch(
        self, segment: bytes, sent: bytes, raw: bytes, pos: int, after: int, tail: tuple[str, ...]
    ) -> _Verdict:
        """A frame of right shape with a wrong check: MODBUS's, or simply wrong."""
        self.checked += len(segment)
        modbus = crc_modbus(segment)
        value = int(sent, 16)
        names = {modbus: "crc_modbus", (modbus & 0xFF) << 8 | modbus >> 8: "crc_modbus_swapped"}
        name = names.get(value, "crc_mismatch")
        if self.tolerant and _looks_like_segment(segment):
            framing = (name, *_lower_case(sent), *tail)
            return _Verdict(after, segments.read(segment, raw, self._base + pos, framing))
        return _Verdict(after, reason="crc_mismatch" if name == "crc_mismatch" else "crc_modbus")

    def _rescue(self, buf: bytes, pos: int, reason: str, final: bool) -> _Verdict:
        """Tolerant only: when the length field leads nowhere, try the line it stands in."""
        if not self.tolerant:
            return _Verdict(-1, reason=reason)
        limit = pos + LONGEST
        stop = buf.find(HEADER, pos + 1, limit)
        if stop < 0:
            stop = min(len(buf), limit)
            if buf.find(b"\n", pos, stop) < 0 and not final and stop < limit:
                return _Verdict(len(buf) + 1)
        newline = buf.find(b"\n", pos, stop)
        after = newline + 1 if newline >= 0 else stop
        line = buf[pos:after].rstrip(TAIL)
        close = line.rfind(b"&&") + 2
        digits = HEAD_SIZE - 2 - len(line[2:HEAD_SIZE].lstrip(b"0123456789"))
        segment, sent = line[2 + digits : close], line[close:]
        if not (digits and 3 <= len(sent) <= 4 and _HEX.issuperset(sent) and _looks_like_segment(segment)):
            return _Verdict(-1, reason=reason)
        plain = self._plain(segment, sent)
        if plain is None:
            return _Verdict(-1, reason=reason)
        segment = plain
        framing = (*_lower_case(sent), *_length(int(line[2 : 2 + digits]), digits, segment))
        if len(sent) == 3:
            framing = (*framing, "crc_short")
        return _Verdict(after, segments.read(segment, buf[pos:after], self._base + pos, framing))

    def _absorb(self, buf: bytes, start: int, end: int, reason: str, out: list[Packet | Reject]) -> None:
        """Add bytes to the open region, opening, closing and cutting regions as they demand."""
        while start < end:
            if self._region is None:
                self._region = _Region(reason, self._base + start, None)
            region = self._region
            room = RUBBISH_PIECE - region.length
            if region.until is not None:
                room = region.until - self._base - start
            take = min(end - start, room)
            if len(region.raw) < RAW_KEPT:
                region.raw += buf[start : start + min(take, RAW_KEPT - len(region.raw))]
            region.length += take
            start += take
            if take == room:
                self._close_region(out)
                reason = "no_header"
                if region.until is None:
                    self._region = _Region(region.reason, self._base + start, None)

    def _deserves_own(self, buf: bytes, pos: int) -> bool:
        """Tell a header that deserves a reject of its own from `#` in rubbish."""
        before = buf[pos - 1 : pos] if pos else self._before
        return buf[pos + 2 : pos + HEAD_SIZE].isdigit() or before in (b"\n", b"\r")

    def _close_region(self, out: list[Packet | Reject]) -> None:
        region, self._region = self._region, None
        if region is not None and region.length:
            out.append(Reject(region.start, region.length, bytes(region.raw), region.reason))


def _tail(buf: bytes, at: int) -> tuple[int, tuple[str, ...]]:
    """Return where the frame ends and what is wrong with its tail."""
    two = buf[at : at + 2]
    if two == TAIL:
        return at + 2, ()
    if two[:1] == b"\r":
        return at + 1, ("tail_cr",)
    if two[:1] == b"\n":
        return at + 1, ("tail_lf",)
    return at, ("tail_missing",)


def _lower_case(sent: bytes) -> tuple[str, ...]:
    return () if sent == sent.upper() else ("crc_lowercase",)


def _length(stated: int, digits: int, segment: bytes) -> tuple[str, ...]:
    """Name what is wrong with a length field."""
    odd = ("length_field",) if digits != 4 else ()
    if stated == len(segment):
        return odd
    characters = len(segments.decode(segment)[0])
    return (*odd, "length_in_characters" if stated == characters else "length_wrong")


def _looks_like_segment(segment: bytes) -> bool:
    return segment.endswith(b"&") and b"CP=&" in segment and b"CN=" in segment and HEADER not in segment
