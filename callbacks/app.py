"""The web application: one FastAPI server with our own routes, the live feed, and Dash for the pages.

`create_app(config)` builds it, `serve(config)` runs it under uvicorn. Nothing happens at import.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvicorn
from dash import Dash
from dash.backends._fastapi import reset_current_request, set_current_request
from fastapi import FastAPI, Request, Response, WebSocket
from starlette.middleware.gzip import GZipMiddleware

from callbacks import (
    admin,
    atlas,
    emergency,
    enterprise,
    exports,
    firm_report,
    guard,
    intake,
    login,
    notes_form,
    ogc,
    point_tables,
    readings,
    replay,
    shell,
    tiles,
    wall,
    wall_screens,
)
from callbacks.as_of import AsOf, Now, Past
from callbacks.live import Board, Live, Standing
from callbacks.pages import Ground, Web
from callbacks.tickets import Tickets
from geodata.places import Park
from geodata.words import as_lang, tag
from layers import map as park_map
from twin import scorecard
from twin.access import Access, Act
from twin.config import Config
from twin.ending import ended
from twin.errors import UnavailableError
from twin.history.reader import History
from twin.model import IncidentState
from twin.park_watch import LOOK_S, ParkWatch, Present, Renewal
from twin.quality import rules as quality
from twin.records import Records
from twin.state import State
from twin.stream import AsyncStream, Stream

ASSETS = Path(__file__).parent / "assets"
RAW_MINUTES = 24 * 60
PAGES = (wall, atlas, enterprise, emergency, admin, readings)
"""In the order of the navigation."""


class _Dash(Dash):
    """Dash whose first HTML already says language and theme, so that nothing flashes."""

    web: Web

    def index(self, *args: Any, **kwargs: Any) -> Any:
        # Dash collects its assets at the first request of its own; a page asked for before comes bare.
        self._setup_server()  # type: ignore[no-untyped-call]
        return super().index(*args, **kwargs)  # type: ignore[no-untyped-call]

    def interpolate_index(self, **parts: str) -> str:  # type: ignore[override]
        request = self.backend.request_adapter()
        lang = as_lang(request.args.get("lang") or request.cookies.get("lang") or self.web.config.lang)
        page, _ = self.web.pages.find(request.path)
        theme: str = page.theme if page else "dark"
        scale = page.scale if page else "desk"
        if scale == "desk":
            theme = {"dark": "dark", "light": "light"}.get(request.cookies.get("theme", ""), theme)
        return (
            f'<!doctype html><html lang="{tag(lang)}" data-theme="{theme}" '
            f'data-scale="{scale}"><head>{parts["metas"]}<title>{parts["title"]}</title>{parts["favicon"]}'
            f"{parts['css']}</head><body>{parts['app_entry']}"
            f"<footer>{parts['config']}{parts['scripts']}{parts['renderer']}</footer></body></html>"
        )


def create_app(config: Config, *, park: Park | None = None) -> FastAPI:
    """Build the application.

    Parameters
    ----------
    config : Config
        All settings; the environment is not read here.
    park : Park, optional
        A park already read; otherwise the file that `config` names.

    Raises
    ------
    MissingError, ConfigError
        The park cannot be used.
    """
    renewal: Renewal[tuple[Present, State]] | None = None
    if park is None:
        watch = ParkWatch(config.parks, config.limits, config.flows)
        renewal = Renewal(watch, lambda present: (present, State(present.park, present.limits)))
        web = _web(config, Ground(watch.present, lambda: renewal.trouble if renewal else ""))
    else:
        web = _web(config, Ground(Present.of(park, config.limits)))

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(web.live.run())]
        if renewal is not None:
            tasks.append(asyncio.create_task(_follow_park(web, renewal)))
        yield
        await ended(tasks)
        web.stream.close()

    server = FastAPI(title="park-twin", lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    _routes(server, web)
    login.routes(server, web)
    intake.routes(server, web, intake.tokens(config))
    ogc.routes(server, web)
    firm_report.routes(server, web)
    point_tables.routes(server, web)
    exports.routes(server, web)
    notes_form.routes(server, web)
    replay.routes(server, web)
    tiles.routes(server, web.base)
    dash = _dash(server, web)
    park_map.register(dash)
    for page in PAGES:
        page.register(dash, web)
    shell.register(dash, web)
    _addresses(server, dash, web)
    server.add_middleware(GZipMiddleware, minimum_size=800, compresslevel=5)
    server.add_middleware(AsOf)
    login.keep(server, config, web.access)
    server.add_middleware(guard.Guard, host=config.host, extra=config.hosts)
    return server


async def _follow_park(web: Web, renewal: Renewal[tuple[Present, State]]) -> None:
    """Show every new version of the park as soon as it lies there and is good."""
    while True:
        await asyncio.sleep(LOOK_S)
        await asyncio.to_thread(renewal.look)
        made = renewal.take()
        if made is not None:
            present, state = made
            web.ground.renew(present)
            web.live.renew(present.park, state)


def _web(config: Config, ground: Ground) -> Web:
    config.data.mkdir(parents=True, exist_ok=True)
    stream = Stream(config.redis)
    records = Records(config.db)
    records.create()

    def standing() -> Standing:
        states = {IncidentState.OPEN, IncidentState.CONTAINED}
        return Standing(tuple(records.incidents(states)), tuple(records.anomalies(open_only=True)))

    park, _, limits = ground.present
    build = build_id()
    board = Board(park, State(park, limits), build)
    live = Live(board, AsyncStream(config.redis), standing)
    now = Now(stream, records, History(config.history, stream), live)
    return Web(
        config=config,
        ground=ground,
        past=Past(now, lambda: ground.present, build),
        access=Access(records),
        tickets=Tickets(login.secret(config.data), records),
        rules=quality.load(config.quality),
        indicators=scorecard.load(config.indicators),
        base=tiles.base(config),
        walls=wall_screens.load(config.walls),
    )


def build_id() -> str:
    """Name this program: a page that sees another one loads itself again."""
    assets = hashlib.sha256()
    for path in sorted(ASSETS.glob("*")):
        assets.update(path.read_bytes())
    return f"{version('park-twin')}-{assets.hexdigest()[:8]}"


def _dash(server: FastAPI, web: Web) -> _Dash:
    dash = _Dash(
        "callbacks",
        server=server,  # type: ignore[arg-type]  # Dash's hint says Flask only
        assets_folder=str(ASSETS),
        suppress_callback_exceptions=True,
        title=web.park.name.say("zh"),
        update_title="",
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
        compress=False,
        use_pages=False,
    )
    dash.web = web

    def layout() -> Any:
        cookies = dash.backend.request_adapter().cookies
        return shell.frame(web, as_lang(cookies.get("lang") or web.config.lang))

    dash.layout = layout
    return dash


def _routes(server: FastAPI, web: Web) -> None:
    """Our own addresses; they must stand before Dash's, which answers every other one."""
    build = build_id()

    @server.get("/healthz")
    async def healthz() -> dict[str, Any]:
        facts = web.live.facts
        return {
            "ok": True,
            "stream": facts.stream,
            "clients": web.live.clients,
            "build": build,
            "park": {"version": web.park.version, "trouble": web.ground.trouble()},
        }

    @server.get("/geo/{name}.json")
    async def geometry(name: str, request: Request) -> Response:
        shelf = web.ground.shelf
        layer = await asyncio.to_thread(shelf.get, name)
        if layer is None:
            return Response(status_code=404)
        # What is kept for a year must be what the address says: a page may still ask for the last version.
        named = request.query_params.get("v") == shelf.version
        headers = {
            "ETag": layer.etag,
            "Cache-Control": "public, max-age=31536000, immutable" if named else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == layer.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(layer.gzipped, media_type="application/geo+json", headers=headers)
        return Response(layer.plain, media_type="application/geo+json", headers=headers)

    @server.get("/raw/{mn}.txt")
    async def raw(mn: str, request: Request, minutes: int = 60) -> Response:
        if refused := login.refusal(web.access, Act.EXPORT, request):  # frames carry the loggers' passwords
            return refused
        to_ms = web.live.now_ms()
        span_ms = min(max(minutes, 1), RAW_MINUTES) * 60_000
        try:
            frames = await asyncio.to_thread(web.history.raw_frames, mn, to_ms - span_ms, to_ms)
        except UnavailableError as error:
            return Response(str(error), 503, media_type="text/plain; charset=utf-8")
        body = b"".join(frame.raw.rstrip(b"\r\n") + b"\n" for frame in frames)
        return Response(body, media_type="text/plain; charset=utf-8")

    @server.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await web.live.serve(socket)


def _addresses(server: FastAPI, dash: _Dash, web: Web) -> None:
    """Every other address is a page, or is not there; after Dash's own addresses, before its catch-all."""

    @server.get("/{path:path}")
    async def page(path: str, request: Request) -> Response:
        token = set_current_request(request)  # type: ignore[no-untyped-call]
        try:
            found, _ = web.pages.find(path)
            return Response(dash.index(), 200 if found else 404, media_type="text/html")
        finally:
            reset_current_request(token)  # type: ignore[no-untyped-call]


def serve(config: Config) -> None:
    """Run the web role until it is stopped."""
    uvicorn.run(
        create_app(config),
        host=config.host,
        port=config.port,
        log_level="warning",
        ws_ping_interval=20,
        ws_per_message_deflate=False,  # packing numbers anew for every page costs more than it saves
        timeout_graceful_shutdown=2,
    )
