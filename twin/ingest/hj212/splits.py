"""Messages in several frames: which of them came whole.

Every part is a complete frame whose readings are stored as they come; here is only told if parts stayed away.
The QN may or may not grow from part to part, so parts belong together by (MN, ST, CN, DataTime, PNUM). What a
peer says in PNUM is compared, never allocated.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from twin.ingest.hj212.packet import Packet

Key = tuple[str, str, str, str, int]
GROUPS, PARTS = 4096, 65_536
WAIT_S = 120.0


@dataclass(slots=True)
class _Group:
    until: float
    parts: set[int] = field(default_factory=set)


class Splits:
    """Groups under way. No clock: times are monotonic seconds of the caller.

    Parameters
    ----------
    wait_s : float
        How long after its last new part a group is waited for.
    groups, parts : int
        Bounds of what is remembered; the oldest groups give way.
    """

    def __init__(self, wait_s: float = WAIT_S, groups: int = GROUPS, parts: int = PARTS) -> None:
        self._wait_s, self._most_groups, self._most_parts = wait_s, groups, parts
        self._open: dict[Key, _Group] = {}  # in the order of their last new part
        self._parts = 0
        self.whole = 0

    def __len__(self) -> int:
        return len(self._open)

    def add(self, packet: Packet, now: float) -> list[str]:
        """Take one part; return the MNs of groups that had to give way unfinished."""
        pnum, pno = packet.pnum, packet.pno
        if pnum is None or pno is None or not 1 <= pno <= pnum or pnum == 1:
            return []
        key = (packet.mn or "", packet.st or "", packet.cn or "", packet.data_time or "", pnum)
        group = self._open.get(key)
        if group is None:
            group = self._open[key] = _Group(now)
        if pno in group.parts:
            return []  # sent again
        group.parts.add(pno)
        self._parts += 1
        group.until = now + self._wait_s
        self._open[key] = self._open.pop(key)  # now the youngest
        if len(group.parts) == pnum:
            self._drop(key)
            self.whole += 1
        out = []
        while len(self._open) > self._most_groups or self._parts > self._most_parts:
            out.append(self._drop(next(iter(self._open))))
        return out

    def expire(self, now: float) -> list[str]:
        """Return the MNs of groups whose time is over, once for each group."""
        late = []
        for key, group in self._open.items():
            if group.until > now:
                break
            late.append(key)
        return [self._drop(key) for key in late]

    def _drop(self, key: Key) -> str:
        self._parts -= len(self._open.pop(key).parts)
        return key[0]
