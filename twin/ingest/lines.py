"""Which connection each logger is on at the moment, and how it wants to be addressed."""

from __future__ import annotations

from dataclasses import dataclass

from twin.ingest.connection import Connection
from twin.ingest.hj212.exchange import Party
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.write import Dialect
from twin.ingest.loggers import Loggers

MOST = 60_000
INTERACTION = "91"  # ST of answers: not the logger's own
_DIALECTS: dict[int | None, Dialect] = {None: 2005, 0: 2005, 1: 2017, 2: 2025}


@dataclass(slots=True)
class Line:
    """One logger's line."""

    connection: Connection
    st: str = "32"
    pw: str = "123456"
    version: int | None = 1


class LineBook:
    """Lines by MN. One connection may carry many loggers, and a logger may come back on another."""

    def __init__(self, loggers: Loggers) -> None:
        self._loggers = loggers
        self._by_mn: dict[str, Line] = {}
        self._of: dict[Connection, set[str]] = {}

    def note(self, connection: Connection, packet: Packet) -> Line | None:
        """Learn from a packet where its logger is; None where there are too many loggers."""
        line = self.move(packet.mn or "", connection)
        if line is None:
            return None
        if packet.st is not None and packet.st != INTERACTION:
            line.st = packet.st
            line.version = packet.version_bits
            if packet.pw is not None:
                line.pw = packet.pw
        return line

    def move(self, mn: str, connection: Connection) -> Line | None:
        """A logger is heard on a connection."""
        line = self._by_mn.get(mn)
        if line is None:
            if len(self._by_mn) >= MOST:
                return None
            line = self._by_mn[mn] = Line(connection)
        elif line.connection is connection:
            return line
        else:
            self._of.get(line.connection, set()).discard(mn)
            line.connection = connection
        self._of.setdefault(connection, set()).add(mn)
        return line

    def drop(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        for mn in self._of.pop(connection, ()):
            line = self._by_mn.get(mn)
            if line is not None and line.connection is connection:
                del self._by_mn[mn]

    def party(self, mn: str) -> Party | None:
        """How a logger is addressed; None for one that is not connected."""
        line = self._by_mn.get(mn)
        if line is None:
            return None
        seal = self._loggers.seal(mn)
        return Party(mn, line.st, line.pw, _DIALECTS.get(line.version, 2017), seal)

    def password(self, mn: str, pw: str) -> None:
        """A logger has taken a new PW."""
        self._loggers.passwords[mn] = pw
        line = self._by_mn.get(mn)
        if line is not None:
            line.pw = pw

    def send(self, mn: str, data: bytes) -> bool:
        """Send bytes on the line a logger is on; False where there is none."""
        line = self._by_mn.get(mn)
        if line is None:
            return False
        line.connection.answer(data)
        return True
