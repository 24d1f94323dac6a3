"""What the OGC service says about itself: landing page, conformance, collections, OpenAPI 3.0."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from callbacks.features import Collection
from callbacks.ogc_query import GEOJSON, MOST, USUAL

JSON = "application/json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
PART1 = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/"
CLASSES = tuple(PART1 + name for name in ("core", "oas30", "geojson"))
PARAMETERS = ("limit", "offset", "bbox", "datetime")
TITLE = "park-twin"
ABOUT = "A chemical park's water network and what its stations and gates say now. Read only."


def landing(base: str) -> dict[str, Any]:
    """Return the landing page (7.2)."""
    return {
        "title": TITLE,
        "description": ABOUT,
        "links": [
            _link("self", JSON, "this page", base),
            _link("service-desc", OPENAPI, "the interface as OpenAPI 3.0", f"{base}/api"),
            _link("service-doc", OPENAPI, "the interface as OpenAPI 3.0", f"{base}/api"),
            _link("conformance", JSON, "conformance classes", f"{base}/conformance"),
            _link("data", JSON, "collections", f"{base}/collections"),
        ],
    }


def conformance() -> dict[str, Any]:
    """Return the conformance classes (7.4)."""
    return {"conformsTo": list(CLASSES)}


def upper_links(base: str) -> list[dict[str, str]]:
    """Return the links of the list of collections."""
    return [_link("self", JSON, "collections", f"{base}/collections")]


def about(collection: Collection, base: str) -> dict[str, Any]:
    """Return what a collection is (7.13, 7.14)."""
    here = f"{base}/collections/{quote(collection.id)}"
    found: dict[str, Any] = {
        "id": collection.id,
        "title": collection.title.en,
        "description": f"{collection.title.zh} / {collection.title.en}",
        "itemType": "feature",
        "crs": [CRS84],
        "links": [
            _link("self", JSON, collection.title.en, here),
            _link("items", GEOJSON, collection.title.en, f"{here}/items"),
        ],
    }
    extent: dict[str, Any] = {}
    if (bounds := collection.bounds()) is not None:
        extent["spatial"] = {"bbox": [bounds], "crs": CRS84}
    if collection.moments:
        extent["temporal"] = {"interval": [[None, None]], "trs": GREGORIAN}
    return found | ({"extent": extent} if extent else {})


def openapi(shelf: Iterable[Collection], base: str) -> dict[str, Any]:
    """Return the interface as OpenAPI 3.0, every collection with its own parameters (clause 9)."""
    paths: dict[str, Any] = {
        "/": _get("landing", "Landing page", JSON, "landingPage"),
        "/conformance": _get("conformance", "Conformance classes", JSON, "confClasses"),
        "/collections": _get("collections", "Collections", JSON, "collections"),
    }
    for c in shelf:
        here = f"/collections/{c.id}"
        paths[here] = _get(f"describe_{c.id}", c.title.en, JSON, "collection", missing=True)
        parameters = [
            *(
                {"$ref": f"#/components/parameters/{name}"}
                for name in ("limit", "offset", "bbox", "datetime")
            ),
            *(_parameter(name, f"features whose {name} is this") for name in c.properties),
        ]
        paths[f"{here}/items"] = _get(
            f"items_{c.id}", c.title.en, GEOJSON, "featureCollection", parameters, missing=True
        )
        key = {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}}
        paths[f"{here}/items/{{featureId}}"] = _get(
            f"item_{c.id}", f"One of {c.title.en}", GEOJSON, "feature", [key], missing=True
        )
    return {
        "openapi": "3.0.3",
        "info": {"title": TITLE, "description": ABOUT, "version": version("park-twin")},
        "servers": [{"url": base}],
        "security": [{"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "parameters": _common(),
            "responses": {
                name: {
                    "description": text,
                    "content": {JSON: {"schema": {"$ref": "#/components/schemas/exception"}}},
                }
                for name, text in (
                    ("wrong", "a parameter is not known or its value is wrong"),
                    ("door", "name and password of an account are needed"),
                    ("missing", "there is no such thing"),
                    ("often", "too many requests"),
                )
            },
            "schemas": _schemas(),
        },
    }


def _get(
    name: str,
    summary: str,
    media: str,
    schema: str,
    parameters: list[dict[str, Any]] | None = None,
    missing: bool = False,
) -> dict[str, Any]:
    responses: dict[str, Any] = {
        "200": {
            "description": summary,
            "content": {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
        },
        "400": {"$ref": "#/components/responses/wrong"},
        "401": {"$ref": "#/components/responses/door"},
        "429": {"$ref": "#/components/responses/often"},
    }
    if missing:
        responses["404"] = {"$ref": "#/components/responses/missing"}
    found = {"operationId": name, "summary": summary, "tags": ["features"], "responses": responses}
    given = [*(parameters or []), {"$ref": "#/components/parameters/f"}]
    return {"get": found | {"parameters": given}}


def _parameter(name: str, text: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "style": "form",
        "explode": False,
        "description": text,
        "schema": {"type": "string"},
    }


def _common() -> dict[str, Any]:
    number = {"type": "number"}
    corners = [{"minItems": n, "maxItems": n} for n in (4, 6)]
    return {
        "f": _parameter("f", "format") | {"schema": {"type": "string", "enum": ["json", "geojson"]}},
        "limit": _parameter("limit", "at most so many features")
        | {"schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}},
        "offset": _parameter("offset", "features to pass over")
        | {"schema": {"type": "integer", "minimum": 0, "default": 0}},
        "bbox": _parameter("bbox", "west,south,east,north in degrees (CRS84)")
        | {"schema": {"type": "array", "oneOf": corners, "items": number}},
        "datetime": _parameter("datetime", "a moment (RFC 3339), or two with / between; .. is open"),
    }  # fmt: skip


def _schemas() -> dict[str, Any]:
    text, number = {"type": "string"}, {"type": "number"}
    links = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}

    def thing(required: list[str], **properties: Any) -> dict[str, Any]:
        return {"type": "object", "required": required, "properties": properties}

    def ref(name: str) -> dict[str, str]:
        return {"$ref": f"#/components/schemas/{name}"}

    whole = {"type": "integer", "minimum": 0}
    return {
        "link": thing(["href"], href=text, rel=text, type=text, title=text),
        "exception": thing(["code"], code=text, description=text),
        "landingPage": thing(["links"], title=text, description=text, links=links),
        "confClasses": thing(["conformsTo"], conformsTo={"type": "array", "items": text}),
        "extent": thing(
            [],
            spatial=thing([], bbox={"type": "array", "items": {"type": "array", "items": number}}, crs=text),
            temporal={"type": "object"},
        ),
        "collection": thing(
            ["id", "links"], id=text, title=text, description=text, links=links, extent=ref("extent"),
            itemType=text, crs={"type": "array", "items": text},
        ),
        "collections": thing(
            ["links", "collections"], links=links, collections={"type": "array", "items": ref("collection")}
        ),
        "feature": thing(
            ["type", "geometry", "properties"],
            type={"type": "string", "enum": ["Feature"]},
            id=text,
            geometry={"type": "object", "nullable": True},
            properties={"type": "object", "nullable": True},
            links=links,
        ),
        "featureCollection": thing(
            ["type", "features"],
            type={"type": "string", "enum": ["FeatureCollection"]},
            features={"type": "array", "items": ref("feature")},
            links=links,
            timeStamp={"type": "string", "format": "date-time"},
            numberMatched=whole,
            numberReturned=whole,
        ),
    }  # fmt: skip


def _link(rel: str, media: str, title: str, href: str) -> dict[str, str]:
    return {"rel": rel, "type": media, "title": title, "href": href}
