"""Base maps from a folder, MBTiles, PMTiles and a server: the same tile, and clear refusals."""

from __future__ import annotations

import gzip
import http.server
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from twin.errors import ConfigError
from twin.tiles import Server, Tile, _read, open_tiles

PNG, JPEG = b"\x89PNG\r\n\x1a\nsome", b"\xff\xd8\xffsome"
PLACE = (12, 3411, 1690)


def folder(at: Path) -> Path:
    (at / "12" / "3411").mkdir(parents=True)
    (at / "12" / "3411" / "1690.png").write_bytes(PNG)
    return at


def mbtiles(at: Path, format: str = "png", body: bytes = PNG) -> Path:
    with closing(sqlite3.connect(at)) as base, base:
        base.execute("create table metadata (name text, value text)")
        base.execute("create table tiles (zoom_level int, tile_column int, tile_row int, tile_data blob)")
        base.executemany("insert into metadata values (?, ?)", [("format", format), ("attribution", "© us")])
        z, x, y = PLACE
        base.execute("insert into tiles values (?, ?, ?, ?)", (z, x, 2**z - 1 - y, body))
    return at


def pmtiles(at: Path, kind: TileType = TileType.PNG) -> Path:
    with at.open("wb") as file:
        writer = Writer(file)
        writer.write_tile(zxy_to_tileid(*PLACE), PNG)
        degrees = {f"{side}_{axis}_e7": 0 for side in ("min", "max", "center") for axis in ("lon", "lat")}
        head = {"tile_type": kind, "tile_compression": Compression.NONE, "min_zoom": 12, "max_zoom": 12}
        writer.finalize(head | degrees | {"center_zoom": 12}, {"attribution": "© us"})
    return at


@pytest.mark.parametrize("make", [folder, mbtiles, pmtiles])
def test_every_form_gives_the_same_tile(tmp_path: Path, make: object) -> None:
    name = {"mbtiles": "m.mbtiles", "pmtiles": "p.pmtiles", "folder": "f"}[make.__name__]
    tiles = open_tiles(make(tmp_path / name), tmp_path)
    assert tiles.get(*PLACE) == Tile(PNG, "image/png")
    assert tiles.zooms == (12, 12)
    for z, x, y in ((12, 3411, 1691), (12, -1, 1), (11, 5000, 1), (40, 1, 1)):
        assert tiles.get(z, x, y) is None
    assert tiles.credit == ("" if name == "f" else "© us")


def test_rows_of_mbtiles_are_counted_from_the_south(tmp_path: Path) -> None:
    tiles = open_tiles(mbtiles(tmp_path / "m.mbtiles"), tmp_path)
    assert tiles.get(12, 3411, 2**12 - 1 - 1690) is None


def test_what_is_no_base_map_of_pictures_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no"):
        open_tiles(tmp_path / "none.mbtiles", tmp_path)
    (tmp_path / "bad.mbtiles").write_bytes(b"not a database at all, only text" * 40)
    (tmp_path / "bad.pmtiles").write_bytes(b"not an archive at all, only text" * 40)
    (tmp_path / "bad.zip").write_bytes(b"")
    for name in ("bad.mbtiles", "bad.pmtiles", "bad.zip"):
        with pytest.raises(ConfigError, match=name):
            open_tiles(tmp_path / name, tmp_path)
    for path in (
        mbtiles(tmp_path / "v.mbtiles", "pbf", gzip.compress(b"x")),
        pmtiles(tmp_path / "v.pmtiles", TileType.MVT),
    ):
        with pytest.raises(ConfigError, match="make pictures of them"):
            open_tiles(path, tmp_path)


@pytest.fixture
def upstream() -> Iterator[tuple[str, list[str]]]:
    """A server of tiles that notes what it is asked for; a tile of row 1 is a page of excuses."""
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            row = self.path.split("/")[-1]
            if row == "3":
                self.wfile.write(b"no HTTP at all\r\n\r\n")
                return
            self.send_response(404 if row == "2" else 200)
            self.end_headers()
            self.wfile.write(JPEG if row == "1690" else json.dumps({"error": "no key"}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{{s}}/{{z}}/{{x}}/{{y}}", asked
    server.shutdown()
    server.server_close()
    thread.join(60)


def test_a_server_is_asked_once_and_what_it_sent_is_there_without_it(
    upstream: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, asked = upstream
    tiles = open_tiles(address, tmp_path)
    assert tiles.get(*PLACE) == tiles.get(*PLACE) == Tile(JPEG, "image/jpeg")
    assert asked == ["/5/12/3411/1690"]
    assert tiles.get(12, 3411, 1) is None  # no picture
    assert tiles.get(12, 3411, 2) is None
    assert open_tiles(address, tmp_path).get(*PLACE) == Tile(JPEG, "image/jpeg")
    assert len(asked) == 3
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["1690"]


def test_a_server_that_is_away_is_left_alone_for_a_while(tmp_path: Path) -> None:
    tiles = Server("http://127.0.0.1:9/{z}/{x}/{y}", tmp_path)  # nothing listens at the discard port
    assert tiles.get(*PLACE) is None
    assert tiles._rest_until > 0
    assert tiles.get(*PLACE) is None


def test_tiles_leave_room_on_the_disk_and_rubbish_is_no_tile(
    upstream: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiles = Server(upstream[0], tmp_path)
    monkeypatch.setattr("twin.tiles.LEAST_FREE", 2**70)
    assert tiles.get(*PLACE) == Tile(JPEG, "image/jpeg")
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    assert tiles.get(12, 3411, 3) is None
    assert tiles._rest_until > 0


def test_an_answer_that_dribbles_in_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    class Dribble:
        def read1(self, most: int) -> bytes:
            now[0] += 1.0
            return b"x"

    monkeypatch.setattr("twin.tiles.time", SimpleNamespace(monotonic=lambda: now[0]))
    with pytest.raises(TimeoutError):
        _read(Dribble(), 8.0)
    assert now[0] == 9.0


def test_a_folder_is_asked_for_tiles_only(tmp_path: Path) -> None:
    tiles = open_tiles(folder(tmp_path), tmp_path)
    assert tiles.get(*PLACE) is not None
    assert tiles.get(PLACE[0], -1, PLACE[2]) is None
    assert tiles.get(10**9, 1, 1) is None
