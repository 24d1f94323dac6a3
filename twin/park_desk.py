"""Where files wait until they are a park: one folder for each piece of work, below the data folder.

Everything about a piece of work lies in its folder, so that any web process can serve any browser, and a
restart loses nothing. Reading happens in a process of its own (`twin.park_stage`): a file that is hostile or
merely large can be stopped, and takes nothing else along.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from geodata.formats import guard
from geodata.formats import mapping as maps
from geodata.formats.mapping import Mapping
from geodata.reading import PARTS
from geodata.words import Text
from twin.errors import RefusedError

TOKEN = re.compile(r"[0-9a-f]{32}")
VERSION = re.compile(r"[0-9a-f]{6,64}")
LONGEST, DEEPEST = 200, 8  # characters of a name, folders in a path
BEAT_S = 45.0  # a process that has not shown itself for so long is dead; a busy machine starts it slowly


class DeskError(RefusedError):
    """Something the desk does not take; `text` says why in both languages."""

    def __init__(self, text: Text) -> None:
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Room:
    """How much may lie on the desk: bytes of one file, bytes and files of one piece of work, and how many."""

    file_bytes: int = guard.MAX_BYTES
    work_bytes: int = 2 * 2**30
    files: int = 2000
    works: int = 12
    running: int = 2
    keep_s: float = 7 * 86_400.0


@dataclass(slots=True)
class Said:
    """What a person has said about the files.

    Attributes
    ----------
    mode : {"replace", "add"}
        Whether the files are the whole park, or come to what the park has already.
    encoding, crs, axes, as_of : dict of str to str
        By file name; "" is for every file.
    snap_m, attach_m : float
        See `geodata.framing.Settings`.
    name_zh, name_en : str
        The park's name; empty to keep the present one.
    """

    mode: str = "replace"
    encoding: dict[str, str] = field(default_factory=dict)
    crs: dict[str, str] = field(default_factory=dict)
    axes: dict[str, str] = field(default_factory=dict)
    as_of: dict[str, str] = field(default_factory=dict)
    snap_m: float = 0.5
    attach_m: float = 50.0
    name_zh: str = ""
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a piece of work stands.

    Attributes
    ----------
    word : {"idle", "running", "done", "stopped", "failed"}
    step : Text
        What is done now, or why it failed.
    share : float
        Of everything, 0..1.
    """

    word: str
    step: Text = Text("", "")  # noqa: RUF009 - frozen
    share: float = 0.0


class Work:
    """One piece of work: files, what was said about them, and what came of it."""

    def __init__(self, folder: Path, room: Room) -> None:
        self.folder, self.room = folder, room

    @property
    def token(self) -> str:
        """Its name, which nobody can guess."""
        return self.folder.name

    @property
    def files_in(self) -> Path:
        """Folder of the files as they came."""
        return self.folder / "files"

    def park(self, version: str) -> Path:
        """Return where a park that came of it lies, or would lie; the last two are kept, maps may show them.

        Raises
        ------
        DeskError
            It is no name of a version.
        """
        if not VERSION.fullmatch(version):
            raise DeskError(BAD_NAME.fill(name=version[:80]))
        return self.folder / f"park-{version}.gpkg"

    def by(self) -> str:
        """Return who opened it."""
        return str(_read(self.folder / "work.json").get("by", ""))

    def files(self) -> list[tuple[str, int]]:
        """Return name and bytes of every file, by name."""
        found = [p for p in self.files_in.rglob("*") if p.is_file() and not p.name.endswith(".coming")]
        return sorted((p.relative_to(self.files_in).as_posix(), p.stat().st_size) for p in found)

    @contextmanager
    def receive(self, name: str, changed_s: float = 0.0) -> Iterator[BinaryIO]:
        """Give something to write one file to; it is there once everything was written.

        Parameters
        ----------
        changed_s : float
            When it was last changed where it comes from, s since 1970; 0 if nobody says.

        Raises
        ------
        DeskError
            The name leads out of the folder, or there is no room for more files.
        """
        path = self.files_in / _inside(name)
        if len(self.files()) >= self.room.files:
            raise DeskError(TOO_MANY.fill(most=self.room.files))
        path.parent.mkdir(parents=True, exist_ok=True)
        coming = path.with_name(f"{path.name[:200]}.{secrets.token_hex(4)}.coming")
        try:
            with coming.open("wb") as out:
                yield out
            os.utime(coming, (changed_s, changed_s))
            coming.replace(path)
        finally:
            coming.unlink(missing_ok=True)

    def left(self) -> int:
        """Return how many bytes there is room for."""
        return self.room.work_bytes - sum(size for _, size in self.files())

    def drop(self, name: str) -> None:
        """Remove a file, and folders that hold nothing any more."""
        path = self.files_in / _inside(name)
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self.files_in or not folder.is_dir() or any(folder.iterdir()):
                break
            folder.rmdir()

    def sources(self) -> list[Path]:
        """Return what to read: files and folders, without those that belong to another file."""
        if not self.files_in.is_dir():
            return []
        top = sorted(self.files_in.iterdir())
        shapes = {p.stem.lower() for p in top if p.suffix.lower() == ".shp"}
        return [p for p in top if not (p.suffix.lower() in PARTS and _belongs(p, shapes))]

    def said(self) -> Said:
        """Return what was said about the files."""
        return Said(**_read(self.folder / "said.json"))

    def say(self, said: Said) -> None:
        """Keep what a person says about the files."""
        _write(self.folder / "said.json", asdict(said))

    def mapping(self) -> Mapping:
        """Return what a person said of layers and fields.

        Raises
        ------
        geodata.formats.report.FormatError
            A mapping among the files cannot be used.
        """
        found: Mapping = {}
        if self.files_in.is_dir():
            for path in sorted(self.files_in.glob("*.toml")):
                found |= maps.load(path)
        own = self.folder / "mapping.toml"
        return found | (maps.load(own) if own.is_file() else {})

    def map(self, mapping: Mapping) -> None:
        """Keep a mapping."""
        (self.folder / "mapping.toml").write_text(maps.dump(mapping), "utf-8")

    def result(self) -> dict[str, Any]:
        """Return the account of the last reading, empty if there is none."""
        return _read(self.folder / "result.json")

    def standing(self) -> Standing:
        """Return where it stands."""
        state = _read(self.folder / "state.json")
        if not state:
            return Standing("idle")
        step, share = Text(**state["step"]), float(state["share"])
        if state["word"] == "running" and time.time() - self._seen() > BEAT_S:
            return Standing("failed", DIED)
        return Standing(state["word"], step, share)

    def stop(self) -> None:
        """Ask the reading process to end; it looks several times a second."""
        (self.folder / "stop").touch()

    def clear(self) -> None:
        """Forget the last reading."""
        for name in ("state.json", "result.json", "stop"):
            (self.folder / name).unlink(missing_ok=True)
        for old in sorted(self.folder.glob("park-*.gpkg"), key=lambda p: p.stat().st_mtime)[:-1]:
            old.unlink()

    def put(self, word: str, step: Text, share: float) -> None:
        """Write where it stands."""
        _write(
            self.folder / "state.json",
            {"word": word, "step": {"zh": step.zh, "en": step.en}, "share": round(share, 3)},
        )

    def finish(self, result: dict[str, Any]) -> None:
        """Write what came of it."""
        _write(self.folder / "result.json", result)
        self.put("done", READY, 1.0)

    def beat(self) -> None:
        """Show that the reading process lives."""
        (self.folder / "beat").touch()

    def _seen(self) -> float:
        try:
            return (self.folder / "beat").stat().st_mtime
        except FileNotFoundError:
            return 0.0


class Desk:
    """Every piece of work of one installation.

    Parameters
    ----------
    folder : Path
        Made when the first work is opened.
    flows : Path, optional
        Folder of what engines said of models before; see `twin.hydraulics.kept`.
    """

    def __init__(self, folder: Path, room: Room = Room(), flows: Path | None = None) -> None:
        self.folder, self.room, self.flows = folder, room, flows
        self._running: list[subprocess.Popen[bytes]] = []

    def open(self, by: str) -> Work:
        """Begin a piece of work; what nobody has touched for long is removed.

        Raises
        ------
        DeskError
            Too many are open.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = []
        for path in sorted(self.folder.iterdir(), key=lambda p: p.stat().st_mtime):
            if not TOKEN.fullmatch(path.name):
                continue
            if time.time() - path.stat().st_mtime > self.room.keep_s:
                shutil.rmtree(path, ignore_errors=True)
            else:
                kept.append(path)
        # A full desk makes room by itself: the oldest work that is not being read goes.
        while len(kept) >= self.room.works:
            oldest = next((p for p in kept if Work(p, self.room).standing().word != "running"), None)
            if oldest is None:
                raise DeskError(FULL)
            shutil.rmtree(oldest, ignore_errors=True)
            kept.remove(oldest)
        work = Work(self.folder / secrets.token_hex(16), self.room)
        work.files_in.mkdir(parents=True)
        _write(work.folder / "work.json", {"by": by})
        return work

    def find(self, token: str | None) -> Work | None:
        """Return a piece of work; None if there is none of that name."""
        if not token or not TOKEN.fullmatch(token) or not (self.folder / token).is_dir():
            return None
        return Work(self.folder / token, self.room)

    def close(self, work: Work) -> None:
        """Remove a piece of work with all its files."""
        work.stop()
        shutil.rmtree(work.folder, ignore_errors=True)

    def start(self, work: Work, present: Path) -> None:
        """Begin to read the files, in a process of its own.

        Parameters
        ----------
        present : Path
            The park file in use.

        Raises
        ------
        DeskError
            It is being read already, or too many others are.
        """
        self._running = [p for p in self._running if p.poll() is None]
        if work.standing().word == "running" or len(self._running) >= self.room.running:
            raise DeskError(BUSY)
        work.clear()
        work.beat()
        work.put("running", STARTING, 0.0)
        command = [sys.executable, "-m", "twin.park_stage", str(work.folder), str(present)]
        command += [str(self.flows)] if self.flows is not None else []
        with (work.folder / "log").open("wb") as log:
            self._running.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603
            )


def _belongs(path: Path, shapes: set[str]) -> bool:
    """Whether a file is part of another one, and not one that somebody meant to be read."""
    stem = path.name.lower().removesuffix(".xml").removesuffix(".shp").removesuffix(path.suffix.lower())
    return path.suffix.lower() in (".toml", ".md", ".xml", ".gpkg-wal", ".gpkg-shm") or stem in shapes


def _inside(name: str) -> PurePosixPath:
    """Return a path that stays where it is put.

    Raises
    ------
    DeskError
        It does not.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    bad = any(p in ("..", "") or p.startswith(".") or len(p.encode()) > LONGEST for p in path.parts)
    control = any(ord(c) < 32 or c == ":" for c in name)
    if path.is_absolute() or bad or control or not 1 <= len(path.parts) <= DEEPEST:
        raise DeskError(BAD_NAME.fill(name=name[:80]))
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return {}


def _write(path: Path, value: dict[str, Any]) -> None:
    part = path.with_name(path.name + f".{secrets.token_hex(4)}.part")
    part.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    part.replace(path)


STARTING = Text("正在启动读取进程", "starting the reading process")
READY = Text("完成", "done")
DIED = Text(
    "读取进程没有做完就结束了：多半是内存不足或文件损坏；请分区或分类后再试",
    "the reading process ended before it was done, most likely for want of memory or for a broken file; "
    "divide the files and try again",
)
TOO_MANY = Text("最多 {most} 个文件", "at most {most} files")
FULL = Text("正在进行的导入太多，请稍后再试", "too many imports are under way; try again later")
BUSY = Text("正在读取，请等它完成或停止它", "files are being read; wait until that is done, or stop it")
BAD_NAME = Text("文件名 {name} 不能用", "the file name {name} cannot be used")
