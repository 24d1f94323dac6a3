"""The one writer: moves readings from the stream to Parquet, exactly once, and keeps the files few.

A part holds whole stream entries. It is written and synced, then the catalogue names it and with it the last
entry that is in a file; only then are the entries acknowledged. A crash at any point leaves either entries to
be written, or entries that the catalogue knows to be written and that only want acknowledging.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from twin.blocks import Block, decode
from twin.clock import wall_ms
from twin.errors import UnavailableError
from twin.history import columns as rows_of
from twin.history import compaction, files
from twin.history.catalogue import (
    EMPTY,
    KINDS,
    Catalogue,
    File,
    Kind,
    Lock,
    Place,
    appear,
    load,
    local,
    save,
    settle,
    sweep,
)
from twin.history.columns import Placed, place
from twin.history.names import Numbering
from twin.stream import Entry, Stream

GROUP, CONSUMER = "history", "writer"
BATCH = 512  # entries asked for at once
MOST_BYTES = 8 << 20  # of stream entries in one part; what is above waits for the next
KEEP_BYTES = 256 << 20  # of the stream, however young: a fast drill must not fill the memory
GONE_MS = 60_000  # wall time that files stay on the disk for readers that still use them
MERGE_S = 2.0  # wall time one step may spend on merging


class Writer:
    """Writes one park's history. While another process does, a step raises and may be tried again.

    Parameters
    ----------
    folder : str or Path
        Where `Config.history` points.
    keep_hours : float
        How long entries stay in the stream after they were written, wall time.
    every_s : float
        Least time between two parts, wall time; until then the stream holds what is new, durably.
    keep_days : mapping of kind to float
        How long files are kept after their last row was received; a kind that is not named, for ever.

    Raises
    ------
    ConfigError
        The place is not a folder, or holds a history of an earlier version.
    """

    def __init__(
        self,
        folder: str | Path,
        keep_hours: float = 6.0,
        every_s: float = 20.0,
        keep_days: Mapping[Kind, float] | None = None,
    ) -> None:
        self._folder = local(folder)
        self._keep_ms = round(keep_hours * 3_600_000)
        self._every_s = every_s
        self._keep_days = dict(keep_days or {})
        self._due = 0.0  # the first step writes at once
        self._lock: Lock | None = None
        self._catalogue = EMPTY
        self._names: Numbering
        self._merging: Generator[int] | None = None
        self._sizes: deque[tuple[int, int]] = deque()  # milliseconds of the id, bytes: of written entries
        self._bytes = 0

    def close(self) -> None:
        """Let another writer take over."""
        self._stop_merging()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def step(self, stream: Stream, *, now: bool = False) -> int:
        """Write what the stream has and no part holds, then acknowledge it and trim the stream.

        Parameters
        ----------
        stream : Stream
        now : bool
            Write even if the last part is younger than `every_s`.

        Returns
        -------
        int
            Readings written.

        Raises
        ------
        UnavailableError
            The stream server or the folder is away, or another process writes here; nothing is lost, call
            again later.
        """
        if not now and time.monotonic() < self._due:
            return 0
        try:
            self._open(stream)
            entries, more = self._take(stream)
            written = self._write(stream, entries) if entries else 0
            self._look_after()
        except (OSError, pa.ArrowException) as error:
            # What is on the disk is the truth again; the next step starts from there.
            self.close()
            raise UnavailableError(f"the history in {self._folder} cannot be written: {error}") from error
        self._due = 0.0 if more else time.monotonic() + self._every_s
        return written

    def _open(self, stream: Stream) -> None:
        if self._lock is not None:
            return
        stream.join("readings", GROUP)
        lock = Lock(self._folder)
        try:
            self._catalogue = load(self._folder)
            sweep(self._folder, self._catalogue)
            self._names = Numbering(self._folder, self._catalogue.names)
        except BaseException:
            lock.close()
            raise
        self._lock = lock

    def _take(self, stream: Stream) -> tuple[list[Entry], bool]:
        """What an earlier run took and never acknowledged, then what is new; and whether more is waiting."""
        entries: list[Entry] = []
        after = "0"
        while got := stream.pending("readings", GROUP, CONSUMER, after, BATCH):
            # The run before may have died between catalogue and acknowledgement.
            new = [e for e in got if not self._is_written(stream, e)]
            stream.ack("readings", GROUP, {e.id for e in got} - {e.id for e in new})
            entries += new
            after = got[-1].id
        size = sum(len(e.body) for e in entries)
        while size < MOST_BYTES:
            got = [e for _, e in stream.take(["readings"], GROUP, CONSUMER, count=BATCH, wait_ms=1)]
            entries += got
            size += sum(len(e.body) for e in got)
            if len(got) < BATCH:
                return entries, False
        return entries, True

    def _is_written(self, stream: Stream, entry: Entry) -> bool:
        shard, own = stream.inside("readings", entry.id)
        return own <= self._catalogue.reached(shard)

    def _write(self, stream: Stream, entries: list[Entry]) -> int:
        placed: Placed = []
        for entry in entries:
            block = self._decoded(stream, entry)
            if block is not None:
                placed.append((place(entry.id), block))
        span = min(place(e.id) for e in entries), max(place(e.id) for e in entries)
        it = self._catalogue
        for kind in KINDS:
            if kind == "readings":
                made = rows_of.readings(placed, self._names.finder)
            else:
                made = rows_of.frames(placed, self._names.number)
            for period, part in rows_of.days(made):
                it = self._put(it, kind, period, part, span)
        self._names.keep()
        until = list(it.until) + [(0, 0)] * (stream.shards - len(it.until))
        for entry in entries:
            shard, own = stream.inside("readings", entry.id)
            until[shard] = max(until[shard], own)
        self._save(it._replace(until=tuple(until), names=self._names.size))
        stream.ack("readings", GROUP, [entry.id for entry in entries])
        self._trim(stream, entries)
        return sum(len(block) for _, block in placed)

    def _put(
        self, it: Catalogue, kind: Kind, period: str, part: rows_of.Columns, span: tuple[Place, Place]
    ) -> Catalogue:
        """Write one part; returns the catalogue that would name it."""
        name = _name(period, it.serial)
        laid: list[files.Laid] = []
        path = self._folder / kind / name
        appear(path, lambda aside: laid.append(files.write(kind, aside, part)))
        tier = compaction.first_tier(len(part))
        file = _file(kind, name, period, tier, laid[0], path.stat().st_size, span)
        return it._replace(serial=it.serial + 1, files=(*it.files, file))

    def _decoded(self, stream: Stream, entry: Entry) -> Block | None:
        """Read an entry; one that cannot be read is kept as it is beside the parts, and told as a reject."""
        try:
            return decode(entry.body)
        except Exception as error:  # whatever is wrong with one entry must not stop all the others
            path = self._folder / "unreadable" / f"{entry.id}.bin"
            appear(path, lambda aside: aside.write_bytes(entry.body))
            reason = f"block {entry.id} cannot be read: {error!r}"[:300]
            note = {"at_ms": wall_ms(), "mn": "", "peer": "", "reason": reason, "hex": entry.body[:64].hex()}
            stream.append("rejects", json.dumps(note).encode())
            return None

    def _trim(self, stream: Stream, entries: list[Entry]) -> None:
        """Drop old entries from the stream: only such as an earlier step has written.

        A query that read the catalogue just before this step still finds this step's entries in the stream.
        """
        fresh = min(place(e.id)[0] for e in entries)
        before = min(wall_ms() - self._keep_ms, fresh)
        while self._sizes and (self._bytes > KEEP_BYTES or self._sizes[0][0] < before):
            ms, size = self._sizes.popleft()
            self._bytes -= size
            before = max(before, ms)
        for entry in entries:
            self._sizes.append((place(entry.id)[0], len(entry.body)))
            self._bytes += len(entry.body)
        stream.trim("readings", str(before))

    # --- files become few -----------------------------------------------------------------------------

    def _look_after(self) -> None:
        """Remove what nobody needs any more and go on merging, for a bounded time."""
        now = wall_ms()
        old = [f for kind in KINDS for f in compaction.expired(self._catalogue, kind, self._keep(kind), now)]
        if old:
            self._stop_merging()  # it may be about one of these
            self._save(self._without(old))
        for kind, name, since in self._catalogue.gone:
            if now - since >= GONE_MS:
                (self._folder / kind / name).unlink(missing_ok=True)
        left = tuple(g for g in self._catalogue.gone if now - g[2] < GONE_MS)
        if left != self._catalogue.gone:
            self._save(self._catalogue._replace(gone=left))
        until = time.monotonic() + MERGE_S
        while time.monotonic() < until:
            if self._merging is None:
                task = compaction.task(self._catalogue, now)
                if task is None:
                    return
                self._merging = self._merge(task)
            if next(self._merging, None) is None:
                self._merging = None

    def _keep(self, kind: Kind) -> float:
        return self._keep_days.get(kind, 0.0)

    def _merge(self, task: compaction.Task) -> Generator[int]:
        """Make one file of several, a piece at a time; the last piece puts it into the catalogue."""
        folder = self._folder / task.kind
        name = _name(task.period, self._catalogue.serial)
        self._catalogue = self._catalogue._replace(serial=self._catalogue.serial + 1)
        aside = folder / f".{name}.tmp"
        sink = files.Sink(task.kind, aside)
        try:
            paths = [folder / f.name for f in task.files]
            yield from files.merge(task.kind, paths, sink, rough=task.tier >= compaction.DAY)
            laid = sink.close()
            settle(aside, folder / name)
        finally:
            with contextlib.suppress(OSError, pa.ArrowException):
                sink.abandon()
            aside.unlink(missing_ok=True)
        span = min(f.first for f in task.files), max(f.last for f in task.files)
        size = (folder / name).stat().st_size
        made = _file(task.kind, name, task.period, task.tier, laid, size, span)
        # It stands where the last of them stood: what was received later stays behind it.
        last = task.files[-1].name
        order = [made if f.name == last and f.kind == task.kind else f for f in self._catalogue.files]
        self._save(self._without(task.files)._replace(files=tuple(f for f in order if f not in task.files)))

    def _stop_merging(self) -> None:
        if self._merging is not None:
            self._merging.close()
            self._merging = None

    def _without(self, files: Sequence[File]) -> Catalogue:
        """Return the catalogue without some files, which stay on the disk for a while."""
        now, names = wall_ms(), {(f.kind, f.name) for f in files}
        return self._catalogue._replace(
            files=tuple(f for f in self._catalogue.files if (f.kind, f.name) not in names),
            gone=(*self._catalogue.gone, *((f.kind, f.name, now) for f in files)),
        )

    def _save(self, it: Catalogue) -> None:
        save(self._folder, it)
        self._catalogue = it


def _name(period: str, serial: int) -> str:
    return f"{period}.{serial:06d}.parquet"


def _file(
    kind: Kind, name: str, period: str, tier: int, laid: files.Laid, size: int, span: tuple[Place, Place]
) -> File:
    return File(kind, name, period, tier, laid.rows, size, laid.odd, laid.from_ms, laid.to_ms, *span)
