"""Work on the desk: names that stay inside, room that ends, a reading that can be stopped or die."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from twin import park_desk
from twin.park_desk import Desk, DeskError, Room, Standing, Work


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk", Room(files=3, works=2))


def put(work: Work, name: str, body: bytes = b"x") -> None:
    with work.receive(name) as out:
        out.write(body)


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../../x",
        "/etc/x",
        "a\\..\\..\\x",
        ".x",
        "a/.x",
        "c:x",
        "a\nb",
        "",
        "a/" * 9 + "x",
        "长" * 80,
    ],
)
def test_a_name_that_leads_out_is_refused(desk: Desk, name: str) -> None:
    work = desk.open("me")
    with pytest.raises(DeskError, match="cannot be used"), work.receive(name):
        pass
    assert [p for p in desk.folder.parent.rglob("*") if p.is_file()] == [work.folder / "work.json"]


def test_a_file_is_there_once_it_is_whole(desk: Desk) -> None:
    work = desk.open("me")

    def broken() -> None:
        with work.receive("a.csv") as out:
            out.write(b"half")
            assert work.files() == []
            raise ConnectionError

    with pytest.raises(ConnectionError):
        broken()
    assert list(work.files_in.iterdir()) == []
    put(work, "survey.gdb/a0001.gdbtable")
    assert work.files() == [("survey.gdb/a0001.gdbtable", 1)]
    work.drop("survey.gdb/a0001.gdbtable")
    assert list(work.files_in.iterdir()) == []


def test_room_ends(desk: Desk) -> None:
    work = desk.open("me")
    for n in range(3):
        put(work, f"{n}.csv", b"12345")
    with pytest.raises(DeskError, match="at most 3"):
        put(work, "4.csv")
    assert work.left() == Room().work_bytes - 15


def test_a_full_desk_lets_the_oldest_go(desk: Desk) -> None:
    first, second = desk.open("a"), desk.open("b")
    os.utime(first.folder, (1e9, 1e9))
    os.utime(second.folder)
    third = desk.open("c")
    assert desk.find(first.token) is None
    assert desk.find(second.token) is not None
    assert third.by() == "c"


@pytest.mark.parametrize("token", [None, "", "..", "../desk", "x" * 32, "0" * 32])
def test_no_such_work(desk: Desk, token: str | None) -> None:
    desk.open("me")
    assert desk.find(token) is None


def test_parts_of_a_shapefile_are_not_read_by_themselves(desk: Desk) -> None:
    work = Work(desk.open("me").folder, Room())
    for name in ("WSP.shp", "wsp.DBF", "WSP.shp.xml", "lost.dbf", "map.toml", "a.csv"):
        put(work, name)
    assert [p.name for p in work.sources()] == ["WSP.shp", "a.csv", "lost.dbf"]


def test_a_process_that_dies_is_noticed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    work = desk.open("me")
    work.beat()
    work.put("running", park_desk.STARTING, 0.1)
    assert work.standing().word == "running"
    monkeypatch.setattr(park_desk, "BEAT_S", -1.0)
    assert work.standing() == Standing("failed", park_desk.DIED)


def test_a_closed_work_is_gone(desk: Desk) -> None:
    work = desk.open("me")
    put(work, "a.csv")
    desk.close(work)
    assert not work.folder.exists()
