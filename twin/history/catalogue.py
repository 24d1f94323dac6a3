"""What the history's folder holds: a catalogue that changes as a whole, so that no reader sees half a change.

A file that the catalogue does not name is not there, whoever finds it on the disk. New files are written and
synced first; then one rename puts the new catalogue in place; what it no longer names is removed only after a
while, for readers that still work by the one before.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from twin.errors import ConfigError, UnavailableError

Place = tuple[int, int]  # id of a stream entry: milliseconds, number
Kind = Literal["readings", "frames"]
KINDS: tuple[Kind, ...] = ("frames", "readings")
VERSION = 1
NAME, NAMES, LOCK = "catalogue.json", "series.jsonl", ".writer"


class File(NamedTuple):
    """One Parquet file.

    Attributes
    ----------
    kind : {"readings", "frames"}
    name : str
    period : str
        Day or month it belongs to, by park time: "2026-11-22", "2026-11".
    tier : int
        0 as it came from the stream; 1, 2 merged from such; 3 a whole day; 4 a whole month.
    rows, size : int
        Bytes on disk.
    odd : int
        Readings whose value is no decimal number of at most 15 digits and stands as it is.
    from_ms, to_ms : int
        Park time it spans.
    first, last : Place
        Least and greatest id of the stream entries in it.
    """

    kind: Kind
    name: str
    period: str
    tier: int
    rows: int
    size: int
    odd: int
    from_ms: int
    to_ms: int
    first: Place
    last: Place


class Catalogue(NamedTuple):
    """Everything the history holds at one moment.

    Attributes
    ----------
    until : tuple of Place
        Of every shard of the stream the last entry that is in a file, by the shard's own ids.
    names : int
        Bytes of `series.jsonl` that count.
    serial : int
        Number of the next file.
    files : tuple of File
        In the order in which they were received: of two values for one moment the later file's counts.
    gone : tuple of (kind, name, wall ms)
        Files no longer named, and since when; still on the disk.
    """

    until: tuple[Place, ...] = ()
    names: int = 0
    serial: int = 0
    files: tuple[File, ...] = ()
    gone: tuple[tuple[Kind, str, int], ...] = ()

    def of(self, kind: Kind) -> list[File]:
        """Files of one kind."""
        return [f for f in self.files if f.kind == kind]

    def reached(self, shard: int) -> Place:
        """Last entry of a shard that is in a file."""
        return self.until[shard] if shard < len(self.until) else (0, 0)


EMPTY = Catalogue()


def local(place: str | Path) -> Path:
    """Return the folder a setting names.

    Raises
    ------
    ConfigError
        It names no folder of this machine.
    """
    if "://" in str(place):
        raise ConfigError(f"TWIN_HISTORY_URL={place} is not a folder of this machine: name one")
    return Path(place)


def load(folder: Path) -> Catalogue:
    """Read the catalogue; an empty one where there is none yet.

    Raises
    ------
    ConfigError
        The folder is of another version of this program.
    UnavailableError
        It cannot be read.
    """
    try:
        said = json.loads((folder / NAME).read_bytes())
    except FileNotFoundError:
        old = next(folder.glob("*/*_*_*_?.parquet"), None)
        if old is not None:
            raise ConfigError(
                f"{folder} holds a history of an earlier version ({old.name}): move it away, or set TWIN_DATA"
            ) from None
        return EMPTY
    except (OSError, ValueError) as error:
        raise UnavailableError(f"the catalogue of the history in {folder} cannot be read: {error}") from error
    if said.get("version") != VERSION:
        raise ConfigError(
            f"the history in {folder} has version {said.get('version')}, this program knows {VERSION}"
        )
    return Catalogue(
        tuple(_place(p) for p in said["until"]),
        said["names"],
        said["serial"],
        tuple(_file(f) for f in said["files"]),
        tuple((kind, name, at) for kind, name, at in said["gone"]),
    )


def save(folder: Path, it: Catalogue) -> None:
    """Put a catalogue in place of the one before, durably.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    files = ",\n".join(json.dumps(f) for f in it.files)
    head = json.dumps(
        {"version": VERSION, "until": it.until, "names": it.names, "serial": it.serial, "gone": it.gone}
    )
    appear(folder / NAME, lambda aside: aside.write_text(f'{head[:-1]}, "files": [\n{files}\n]}}\n'))


class Watched:
    """A catalogue that is read again only when it has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key: tuple[int, int, int] | None = None
        self._it = EMPTY

    def now(self) -> Catalogue:
        """Return the catalogue as it is now."""
        try:
            stat = os.stat(self._folder / NAME)  # noqa: PTH116 - asked at every query
        except FileNotFoundError:
            self._key, self._it = None, load(self._folder)
            return self._it
        except OSError as error:
            raise UnavailableError(f"the history in {self._folder} cannot be read: {error}") from error
        key = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if key != self._key:
            self._it, self._key = load(self._folder), key
        return self._it


class Lock:
    """Makes sure that a folder has one writer. It goes with the process, however that ends.

    Raises
    ------
    UnavailableError
        Another writer is at work here.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / LOCK).open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise UnavailableError(f"another process writes the history in {folder}") from error

    def close(self) -> None:
        """Let another one write."""
        self._file.close()


def appear(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file so that it is there whole and durable, or not at all.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.tmp")
    try:
        write(aside)
        settle(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def settle(aside: Path, path: Path) -> None:
    """Give a file that is written its name, durably."""
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def sweep(folder: Path, it: Catalogue) -> None:
    """Remove what writers that were killed left behind. Only the folder's one writer may do this."""
    known = {(f.kind, f.name) for f in it.files} | {(kind, name) for kind, name, _ in it.gone}
    for kind in KINDS:
        for path in (folder / kind).glob("*"):
            if (kind, path.name) not in known:
                path.unlink(missing_ok=True)
    for left in folder.glob(".*.tmp"):
        left.unlink(missing_ok=True)


def _place(said: Any) -> Place:
    return int(said[0]), int(said[1])


def _file(said: list[Any]) -> File:
    kind, name, period, tier, rows, size, odd, from_ms, to_ms, first, last = said
    return File(kind, name, period, tier, rows, size, odd, from_ms, to_ms, _place(first), _place(last))
