"""The park as a file to take away: GeoPackage, GeoJSON or Excel, for whoever may export."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dash import html
from dash.development.base_component import Component
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from callbacks import about, login
from callbacks.pages import data
from geodata import export
from geodata.words import Lang, Text
from twin import clock, fingerprints
from twin.access import Act
from twin.clock import as_datetime
from twin.errors import MissingError, UnavailableError
from twin.evidence import gather, seal
from twin.model import AuditLine

if TYPE_CHECKING:
    from callbacks.pages import Web

TITLE = Text("导出与接口", "Export and service")
NAMES = {
    "gpkg": Text("GeoPackage", "GeoPackage"),
    "geojson": Text("GeoJSON", "GeoJSON"),
    "xlsx": Text("Excel", "Excel"),
}
SERVICE = Text(
    "QGIS 等可直接加载：OGC API – Features，含实时值", "For QGIS: OGC API – Features, with live values"
)
SEALED = Text("导出证据包 SHA-256 {digest}…", "evidence exported, SHA-256 {digest}…")
PRINTS = Text("导出指纹库第 {v} 版", "exported version {v} of the fingerprint library")
EXPORTED = Text("导出园区 {version} 为 {form}", "exported version {version} of the park as {form}")


def links(web: Web, lang: Lang, *, name: str = "atlas-group") -> Component | None:
    """Return the addresses of the files of the present park; nothing for who may not export."""
    if not web.access.may(login.reader(), Act.EXPORT):
        return None
    files = [
        html.A(word.say(lang), href=f"/export/park.{form}", download="", className="btn s")
        for form, word in NAMES.items()
    ]
    return html.Section(
        [
            html.H3([TITLE.say(lang), about.mark(TITLE, lang)], className="h"),
            html.Div(files, className="atlas-files"),
            html.P([SERVICE.say(lang), " ", html.Code("/ogc")], className="mut atlas-service"),
        ],
        className=name,
        **data(role="export"),
    )


def written(web: Web, form: str) -> bytes:
    """Return the park of now as a file.

    Raises
    ------
    ValueError
        There is no such format, or it cannot hold this park.
    """
    with tempfile.TemporaryDirectory(dir=web.config.data, prefix="export-") as folder:
        path = Path(folder) / f"park{export.FORMATS.get(form, '')}"
        export.write(web.park, path, form)
        return path.read_bytes()


def routes(server: FastAPI, web: Web) -> None:
    """Put the files at `/export/park.gpkg` and so on; one is written at a time."""
    turn = asyncio.Semaphore(1)

    async def serve(form: str, request: Request) -> Response:
        if refused := login.refusal(web.access, Act.EXPORT, request):
            return refused
        if form not in export.FORMATS:
            return JSONResponse({"error": f"a park is written as {', '.join(export.FORMATS)}"}, 404)
        try:
            async with turn:
                body = await asyncio.to_thread(written, web, form)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)
        said = EXPORTED.fill(version=web.park.version, form=form)
        at = as_datetime(clock.wall_ms())
        await asyncio.to_thread(web.records.audit, AuditLine(at, login.name(), "park.exported", "", said))
        name = f"{web.park.id}-{web.park.version}{export.FORMATS[form]}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(body, media_type=export.MEDIA[form], headers=headers)

    async def incident(id: str, request: Request) -> Response:
        if refused := login.refusal(web.access, Act.EXPORT, request):
            return refused
        at = as_datetime(web.live.now_ms())
        try:
            found = await asyncio.to_thread(gather, web.records, id, web.park.version, login.name(), at)
        except MissingError as error:
            return JSONResponse({"error": str(error)}, 404)
        except UnavailableError as error:
            return JSONResponse({"error": str(error)}, 503)
        body = await asyncio.to_thread(seal, found)
        said = SEALED.fill(digest=hashlib.sha256(body).hexdigest())
        line = AuditLine(at, login.name(), "evidence.exported", id, said)
        await asyncio.to_thread(web.records.audit, line)
        name = {"Content-Disposition": f'attachment; filename="{found.incident.id}.json"'}
        return Response(body, media_type="application/json", headers=name | {"Cache-Control": "no-store"})

    async def prints(request: Request) -> Response:
        if refused := login.refusal(web.access, Act.EXPORT, request):
            return refused
        try:
            library = await asyncio.to_thread(fingerprints.latest, web.records)
        except UnavailableError as error:
            return JSONResponse({"error": str(error)}, 503)
        version = library.version if library else 0
        body = fingerprints.write_csv(fingerprints.held(web.park, library))
        at = as_datetime(clock.wall_ms())
        line = AuditLine(at, login.name(), "fingerprints.exported", str(version), PRINTS.fill(v=version))
        await asyncio.to_thread(web.records.audit, line)
        name = f"{web.park.id}-fingerprints-{version}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        # Spreadsheets of this country take a table without the mark for GBK.
        return Response(body.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)

    server.add_api_route("/export/fingerprints.csv", prints, methods=["GET"], response_model=None)
    server.add_api_route("/export/park.{form}", serve, methods=["GET"], response_model=None)
    server.add_api_route("/export/incident/{id}.json", incident, methods=["GET"], response_model=None)
