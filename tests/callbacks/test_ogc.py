"""The OGC service walked as a client of the standard walks it: OGC 17-069r4, Annex A, class by class."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from starlette.types import ASGIApp

from callbacks.app import create_app
from callbacks.ogc import AT_ONCE, Door
from geodata import crs
from geodata.words import Text
from tests.callbacks.asgi import HOST, Answer, ask
from tests.twin.parks import real_time, tiny_park
from twin.access import BURST, EVERY_MS, Access, Role
from twin.blocks import encode
from twin.clock import as_ms
from twin.config import load
from twin.errors import RefusedError
from twin.model import GateState
from twin.records import Records

WORD = "a long password"
GEO = "application/geo+json"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
NOW = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)


def basic(name: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


LI = basic("li", WORD)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    it: Path = tmp_path_factory.mktemp("ogc")
    records = Records(load({"TWIN_DATA": str(it)}).db)
    records.create()
    for name, role in (("li", Role.VIEWER), ("op", Role.DUTY_OFFICER)):
        Access(records).add_user(name, Text("李", "Li"), role, WORD)
    records.close()
    return it


@pytest.fixture(scope="module")
def app(folder: Path) -> ASGIApp:
    return create_app(load({"TWIN_DATA": str(folder)}), park=tiny_park())


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callbacks.ogc.AT_ONCE", 1e9)


async def get(app: ASGIApp, address: str, status: int = 200, **headers: str) -> Any:
    """Follow a link of the service, or a path below its address."""
    path = address if address.startswith("/") else address.removeprefix(f"http://{HOST}")
    before, mark, after = path.partition("?")
    found = await ask(app, unquote(before) + mark + after, headers=LI | headers)
    assert found.status == status, (address, found.body[:300])
    return found.json()


def link(document: dict[str, Any], rel: str) -> dict[str, str]:
    """The link of a relation; every link has an address, a relation and a type."""
    assert all({"href", "rel", "type"} <= set(it) for it in document["links"])
    return next(it for it in document["links"] if it["rel"] == rel)


async def items(app: ASGIApp, collection: str, query: str = "", status: int = 200) -> Any:
    return await get(app, f"/ogc/collections/{collection}/items{'?' if query else ''}{query}", status)


# A.2.2 General: HTTP 1.1, and parameters that are not known or wrong


async def test_unknown_parameters_and_wrong_values_are_refused_with_400(app: ASGIApp) -> None:
    for path in (
        "",
        "/conformance",
        "/api",
        "/collections",
        "/collections/gate",
        "/collections/gate/items/G01",
    ):
        wrong = await get(app, f"/ogc{path}?colour=red", 400)
        assert wrong["code"] == "InvalidParameterValue"
        assert "colour" in wrong["description"]
    for query in (
        *("colour=red", "limit=0", "limit=-1", "limit=many", "limit=1.5", "offset=-1", "f=gml"),
        *("bbox=1,2,3", "bbox=a,b,c,d", "bbox=0,10,1,5", "bbox=0,0,0,nan", "bbox=200,0,201,1"),
        *("datetime=yesterday", "datetime=2026-10-01", "datetime=2026-10-01T08:00:00"),
        *("datetime=2026-10-02T00:00:00Z/2026-10-01T00:00:00Z", "datetime=/", "datetime="),
    ):
        wrong = await items(app, "gate", query, 400)
        assert set(wrong) == {"code", "description"}, query


async def test_what_is_not_there_is_404_and_other_methods_are_405(app: ASGIApp) -> None:
    for path in ("/nothing", "/collections/moon", "/collections/moon/items", "/collections/gate/items/G99"):
        assert (await get(app, f"/ogc{path}", 404))["code"] == "NotFound"
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await ask(app, "/ogc/collections", method, LI)).status == 405


async def test_head_gives_the_headers_without_the_body(app: ASGIApp) -> None:
    found = await ask(app, "/ogc/collections", "HEAD", LI)
    assert (found.status, found.body) == (200, b"")
    assert found.headers["content-type"].startswith("application/json")


# A.2.3 Landing page, A.2.4 API definition, A.2.5 conformance


async def test_the_landing_page_leads_everywhere(app: ASGIApp) -> None:
    page = await get(app, "/ogc")
    assert page == await get(app, "/ogc/")
    assert page["title"]
    for rel in ("self", "service-desc", "service-doc", "conformance", "data"):
        address = link(page, rel)
        found = await ask(app, urlsplit(address["href"]).path, headers=LI)
        assert found.status == 200
        assert found.headers["content-type"] == address["type"]


async def test_the_conformance_declaration_names_the_classes(app: ASGIApp) -> None:
    declared = await get(app, link(await get(app, "/ogc"), "conformance")["href"])
    part1 = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
    assert set(declared["conformsTo"]) == {part1 + name for name in ("core", "geojson", "oas30")}


async def test_the_api_definition_is_openapi_and_says_what_is_served(app: ASGIApp) -> None:
    api = await get(app, link(await get(app, "/ogc"), "service-desc")["href"])
    assert api["openapi"].startswith("3.0")
    assert {"title", "version"} <= set(api["info"])
    text = json.dumps(api)
    for part in text.split('"$ref": "#/')[1:]:
        at: Any = api
        for step in part.split('"')[0].split("/"):
            at = at[step]  # every reference leads somewhere
    names = [operation["get"]["operationId"] for operation in api["paths"].values()]
    assert len(set(names)) == len(names)
    shared = api["components"]["parameters"]
    assert shared["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 100}
    for name in ("limit", "bbox", "datetime"):
        assert (shared[name]["in"], shared[name]["style"], shared[name]["explode"]) == (
            "query",
            "form",
            False,
        )
    for c in (await get(app, "/ogc/collections"))["collections"]:
        operation = api["paths"][f"/collections/{c['id']}/items"]["get"]
        referred = {p.get("$ref", "").rpartition("/")[2] for p in operation["parameters"]}
        assert {"limit", "bbox", "datetime"} <= referred
        assert GEO in operation["responses"]["200"]["content"]
        assert f"/collections/{c['id']}/items/{{featureId}}" in api["paths"]


# A.2.6 collections


async def test_every_collection_is_described_the_same_in_both_places(app: ASGIApp) -> None:
    listed = await get(app, link(await get(app, "/ogc"), "data")["href"])
    link(listed, "self")
    ids = [c["id"] for c in listed["collections"]]
    assert {"station", "reading", "gate", "enterprise", "outlet", "node", "link"} <= set(ids)
    assert len(set(ids)) == len(ids)
    for c in listed["collections"]:
        assert await get(app, link(c, "self")["href"]) == c
        assert link(c, "items")["type"] == GEO
        assert c["itemType"] == "feature"
        assert CRS84 in c["crs"]
        west, south, east, north = c["extent"]["spatial"]["bbox"][0]
        assert 120 < west <= east < 123
        assert 29 < south <= north < 32
        first = await get(app, link(c, "items")["href"])
        for f in first["features"]:
            for lon, lat in points(f["geometry"]["coordinates"]):
                assert west <= lon <= east
                assert south <= lat <= north


def points(coordinates: Any) -> list[tuple[float, float]]:
    if isinstance(coordinates[0], float):
        return [(coordinates[0], coordinates[1])]
    return [p for part in coordinates for p in points(part)]


# A.2.7 features: limit and paging, bbox, datetime, properties


async def test_pages_join_to_the_whole_and_say_how_much_there_is(app: ASGIApp) -> None:
    whole = await items(app, "link")
    assert whole["type"] == "FeatureCollection"
    assert whole["numberMatched"] == whole["numberReturned"] == len(tiny_park().links)
    assert datetime.fromisoformat(whole["timeStamp"]).tzinfo is not None
    assert not [it for it in whole["links"] if it["rel"] in ("next", "prev")]
    page, seen = await items(app, "link", "limit=4&kind=reach"), []
    while True:
        assert page["numberReturned"] == len(page["features"]) <= 4
        assert page["numberMatched"] == 3
        seen += [f["id"] for f in page["features"]]
        if "next" not in {it["rel"] for it in page["links"]}:
            break
        page = await get(app, link(page, "next")["href"])
    assert seen == ["LC1", "LC2", "LC4"]
    page, seen = await items(app, "node", "limit=5"), []
    for _ in range(3):
        assert await get(app, link(page, "self")["href"]) | {"timeStamp": ""} == page | {"timeStamp": ""}
        seen += [f["id"] for f in page["features"]]
        page = await get(app, link(page, "next")["href"]) if len(seen) < 13 else page
    assert seen == tiny_park().nodes["id"].tolist()
    assert link(page, "prev")["href"]
    assert (await items(app, "node", "limit=100000"))[
        "numberReturned"
    ] == 13  # more than the most is no error
    assert (await items(app, "node", "offset=99"))["features"] == []


async def test_a_box_gives_what_touches_it(app: ASGIApp) -> None:
    park = tiny_park()
    row = park.nodes[park.nodes["id"] == "C3"].iloc[0]
    lon, lat = (float(v) for v in crs.to_lonlat(row["x"], row["y"], park.crs))
    box = f"{lon - 1e-6},{lat - 1e-6},{lon + 1e-6},{lat + 1e-6}"
    assert [f["id"] for f in (await items(app, "node", f"bbox={box}"))["features"]] == ["C3"]
    assert {f["id"] for f in (await items(app, "link", f"bbox={box}"))["features"]} == {"LC2", "LG1"}
    high = f"{lon - 1e-6},{lat - 1e-6},-5,{lon + 1e-6},{lat + 1e-6},5"
    assert [f["id"] for f in (await items(app, "node", f"bbox={high}"))["features"]] == ["C3"]
    assert (await items(app, "node", "bbox=0,0,1,1"))["numberMatched"] == 0
    around = await items(app, "node", "bbox=170,-90,-170,90")  # over the antimeridian
    assert around["numberMatched"] == 0
    assert (await items(app, "node", "bbox=100,-90,-170,90"))["numberMatched"] == 13


async def test_properties_choose(app: ASGIApp) -> None:
    found = await items(app, "outlet", "enterprise=E02&kind=rain")
    assert [f["id"] for f in found["features"]] == ["E02-YS001"]
    assert (await items(app, "link", "length_m=300"))["numberMatched"] == 2
    assert (await items(app, "gate", "remote=true"))["numberMatched"] == 2
    assert (await items(app, "gate", "remote=false"))["numberMatched"] == 0
    assert (await items(app, "link", "length_m=long"))["numberMatched"] == 0


async def test_one_feature_is_a_whole_document(app: ASGIApp) -> None:
    gate = await get(app, "/ogc/collections/gate/items/G01")
    assert gate["type"] == "Feature"
    assert gate["id"] == "G01"
    assert gate["geometry"]["type"] == "Point"
    assert gate["properties"]["name_en"] == "Middle gate"
    assert await get(app, link(gate, "self")["href"]) == gate
    assert (await get(app, link(gate, "collection")["href"]))["id"] == "gate"
    listed = (await items(app, "gate"))["features"][0]
    assert listed == {k: v for k, v in gate.items() if k != "links"}
    answer = await ask(app, "/ogc/collections/gate/items/G01", headers=LI)
    assert answer.headers["content-type"] == GEO


async def test_values_are_those_of_now_and_time_chooses_among_them(folder: Path) -> None:
    park = tiny_park()
    server = create_app(load({"TWIN_DATA": str(folder)}), park=park)
    empty = (await items(server, "reading", "station=S01"))["features"][0]["properties"]
    assert (empty["value"], empty["level"], empty["at"]) == (None, "offline", None)
    live = next(r for r in server.routes if getattr(r, "path", "") == "/live").endpoint.__closure__  # type: ignore[attr-defined]
    web = next(c.cell_contents for c in live if hasattr(c.cell_contents, "live"))
    web.live.board.fold(encode(real_time(park, "S01", as_ms(NOW), {"w01018": 12.5, "w21003": 0.4})))
    web.live.facts = replace(web.live.facts, gates=(GateState("G01", 0.4, False, False, NOW),))
    reading = await get(server, f"/ogc/collections/reading/items/{quote('S01:w01018', safe='')}")
    values = reading["properties"]
    assert (values["value"], values["unit"], values["at"]) == (12.5, "mg/L", "2026-10-01T08:00:00Z")
    station = await get(server, "/ogc/collections/station/items/S01")
    assert station["properties"]["w01018"] == 12.5
    assert station["properties"]["w21001"] is None
    gate = await get(server, "/ogc/collections/gate/items/G01")
    assert gate["properties"]["position"] == 0.4
    total = (await items(server, "reading"))["numberMatched"]
    for query, count in (
        ("2026-10-01T08:00:00Z", 2),
        ("2026-10-01T16:00:00%2B08:00", 2),
        ("2026-10-01T07:00:00Z/2026-10-01T09:00:00Z", 2),
        ("2026-10-01T09:00:00Z/..", 0),
        ("/2026-10-01T07:59:59Z", 0),
        ("../..", 2),
    ):
        found = await items(server, "reading", f"datetime={query}&station=S01&limit=50")
        timed = [f for f in found["features"] if f["properties"]["at"]]
        assert len(timed) == count, query
    # What has no moment is of every time; so are collections that know no time.
    assert (await items(server, "reading", "datetime=2030-01-01T00:00:00Z"))["numberMatched"] == total - 2
    assert (await items(server, "node", "datetime=2030-01-01T00:00:00Z"))["numberMatched"] == 13


# The door


async def test_nobody_reads_without_an_account(app: ASGIApp) -> None:
    wrong: list[dict[str, str]] = [
        {},
        basic("li", "wrong"),
        basic("", WORD),
        {"authorization": "Basic !!!"},
        {"authorization": "Bearer x"},
    ]
    for headers in wrong:
        refused: Answer = await ask(app, "/ogc/collections", headers=headers)
        assert refused.status == 401
        assert refused.headers["www-authenticate"] == 'Basic realm="park-twin", charset="UTF-8"'
        assert refused.json()["code"] == "Unauthorized"
    assert (await ask(app, "/ogc", headers=LI)).headers["cache-control"] == "no-store"


async def test_guessing_is_slowed_down_and_a_right_password_is_reckoned_once(folder: Path) -> None:
    class Counting(Access):
        asked = 0

        def authenticate(self, name: str, password: str) -> Any:
            Counting.asked += 1
            return super().authenticate(name, password)

    records = Records(load({"TWIN_DATA": str(folder)}).db)
    door = Door(Counting(records, lambda: 0))
    for _ in range(20):
        assert door.person(basic("op", WORD)["authorization"])
    assert Counting.asked == 1
    assert door.person(basic("op", "a guess")["authorization"]) is None
    while records.take_attempt("op", 0, BURST, EVERY_MS):  # the guesses of somebody who goes on
        pass
    with pytest.raises(RefusedError):
        door.person(basic("op", "another guess")["authorization"])
    assert door.person(basic("op", WORD)["authorization"])  # whoever was in is not shut out by it
    records.close()


async def test_who_asks_too_much_is_told_to_wait(
    app: ASGIApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callbacks.ogc.AT_ONCE", AT_ONCE)
    monkeypatch.setattr("callbacks.ogc.EVERY_S", 1e6)
    server = create_app(load({"TWIN_DATA": str(folder)}), park=tiny_park())
    answers = [await ask(server, "/ogc/conformance", headers=LI) for _ in range(AT_ONCE + 1)]
    assert {a.status for a in answers[:-1]} == {200}
    assert answers[-1].status == 429
    assert answers[-1].headers["retry-after"] == "6"


async def test_a_park_in_its_own_plane_has_features_without_places(folder: Path) -> None:
    park = tiny_park()
    server = create_app(
        load({"TWIN_DATA": str(folder)}),
        park=replace(park, crs=crs.LOCAL, links=park.links.set_crs(crs.LOCAL, allow_override=True)),
    )
    found = await items(server, "link")
    assert [f["geometry"] for f in found["features"]] == [None] * 11
    assert "extent" not in await get(server, "/ogc/collections/link")
