"""What the tabs about the park share: which park is meant, what is wrong in it, who signs, and the routes.

A park is named by a word: ``present``, ``v-<version>`` (one that was saved) or ``w-<token>`` (one that is
being imported). A candidate is such a park with the mends taken since; it is data (`Candidate`), kept in the
reader's browser and made anew from its beginning, so that undoing is leaving out the last mend.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, TypeVar

from dash import Dash
from fastapi import FastAPI, Request, Response

from callbacks import as_of, login
from callbacks.checking import Checking, Checks
from callbacks.pages import Web
from callbacks.signing import Signature
from geodata import park as park_file
from geodata.check import export
from geodata.check.findings import Finding
from geodata.check.mends import mend
from geodata.check.run import check
from geodata.places import Park
from geodata.words import Text
from layers import geo
from twin import park_publish
from twin.access import Act, User
from twin.clock import as_datetime, wall_ms
from twin.errors import MissingError, RefusedError, UnavailableError
from twin.model import AuditLine, Order, to_json
from twin.park_check import known
from twin.park_desk import VERSION, Desk, DeskError, Work
from twin.records_past import READ_ONLY

KEPT = 6  # parks, findings and shelves held at once
NOT_YOURS = Text("请以系统管理员账号登录后查看", "sign in as an administrator to see this")
PRESENT = "present"

T = TypeVar("T")
Step = tuple[str, str, str, str]
"""Kind, layer, feature and other of a finding that was mended."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A park and the mends taken since."""

    base: str = PRESENT
    steps: tuple[Step, ...] = ()

    @classmethod
    def of(cls, data: Any) -> Candidate:
        """Read it from what the browser kept."""
        if not isinstance(data, dict):
            return cls()
        steps = [tuple(str(w) for w in s) for s in data.get("steps") or () if len(s) == 4]
        return cls(str(data.get("base") or PRESENT), tuple(steps))  # type: ignore[arg-type]

    def data(self) -> dict[str, Any]:
        """Return it as the browser keeps it."""
        return {"base": self.base, "steps": [list(s) for s in self.steps]}


class Shelves:
    """The last few things made, by the content they were made of."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._lock = Lock()

    def get(self, kind: str, key: str, make: Callable[[], T]) -> T:
        """Return what is held, or make it; made twice at once is made twice, and right both times."""
        with self._lock:
            if (kind, key) in self._held:
                self._held.move_to_end((kind, key))
                return self._held[kind, key]  # type: ignore[no-any-return]
        made = make()
        with self._lock:
            self._held[kind, key] = made
            while sum(k == kind for k, _ in self._held) > KEPT:
                del self._held[next(k for k in self._held if k[0] == kind)]
        return made


class Parks:
    """Every park the page can speak of."""

    def __init__(self, web: Web) -> None:
        self.web, self._shelves, self._checks = web, Shelves(), Checks()
        self.desk = Desk(web.config.data / "desk", flows=web.config.flows)

    def held(self, kind: str, key: str, make: Callable[[], T]) -> T:
        """Return something made of contents that `key` names, made anew only if it is not held any more."""
        return self._shelves.get(kind, key, make)

    def park(self, name: str, version: str = "") -> Park:
        """Return a park by its name; of an import the last one, or that of a version which a map still shows.

        Raises
        ------
        MissingError
            There is none.
        """
        kind, _, key = name.partition("-")
        if name == PRESENT:
            return self.web.park
        if kind == "v":
            try:
                return self.held("park", name, lambda: park_publish.store(self.web.config).load(key))
            except (KeyError, ValueError, OSError) as error:
                raise MissingError(f"there is no version {key}") from error
        work = self.desk.find(key) if kind == "w" else None
        made = version or (str(work.result().get("version", "")) if work is not None else "")
        if work is None or not VERSION.fullmatch(made) or not work.park(made).is_file():
            raise MissingError(f"there is no park {name}")
        return self.held("park", f"{name}/{made}", lambda: park_file.read(work.park(made)))

    def candidate(self, it: Candidate) -> Park:
        """Return a park with its mends taken, one after the other.

        Raises
        ------
        MissingError
            There is no such park, or a mend's finding is not in it.
        """
        park = self.park(it.base)
        if not it.steps:
            return park
        before = self.candidate(Candidate(it.base, it.steps[:-1]))
        step = it.steps[-1]
        key = f"{before.version}/{'/'.join(step)}"
        return self.held("mended", key, lambda: mend(before, self.finding(before, step)))

    def findings(self, park: Park) -> tuple[Finding, ...]:
        """Return what is wrong in a park, checked once for each content; waits until it is known."""
        return self.checking(park, again=True).findings()

    def checking(self, park: Park, *, again: bool = False) -> Checking:
        """Return the check of a park, begun if it never was, or anew where it was stopped."""
        limits = self.web.config.limits
        return self._checks.of(park.version, lambda tell: check(park, known(park, limits), tell), again=again)

    def finding(self, park: Park, step: Sequence[str]) -> Finding:
        """Return one finding again.

        Raises
        ------
        MissingError
            It is not there any more.
        """
        found = next((f for f in self.findings(park) if step_of(f) == tuple(step)), None)
        if found is None:
            raise MissingError(f"{'/'.join(step)} is not found any more")
        return found

    def shelf(self, name: str, version: str = "") -> geo.Shelf:
        """Return a park's geometry for the map."""
        park = self.park(name, version)
        return self.held("shelf", park.version, lambda: geo.Shelf(park))

    def source(self, name: str) -> str:
        """Return where the browser finds a park's geometry."""
        return "/geo" if name == PRESENT else f"/admin/geo/{name}"

    def may_have(self, reader: User | None, name: str) -> bool:
        """Tell whether a reader may have a park's geometry and the files of its findings.

        An administrator may have any; an import is open to whoever holds its token, which only the
        administrator who signed for it was given.
        """
        kind, _, key = name.partition("-")
        held = kind == "w" and self.desk.find(key) is not None
        return held or self.web.access.may(reader, Act.ADMIN)


def shared(app: Dash, web: Web) -> Parks:
    """Return the one `Parks` of an application, made and given its addresses by the tab that asks first."""
    if not hasattr(app.server.state, "parks"):
        app.server.state.parks = Parks(web)
        routes(app.server, app.server.state.parks)
    return app.server.state.parks  # type: ignore[no-any-return]


def step_of(finding: Finding) -> Step:
    """Return what names a finding."""
    return (finding.kind, finding.layer, finding.feature, finding.other)


def signed(web: Web, mark: Signature, act: str, about: str, *, reason: bool = True) -> User | Text:
    """Return the person who signs, or the sentence that says why it does not count; refusals are on record.

    Parameters
    ----------
    act : str
        What is signed for, as the audit calls it.
    reason : bool
        Whether one is needed.
    """
    if as_of.moment() is not None:
        return READ_ONLY
    name = mark.user.strip()
    if not name or not mark.password:
        return NO_NAME
    if reason and not mark.reason.strip():
        return NO_REASON
    at = as_datetime(wall_ms())
    try:
        person = web.access.authenticate(name, mark.password)
        if person is None:
            web.records.audit(AuditLine(at, name[:64], f"{act}.failed", about, WRONG))
            return WRONG
        if not web.access.may(person, Act.ADMIN):
            text = MAY_NOT.fill(who=person.display)
            web.records.audit(AuditLine(at, person.name, f"{act}.refused", about, text))
            return text
    except RefusedError:
        return TOO_OFTEN
    except UnavailableError:
        return AWAY
    return person


def origin(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of an import's account is kept with the version: files, systems, charsets, fields."""
    names = ("file", "layer", "format", "role", "crs", "axes", "encoding", "as_of", "as_of_by",
             "read", "mapped", "fields")  # fmt: skip
    return {
        "crs": result.get("crs", ""),
        "layers": [{n: x.get(n, "") for n in names} for x in result.get("layers", ())],
    }


def recorded(web: Web, person: User, act: str, about: str, text: Text) -> None:
    """Write down who did what."""
    web.records.audit(AuditLine(as_datetime(wall_ms()), person.name, act, about, text))


def ordered(web: Web, mark: Signature, kind: str, about: str, detail: str, shown: str) -> User | Text:
    """Give an order to the other processes, signed by an administrator and written down.

    Parameters
    ----------
    kind, about, detail : str
        Of the order; its kind is also what the audit calls it.
    shown : str
        What is asked for, as the audit tells it.

    Returns
    -------
    User or Text
        Who signed, or the sentence that says why nothing went out.
    """
    person = signed(web, mark, kind, about)
    if isinstance(person, Text):
        return person
    try:
        reason = Text("{what}：{why}", "{what}: {why}").fill(what=shown, why=mark.reason.strip())
        recorded(web, person, kind, about, reason)  # first: nothing goes out that nobody wrote down
        order = Order(kind, as_datetime(wall_ms()), person.name, about, detail=detail)
        web.stream.append("commands", to_json(order))
    except UnavailableError:
        return AWAY
    return person


def _refused(parks: Parks, name: str, request: Request) -> Response | None:
    if parks.may_have(login.reader(), name):
        return None
    return login.refusal(parks.web.access, Act.ADMIN, request)


def routes(server: FastAPI, parks: Parks) -> None:
    """Add the addresses that carry files: geometry out, findings out, uploads in."""

    @server.get("/admin/geo/{park}/{layer}.json")
    async def geometry(park: str, layer: str, request: Request, v: str = "") -> Response:
        if refused := _refused(parks, park, request):
            return refused
        try:
            found = await asyncio.to_thread(lambda: parks.shelf(park, v).get(layer))
        except MissingError:
            found = None
        if found is None:
            return Response(status_code=404)
        headers = {"ETag": found.etag, "Cache-Control": "private, max-age=3600"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            return Response(found.gzipped, media_type="application/geo+json", headers=headers)
        return Response(found.plain, media_type="application/geo+json", headers=headers)

    @server.get("/admin/findings.{ending}")
    async def findings(ending: str, request: Request, candidate: str = "") -> Response:
        return await _findings(parks, ending, request, candidate)

    @server.put("/admin/files/{token}")
    async def upload(token: str, name: str, request: Request, changed: float = 0.0) -> Response:
        work = parks.desk.find(token)
        if work is None:
            return _said(404, GONE)
        try:
            return await receive(work, name, request, changed / 1000)
        except DeskError as error:
            return _said(400, error.text)


async def receive(work: Work, name: str, request: Request, changed_s: float = 0.0) -> Response:
    """Write the body of a request as one of the files of a piece of work, as far as there is room."""
    most = min(work.room.file_bytes, work.left())
    size = 0
    with work.receive(name, min(max(changed_s, 0.0), wall_ms() / 1000)) as out:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise DeskError(TOO_LARGE.fill(name=name, most=most // 2**20))
            await asyncio.to_thread(out.write, chunk)
    return _said(200, Text("收到", "received"))


async def _findings(parks: Parks, ending: str, request: Request, candidate: str) -> Response:
    if ending not in MEDIA:
        return Response(status_code=404)
    try:
        wanted = Candidate.of(json.loads(candidate) if candidate else None)
        if refused := _refused(parks, wanted.base, request):
            return refused
        name, body = await asyncio.to_thread(findings_file, parks, wanted, ending)
    except (MissingError, json.JSONDecodeError):
        return Response(status_code=404)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=MEDIA[ending], headers=headers)


def findings_file(parks: Parks, wanted: Candidate, ending: str) -> tuple[str, bytes]:
    """Return name and bytes of a file of findings."""
    park = parks.candidate(wanted)
    with TemporaryDirectory(prefix="findings-") as folder:
        path = Path(folder) / f"findings.{ending}"
        export.write(parks.findings(park), park.crs, path)
        return f"{park.id}-{park.version}-findings.{ending}", path.read_bytes()


def _said(status: int, text: Text) -> Response:
    return Response(json.dumps({"zh": text.zh, "en": text.en}), status, media_type="application/json")


MEDIA = {
    "gpkg": "application/geopackage+sqlite3",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "geojson": "application/geo+json",
    "csv": "text/csv; charset=utf-8",
}
NO_NAME = Text("请填账号和口令", "Give account and password")
NO_REASON = Text("请写明理由", "Give a reason")
WRONG = Text("账号或口令不对", "Account or password is wrong")
MAY_NOT = Text("{who} 无权管理园区数据，须系统管理", "{who} may not change the park; an administrator must")
TOO_OFTEN = Text("尝试过于频繁，请稍后再试", "Too many attempts; try again in a while")
AWAY = Text("记录库没有应答，没有办理", "The records do not answer; nothing was done")
GONE = Text("这次导入已经不在，请重新开始", "this import is gone; begin again")
TOO_LARGE = Text("{name} 超过 {most} MB", "{name} is larger than {most} MB")
