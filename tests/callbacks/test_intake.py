"""Back-fill over REST: who may, what is taken, and what comes back for every row that is not."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from callbacks import app
from geodata.words import Text
from tests.callbacks.asgi import Answer, ask
from tests.embedded import Embedded
from tests.twin.parks import tiny_park
from twin.access import Access
from twin.config import load
from twin.history.reader import History
from twin.records import Records

AT = 1_795_305_900_000
S, OTHER = tiny_park().stations[:2]
ROW = {"station": S.id, "factor": "w01018", "time": AT, "value": 12.5, "kind": "2061"}
TOKEN = "4f1c" * 16


@pytest.fixture(scope="module")
def house() -> Iterator[tuple[FastAPI, Embedded, Path]]:
    """One application on one stream server for all of this file: to make one takes a second."""
    folder = Path(tempfile.mkdtemp(prefix="twin-"))
    embedded = Embedded(folder)
    embedded.start()
    doors = folder / "doors.toml"
    sha = hashlib.sha256(TOKEN.encode()).hexdigest()
    doors.write_text(f'[[token]]\nname = "lims"\nsha256 = "{sha}"\nmns = ["{S.mn}"]\n')
    config = load({"TWIN_DATA": str(folder), "TWIN_REDIS_URL": embedded.url, "TWIN_DOORS": str(doors)})
    records = Records(config.db)
    records.create()
    access = Access(records)
    access.add_user("li", Text("李", "Li"), "duty_officer", "password-li")
    access.add_user("viewer", Text("看", "Viewer"), "viewer", "password-viewer")
    records.close()
    yield app.create_app(config, park=tiny_park()), embedded, folder
    for stream in embedded.streams:
        stream.close()
    embedded.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(house: tuple[FastAPI, Embedded, Path]) -> FastAPI:
    it, embedded, _ = house
    embedded.stream().trim("readings", "99999999999999")
    return it


@pytest.fixture
def history(house: tuple[FastAPI, Embedded, Path]) -> Iterator[History]:
    it = History(house[2] / "history", house[1].stream())
    yield it
    it.close()


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


LI = basic("li", "password-li")


async def post(server: FastAPI, body: Any, said: str = LI) -> Answer:
    return await ask(server, "/api/readings", "POST", {"authorization": said} if said else {}, body)


def values(history: History) -> list[tuple[int, float]]:
    curve = history.series(S.mn, "w01018", 0, AT + 10**9, "2061")
    return list(zip(curve.at_ms.tolist(), curve.value.tolist(), strict=True))


async def test_taken_once_however_often_it_is_sent(server: FastAPI, history: History) -> None:
    for _ in range(2):
        answer = await post(server, {"kind": "2061", "readings": [ROW]})
        assert (answer.status, answer.json()["taken"]) == (200, 1)
        assert values(history) == [(AT, 12.5)]
    await post(server, [ROW | {"value": 13}])
    assert values(history) == [(AT, 13.0)]


async def test_rows_that_are_wrong_come_back_with_number_and_reason(
    server: FastAPI, history: History
) -> None:
    answer = await post(server, [ROW, ROW | {"value": "x"}, 7, ROW | {"station": "S99"}])
    assert answer.status == 207
    body = answer.json()
    assert (body["taken"], body["refused"]) == (1, 3)
    assert [(f["row"], f["reason"]) for f in body["faults"]] == [
        (2, "not_a_number"), (3, "not_a_row"), (4, "station_unknown"),
    ]  # fmt: skip
    assert values(history) == [(AT, 12.5)]
    assert (await post(server, [ROW | {"value": "x"}])).status == 422


@pytest.mark.parametrize(
    ("said", "status"),
    [("", 401), ("Basic !!", 401), (basic("li", "wrong-password"), 401),
     (basic("viewer", "password-viewer"), 403), ("Bearer 123", 401), (f"Bearer {TOKEN}", 200)],
)  # fmt: skip
async def test_who_may(server: FastAPI, history: History, said: str, status: int) -> None:
    assert (await post(server, [ROW], said)).status == status
    assert len(values(history)) == (status == 200)


async def test_a_token_sends_for_its_own_loggers_only(server: FastAPI) -> None:
    answer = await post(server, [ROW | {"station": OTHER.id}], f"Bearer {TOKEN}")
    assert answer.status == 422
    assert answer.json()["faults"][0]["reason"] == "station_not_yours"


@pytest.mark.parametrize("body", [{"a": 1}, "x", 5])
async def test_what_is_no_list_of_rows(server: FastAPI, body: Any) -> None:
    assert (await post(server, body)).status == 400


async def test_a_request_that_is_too_large(server: FastAPI) -> None:
    assert (await post(server, ["x" * 9_000_000])).status == 413


async def test_what_came_is_counted(server: FastAPI, house: tuple[FastAPI, Embedded, Path]) -> None:
    async def counted(body: Any, said: str) -> dict[str, Any]:
        await post(server, body, said)
        (told,) = house[1].stream().told("rest").values()
        return dict(json.loads(told))

    before = await counted([ROW], LI)
    mixed = await counted([ROW, ROW | {"value": "x"}], LI)
    assert (mixed["taken"] - before["taken"], mixed["refused"] - before["refused"]) == (1, 1)
    assert mixed["reasons"]["not_a_number"] == before["reasons"].get("not_a_number", 0) + 1
    nobody = await counted([ROW], "")
    assert nobody["requests"]["401"] == mixed["requests"].get("401", 0) + 1


async def test_the_stream_is_away(server: FastAPI, house: tuple[FastAPI, Embedded, Path]) -> None:
    house[1].kill()
    try:
        answer = await post(server, [ROW])
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    finally:
        house[1].start()
