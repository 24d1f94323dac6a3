"""Tiles of a base map, as pictures: a folder, an MBTiles or PMTiles file, or a server that is asked once.

All are Web Mercator and counted from the north-west (XYZ). Vector tiles are refused: the pages draw pictures.
What a server sends is kept below the data folder, so that a tile is fetched once and is there without a
network; its address, which may hold a key, stays on this machine. Sources: MBTiles 1.3 (rows counted from the
south), PMTiles version 3.
"""

from __future__ import annotations

import hashlib
import http.client
import shutil
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pmtiles.reader import MmapSource, Reader
from pmtiles.tile import MagicNumberNotFound, SpecVersionUnsupported

from twin.errors import ConfigError

LOWEST, HIGHEST = 0, 22
UNREADABLE = (
    *(sqlite3.Error, OSError, ValueError, KeyError, IndexError),
    *(MagicNumberNotFound, SpecVersionUnsupported),
)
USUAL = (1, 18)
"""Zooms a server is asked for."""
KINDS = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}
PMTILES_KINDS = {2: "image/png", 3: "image/jpeg", 4: "image/webp"}
LARGEST = 2_000_000
LEAST_FREE = 2**30
"""Bytes of disk that tiles leave free: readings and records come first."""
FETCH_S, REST_S = 8.0, 30.0
"""How long a server is waited for, and left alone after it did not answer."""
SUBDOMAINS = "01234567"
AGENT = "park-twin"


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture."""

    body: bytes
    kind: str  # media type


class Tiles(Protocol):
    """Where a base map comes from.

    Attributes
    ----------
    zooms : tuple of int
        The lowest and the highest zoom it has; beyond the highest its pictures are drawn larger.
    credit : str
        Whom to name beside it; empty where the source does not say.
    """

    @property
    def zooms(self) -> tuple[int, int]: ...

    @property
    def credit(self) -> str: ...

    def get(self, z: int, x: int, y: int) -> Tile | None:
        """Return a tile, None where there is none; may be asked from several threads."""


def open_tiles(place: Path | str, kept: Path) -> Tiles:
    """Open a base map.

    Parameters
    ----------
    place : Path or str
        A folder of ``z/x/y.png``, a file ``*.mbtiles`` or ``*.pmtiles``, or an address with {z}, {x} and {y}.
    kept : Path
        Folder for what a server sent.

    Raises
    ------
    ConfigError
        It is not there, is no base map, or holds vector tiles; the message names it and the mend.
    """
    if isinstance(place, str):
        return Server(place, kept)
    if place.is_dir():
        return Folder(place)
    if not place.is_file():
        raise ConfigError(f"TWIN_TILES: there is no {place}: name a folder, a file or an address")
    try:
        if place.suffix.lower() == ".mbtiles":
            return MBTiles(place)
        if place.suffix.lower() == ".pmtiles":
            return PMTiles(place)
    except UNREADABLE as error:
        raise ConfigError(
            f"TWIN_TILES: {place} cannot be read as a base map ({str(error) or type(error).__name__})"
        ) from None
    raise ConfigError(f"TWIN_TILES: {place} is neither *.mbtiles nor *.pmtiles")


def _is_tile(z: int, x: int, y: int) -> bool:
    return LOWEST <= z <= HIGHEST and 0 <= x < 2**z and 0 <= y < 2**z


class Folder:
    """A folder of pictures, ``z/x/y`` with the ending of their kind."""

    credit = ""

    def __init__(self, root: Path) -> None:
        self._root = root
        levels = sorted(int(p.name) for p in root.iterdir() if p.is_dir() and p.name.isdecimal())
        self.zooms = (levels[0], levels[-1]) if levels else USUAL

    def get(self, z: int, x: int, y: int) -> Tile | None:
        """Return a tile, None where there is no such file."""
        if not _is_tile(z, x, y):
            return None
        for ending, kind in KINDS.items():
            path = self._root / str(z) / str(x) / f"{y}.{ending}"
            if path.is_file():
                return Tile(path.read_bytes(), kind)
        return None


class MBTiles:
    """One SQLite file; see the MBTiles specification, version 1.3."""

    def __init__(self, path: Path) -> None:
        address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        self._base = sqlite3.connect(address, uri=True, check_same_thread=False)
        self._lock = threading.Lock()
        told = dict(self._base.execute("select name, value from metadata"))
        kind = str(told.get("format", "png")).lower()
        if kind not in KINDS:
            raise ConfigError(_vector(path, kind))
        self._kind = KINDS[kind]
        self.credit = str(told.get("attribution", ""))
        low, high = self._base.execute("select min(zoom_level), max(zoom_level) from tiles").fetchone()
        if low is None:
            raise ConfigError(f"TWIN_TILES: {path} holds no tiles")
        self.zooms = (int(low), int(high))

    def get(self, z: int, x: int, y: int) -> Tile | None:
        """Return a tile; the file counts rows from the south."""
        if not _is_tile(z, x, y):
            return None
        ask = "select tile_data from tiles where zoom_level = ? and tile_column = ? and tile_row = ?"
        with self._lock, closing(self._base.execute(ask, (z, x, 2**z - 1 - y))) as found:
            row = found.fetchone()
        return Tile(bytes(row[0]), self._kind) if row else None


class PMTiles:
    """One file with a directory of its own; see the PMTiles specification, version 3."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._reader = Reader(MmapSource(file))  # type: ignore[no-untyped-call]
        head: dict[str, Any] = self._reader.header()  # type: ignore[no-untyped-call]
        kind = int(head["tile_type"].value)
        if kind not in PMTILES_KINDS:
            raise ConfigError(_vector(path, head["tile_type"].name.lower()))
        self._kind = PMTILES_KINDS[kind]
        self.zooms = (int(head["min_zoom"]), int(head["max_zoom"]))
        about: dict[str, Any] = self._reader.metadata()  # type: ignore[no-untyped-call]
        self.credit = str(about.get("attribution", ""))

    def get(self, z: int, x: int, y: int) -> Tile | None:
        """Return a tile."""
        if not _is_tile(z, x, y):
            return None
        body = self._reader.get(z, x, y)  # type: ignore[no-untyped-call]
        return Tile(bytes(body), self._kind) if body else None


def _vector(path: Path, kind: str) -> str:
    return f"TWIN_TILES: {path} holds tiles of kind {kind!r}: make pictures of them first (png, jpg, webp)"


@dataclass(slots=True)
class Server:
    """A server that is asked for each tile once, such as Tianditu's or the park's own.

    Attributes
    ----------
    address : str
        With {z}, {x}, {y}, and {s} for one of eight subdomains.
    """

    address: str
    kept: Path
    zooms: tuple[int, int] = USUAL
    credit: str = ""
    _rest_until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, z: int, x: int, y: int) -> Tile | None:
        """Return a tile kept or fetched; None where it is not to be had now."""
        if not _is_tile(z, x, y):
            return None
        mark = hashlib.sha256(self.address.encode()).hexdigest()[:12]
        path = self.kept / mark / str(z) / str(x) / str(y)
        if path.is_file():
            return _told(path.read_bytes())
        if time.monotonic() < self._rest_until:
            return None
        body = self._fetch(z, x, y)
        tile = _told(body) if body else None
        if tile is not None:
            with suppress(OSError):  # shown all the same where it cannot be kept
                _keep(tile.body, path)
        return tile

    def _fetch(self, z: int, x: int, y: int) -> bytes | None:
        subdomain = SUBDOMAINS[(x + y) % len(SUBDOMAINS)]
        url = self.address.format(z=z, x=x, y=y, s=subdomain)
        request = urllib.request.Request(url, headers={"User-Agent": AGENT})  # noqa: S310 - http(s), config says
        try:
            with urllib.request.urlopen(request, timeout=FETCH_S) as answer:  # noqa: S310
                body = _read(answer, time.monotonic() + FETCH_S)
        except urllib.error.HTTPError:
            return None  # it has no such tile; others may be there
        except (OSError, ValueError, http.client.HTTPException):
            self._rest_until = time.monotonic() + REST_S
            return None
        return body if len(body) <= LARGEST else None


def _read(answer: Any, until: float) -> bytes:
    """Read an answer that is no larger than a tile may be, and does not dribble in for ever."""
    body = b""
    while len(body) <= LARGEST and (part := answer.read1(65_536)):
        body += part
        if time.monotonic() > until:
            raise TimeoutError
    return body


def _keep(body: bytes, path: Path) -> None:
    """Write a tile whole or not at all, while the disk has room for what matters more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(path.parent).free < LEAST_FREE:
        return
    part = path.with_suffix(f".{threading.get_ident()}")
    try:
        part.write_bytes(body)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _told(body: bytes) -> Tile | None:
    """Return a picture by its first bytes; a server's page of excuses is none."""
    if body.startswith(b"\x89PNG"):
        return Tile(body, "image/png")
    if body.startswith(b"\xff\xd8"):
        return Tile(body, "image/jpeg")
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return Tile(body, "image/webp")
    return None
