"""Frames of the past, out of the history's files: as loggers sent them, else written from what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from twin.clock import wall_ms
from twin.forward.rewrite import header, packet_of, plain
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.times import qn as qn_text
from twin.ingest.hj212.times import stamp
from twin.ingest.hj212.write import Group, Message, frames
from twin.stream import Stream

if TYPE_CHECKING:
    from twin.forward.rewrite import Unseal
    from twin.history.reader import History

DAY_MS = 86_400_000
BACK_MS = 7 * DAY_MS  # park time before a gap that frames received in it may be about
FRAME = b"##"
STATS = {"2011": ("Rtd",)}
MEANS = ("Min", "Avg", "Max", "Cou")  # of minute, hour and day data
VALUES = ("2011", "2051", "2061", "2031")


class Old(NamedTuple):
    """One frame of the past. received_ms: wall clock of its receipt, or the moment it is for."""

    mn: str
    cn: str
    received_ms: int
    raw: bytes


class FromHistory:
    """Reads the history afresh for every question: they are rare.

    Parameters
    ----------
    unseal : callable, optional
        Reads frames of loggers that encrypt.
    url : str
        Where the stream is, for what is in no file yet; empty: files alone.
    now_ms : callable
        Park time, epoch milliseconds.

    Raises
    ------
    UnavailableError
        From every method: the history cannot be read.
    """

    def __init__(
        self,
        folder: str,
        unseal: Unseal | None = None,
        url: str = "",
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self._folder, self._unseal, self._url, self._now_ms = folder, unseal, url, now_ms

    def frames(self, mns: Sequence[str], from_ms: int, to_ms: int) -> Iterator[tuple[int, bytes]]:
        """Frames received between two moments of the wall clock, oldest first."""
        with self._open("") as history:
            found = history.raw_frames(mns, from_ms - BACK_MS, to_ms + DAY_MS)
        kept = sorted((f for f in found if from_ms < f.received_ms < to_ms), key=lambda f: f.received_ms)
        yield from ((f.received_ms, f.raw) for f in kept)

    def about(self, mns: Sequence[str], cns: Sequence[str], from_ms: int, to_ms: int) -> Iterator[list[Old]]:
        """Frames about a span of park time, both ends included, day after day, each day in order of time.

        Of frames for the same moment the last received stands. What came in through another door, or was
        typed in, is written as frames.
        """
        for begin in range(from_ms, to_ms + 1, DAY_MS):
            with self._open(self._url) as history:
                day = self._day(history, mns, frozenset(cns), begin, min(begin + DAY_MS - 1, to_ms))
            yield day

    def newest(self, mn: str, back_ms: int = 3_600_000) -> list[Old]:
        """The newest real-time frame of a logger, in all its parts; nothing if it was silent for so long."""
        now_ms = self._now_ms()
        (found,) = self.about([mn], ["2011"], now_ms - back_ms, now_ms)
        last = max((self._moment(old.raw) or 0 for old in found), default=0)
        return [old for old in found if self._moment(old.raw) == last]

    @contextmanager
    def _open(self, url: str) -> Iterator[History]:
        from twin.history.reader import History

        with ExitStack() as stack:
            stream = stack.enter_context(closing(Stream(url))) if url else None
            yield stack.enter_context(closing(History(self._folder, stream)))

    def _day(
        self, history: History, mns: Sequence[str], cns: frozenset[str], from_ms: int, to_ms: int
    ) -> list[Old]:
        found: dict[tuple[str, str, int, int], Old] = {}
        for kept in history.raw_frames(mns, from_ms, to_ms):
            mn, cn = header(kept.raw)
            if not kept.raw.startswith(FRAME) or cn not in cns or not from_ms <= kept.at_ms <= to_ms:
                continue
            key = (mn, cn, kept.at_ms, self._part(kept.raw))
            if key not in found or kept.received_ms >= found[key].received_ms:
                found[key] = Old(mn, cn, kept.received_ms, kept.raw)
        told = {key[:3] for key in found}
        rows = [(key[2], key[3], old) for key, old in found.items()]
        for cn in (cn for cn in VALUES if cn in cns):
            rows += [
                (at_ms, n, old)
                for (mn, at_ms), groups in self._values(history, mns, cn, from_ms, to_ms).items()
                if (mn, cn, at_ms) not in told
                for n, old in enumerate(_written(mn, cn, at_ms, groups))
            ]
        return [old for _, _, old in sorted(rows, key=lambda row: (row[0], row[2].mn, row[2].cn, row[1]))]

    def _values(
        self, history: History, mns: Sequence[str], cn: str, from_ms: int, to_ms: int
    ) -> dict[tuple[str, int], dict[str, list[tuple[str, str]]]]:
        """What is stored for each moment: by factor the items of a data area."""
        out: dict[tuple[str, int], dict[str, list[tuple[str, str]]]] = defaultdict(dict)
        for stat in STATS.get(cn, MEANS):
            window = history.window(from_ms, to_ms, cn, stat, mns)
            for i, (mn, factor) in enumerate(window.points):
                rows = slice(int(window.start[i]), int(window.start[i + 1]))
                columns = (window.at_ms[rows], window.value[rows], window.flag[rows])
                for at_ms, value, flag in zip(*(c.tolist() for c in columns), strict=True):
                    items = out[mn, at_ms].setdefault(factor, [])
                    items.append((f"{factor}-{stat}", plain(value)))
                    if flag and (mark := (f"{factor}-Flag", chr(flag))) not in items:
                        items.append(mark)
        return out

    def _moment(self, raw: bytes) -> int | None:
        packet = self._packet(raw)
        return None if packet is None else packet.data_time_ms

    def _part(self, raw: bytes) -> int:
        packet = self._packet(raw)
        return 0 if packet is None else packet.pno or 0

    def _packet(self, raw: bytes) -> Packet | None:
        return packet_of(raw, self._unseal)


def _written(mn: str, cn: str, at_ms: int, factors: dict[str, list[tuple[str, str]]]) -> Iterator[Old]:
    groups: list[Group] = [[("DataTime", stamp(at_ms))], *factors.values()]
    for raw in frames(Message("32", cn, "123456", mn, qn_text(at_ms), groups, ack=True)):
        yield Old(mn, cn, at_ms, raw)
