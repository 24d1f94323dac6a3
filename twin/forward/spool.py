"""What waits to be relayed, on disk: one SQLite file, every step of it a transaction.

A frame is in it from the moment its entry of the stream is acknowledged until its target has answered, so
that neither a target that is away nor a crash on this side loses any. An entry that is read again after a
crash is known by its id and changes nothing.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from twin.errors import UnavailableError

WAITING, REFUSED = 0, 1
KNOWN_ENTRIES = 20_000  # ids of entries remembered; the stream never gives back more unacknowledged ones
_TABLES = """
CREATE TABLE IF NOT EXISTS frame (
    id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, mn TEXT NOT NULL, state INTEGER NOT NULL,
    reason TEXT NOT NULL, queued_ms INTEGER NOT NULL, raw BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS frame_next ON frame (target, state, mn, id);
CREATE INDEX IF NOT EXISTS frame_oldest ON frame (target, state, id);
CREATE TABLE IF NOT EXISTS entry (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE);
"""


class Frame(NamedTuple):
    """One frame on its way. queued_ms: wall clock of its receipt from the logger."""

    id: int
    mn: str
    queued_ms: int
    raw: bytes


class Copy(NamedTuple):
    """One frame for one target."""

    target: str
    mn: str
    queued_ms: int
    raw: bytes


class Spool:
    """The queue of every target. Safe to share between threads.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.

    Raises
    ------
    UnavailableError
        From every method: the disk is full or the file cannot be used; nothing is lost, call again later.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
            # FULL: an entry is acknowledged in the stream once its frames are here, so they must be on disk.
            self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + _TABLES)
        except sqlite3.Error as error:
            raise self._away(error) from error
        self.waiting: dict[str, Counter[str]] = {}
        """How many frames wait, by target and MN."""
        for target, mn, count in self._all(
            "SELECT target, mn, count(*) FROM frame WHERE state = ? GROUP BY target, mn", WAITING
        ):
            self.waiting.setdefault(target, Counter())[mn] = count

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def add(self, entry: str, copies: Sequence[Copy]) -> bool:
        """Queue what an entry of the stream holds; False for an entry that was queued before."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                done = self._db.execute("INSERT OR IGNORE INTO entry (id) VALUES (?)", (entry,))
                if not done.rowcount:
                    self._db.execute("ROLLBACK")
                    return False
                self._db.execute("DELETE FROM entry WHERE n <= ?", ((done.lastrowid or 0) - KNOWN_ENTRIES,))
                self._db.executemany(
                    "INSERT INTO frame (target, mn, queued_ms, raw, state, reason) "
                    "VALUES (?, ?, ?, ?, 0, '')",
                    copies,
                )
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                raise self._away(error) from error
            for copy in copies:
                self.waiting.setdefault(copy.target, Counter())[copy.mn] += 1
        return True

    def last_entry(self) -> str | None:
        """Return the id of the entry of the stream that was queued last; None before the first."""
        rows = self._all("SELECT id FROM entry WHERE id GLOB '[0-9]*' ORDER BY n DESC LIMIT 1")
        return rows[0][0] if rows else None

    def next(self, target: str, mn: str, count: int) -> list[Frame]:
        """Return the oldest frames of a logger that wait for a target, in order."""
        rows = self._all(
            "SELECT id, mn, queued_ms, raw FROM frame WHERE target = ? AND state = ? AND mn = ? "
            "ORDER BY id LIMIT ?",
            *(target, WAITING, mn, count),
        )
        return [Frame._make(row) for row in rows]

    def done(self, target: str, frames: Iterable[tuple[str, int]]) -> None:
        """Forget frames (MN and id) that their target has answered."""
        rows = list(frames)
        self._change("DELETE FROM frame WHERE id = ?", [(i,) for _, i in rows])
        for mn, count in Counter(mn for mn, _ in rows).items():
            self._count(target, mn, -count)

    def refuse(self, target: str, mn: str, id: int, reason: str) -> None:
        """Put a frame aside that its target will not have, with the reason; a person may look at it."""
        self._change("UPDATE frame SET state = 1, reason = ? WHERE id = ?", [(reason, id)])
        self._count(target, mn, -1)

    def take_back(self, target: str) -> int:
        """Let refused frames wait again, behind those that wait; returns how many."""
        rows = self._all("SELECT mn, count(*) FROM frame WHERE target = ? AND state = 1 GROUP BY mn", target)
        self._change("UPDATE frame SET state = 0, reason = '' WHERE target = ? AND state = 1", [(target,)])
        for mn, count in rows:
            self._count(target, mn, count)
        return sum(int(count) for _, count in rows)

    def cut(self, target: str, keep: int) -> int:
        """Drop the oldest frames of a target beyond a number; returns how many."""
        excess = self.waiting.get(target, Counter()).total() - keep
        if excess <= 0:
            return 0
        rows = self._all(
            "SELECT id, mn FROM frame WHERE target = ? AND state = 0 ORDER BY id LIMIT ?", target, excess
        )
        self._change("DELETE FROM frame WHERE id = ?", [(i,) for i, _ in rows])
        for _, mn in rows:
            self._count(target, mn, -1)
        return len(rows)

    def oldest_ms(self, target: str) -> int | None:
        """Return when the oldest waiting frame of a target came in, wall clock; None where none waits."""
        query = "SELECT queued_ms FROM frame WHERE target = ? AND state = 0 ORDER BY id LIMIT 1"
        found = self._all(query, target)
        return int(found[0][0]) if found else None

    def refused(self, target: str) -> dict[str, int]:
        """Return how many frames a target would not have, by reason."""
        rows = self._all(
            "SELECT reason, count(*) FROM frame WHERE target = ? AND state = 1 GROUP BY reason", target
        )
        return dict(rows)

    def _count(self, target: str, mn: str, by: int) -> None:
        with self._lock:
            counter = self.waiting.setdefault(target, Counter())
            counter[mn] += by
            if counter[mn] <= 0:
                del counter[mn]

    def _all(self, query: str, *values: object) -> list[Any]:
        with self._lock:
            try:
                return self._db.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise self._away(error) from error

    def _change(self, query: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany(query, rows)
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                raise self._away(error) from error

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _away(self, error: sqlite3.Error) -> UnavailableError:
        return UnavailableError(f"the queue of frames in {self._path} cannot be used: {error}")
