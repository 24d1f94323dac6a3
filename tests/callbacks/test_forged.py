"""Over real HTTP, a real gate controller behind it: whatever is sent, a gate moves for two people only."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import uvicorn

from callbacks import login
from callbacks.app import create_app
from callbacks.login import COOKIE
from geodata.words import Text
from tests.embedded import Embedded
from tests.twin.parks import tiny_park
from tests.twin.plan.test_checking import case, planned, suspect
from tests.twin.plan.test_plans import NOW
from tests.twin.test_control import Gatehouse
from twin.access import Access, Role
from twin.clock import ClockState, as_ms, wall_ms
from twin.config import load
from twin.control import Control
from twin.control_modbus import Plc
from twin.floodlock import FloodBook
from twin.gate_log import GateLog
from twin.model import CommandState, GateState, PlanSet, from_json
from twin.records import Records
from twin.stream import Stream
from twin.supervisor import free_port
from twin.worker import KnownClock, _drive

WORD = "a long password"
PEOPLE = {
    "duty": Role.DUTY_OFFICER,
    "office": Role.COMMANDER,
    "eye": Role.VIEWER,
    "relief": Role.DUTY_OFFICER,
}
SIGN, VIEW = "em-say.children", "em-shown.data"


@dataclass
class Site:
    """The web, the control loop and a gate controller, with an incident that waits for two people."""

    port: int
    records: Records
    stream: Stream
    house: Gatehouse
    plans: PlanSet
    callbacks: list[dict[str, Any]]
    number: int = 0
    cookie: str = ""
    sent: bytes = b""

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request, as a browser at this desk would unless told otherwise."""
        own = {
            "Origin": f"http://127.0.0.1:{self.port}",
            "Cookie": self.cookie,
            "Content-Type": "application/json",
        }
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.request(method, path, body, {k: v for k, v in (own | dict(headers or {})).items() if v})
            answer = line.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            line.close()

    def enter(self, who: str) -> None:
        """Sign in at this desk."""
        form = urlencode({"user": who, "password": WORD, "next": "/emergency"}).encode()
        status, headers, _ = self.ask(
            "POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert status == 303
        self.cookie = headers["set-cookie"].split(";")[0]

    def call(
        self, marker: str, values: Mapping[str, Any], pressed: str, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Ring the callback that has this output, with these values."""
        one = next(c for c in self.callbacks if f"..{marker}." in f".{c['output']}." or marker in c["output"])
        names = one["output"].strip(".").split("...")
        outputs = [{"id": _id(n.rpartition(".")[0]), "property": n.rpartition(".")[2]} for n in names]

        def filled(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [{**a, "value": values.get(f"{a['id']}.{a['property']}")} for a in asked]

        body = {
            "output": one["output"],
            "outputs": outputs,
            "inputs": filled(one["inputs"]),
            "state": filled(one["state"]),
            "changedPropIds": [pressed],
        }
        self.sent = json.dumps(body).encode()
        status, _, answer = self.ask("POST", "/_dash-update-component", self.sent, headers)
        return status, json.loads(answer)["response"] if status == 200 else {}

    def shown(self, plan: str | None = None) -> dict[str, Any]:
        """Look at the desk; returns what its form would send along."""
        values = {
            "em-incident.data": self.id,
            "em-plan.data": plan,
            "em-suspect.data": 0,
            "em-signed.data": 0,
        }
        status, answer = self.call(VIEW, values, "em-plan.data")
        assert status == 200
        found: dict[str, Any] = answer["em-shown"]["data"]
        return found

    def sign(
        self,
        who: str,
        shown: Mapping[str, Any],
        *,
        password: str = WORD,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Send a signature; returns status and the sentence."""
        values = {
            "em-sign.n_clicks": 1,
            "em-user.value": who,
            "em-password.value": password,
            "em-reason.value": "plume seen",
            "em-shown.data": dict(shown),
            "em-signed.data": 0,
        }
        status, answer = self.call(SIGN, values, "em-sign.n_clicks", headers)
        return status, json.dumps(answer.get("em-say", {}), ensure_ascii=False)

    def still(self) -> bool:
        """Give the control loop time to do what it was told; tells whether no register was written."""
        time.sleep(0.6)
        return self.house.moves == []

    @property
    def id(self) -> str:
        """The incident."""
        return f"EV-{self.number}"

    def states(self) -> set[CommandState]:
        return {c.state for c in self.records.commands(self.id)}


def _id(text: str) -> Any:
    return json.loads(text) if text.startswith("{") else text


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server for all: a park's page takes a second to come up."""
    folder = tmp_path_factory.mktemp("forged")
    embedded = Embedded(Path(str(tmp_path_factory.mktemp("r"))))
    embedded.start()
    config = load({"TWIN_DATA": str(folder), "TWIN_REDIS_URL": embedded.url, "TWIN_LANG": "en"})
    records, stream, house = Records(config.db), embedded.stream(), Gatehouse(free_port())
    records.create()
    for name, role in PEOPLE.items():
        Access(records).add_user(name, Text(name, name), role, WORD)
    stream.put_clock(ClockState(True, "t", 1.0, as_ms(NOW), wall_ms()))
    stream.join("commands", "control")
    house.start()
    park, port, stop = tiny_park(), free_port(), threading.Event()
    plc, beside = Plc("127.0.0.1", house.port, 0.4), embedded.stream()
    clock = KnownClock(beside)
    control = Control(park, records, beside, clock.park, plc)
    drive = threading.Thread(
        target=_drive, args=(control, clock, beside, GateLog(records), stop), daemon=True
    )
    drive.start()
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(config, park=park),
            host="127.0.0.1",
            port=port,
            log_level="error",
            loop="asyncio",
            timeout_graceful_shutdown=1,
        )
    )
    web = threading.Thread(target=server.run, daemon=True)
    web.start()
    while not server.started:
        time.sleep(0.02)
    made = planned(park)
    best = next(p for p in made.plans if p.recommended)
    made = replace(made, plans=(replace(best, moves=best.moves[:1]),))
    it = Site(port, records, stream, house, made, [])
    it.enter("duty")
    it.ask("GET", "/emergency")
    it.callbacks = json.loads(it.ask("GET", "/_dash-dependencies")[2])
    yield it
    stop.set()
    server.should_exit = True
    web.join(10)
    drive.join(10)
    plc.close()
    house.stop()
    records.close()
    for s in embedded.streams:
        s.close()
    embedded.kill()


def positions(ground: Site) -> list[GateState]:
    return from_json(ground.stream.get("gates") or b"[]", list[GateState])


@pytest.fixture
def site(ground: Site) -> Site:
    """The ground with an incident of its own, every gate open again."""
    ranking, incident = case(tiny_park(), suspect())
    ground.number += 1
    plans = tuple(replace(p, id=f"{ground.id}/A", incident=ground.id) for p in ground.plans.plans)
    ground.plans = replace(ground.plans, incident=ground.id, plans=plans)
    ground.records.put_incident(replace(incident, id=ground.id))
    ground.records.put_ranking(replace(ranking, incident=ground.id))
    ground.records.put_plans(ground.plans)
    ground.house._aim.clear()
    end = time.monotonic() + 60
    while not all(g.position == 1.0 for g in positions(ground)) or not positions(ground):
        assert time.monotonic() < end, "the gates do not open again"
        time.sleep(0.05)
    ground.house.moves.clear()
    ground.enter("duty")
    return ground


def test_two_people_at_two_desks_do_move_the_gate(site: Site) -> None:
    """So that the tests below can fail."""
    status, said = site.sign("duty", site.shown())
    assert (status, "second person" in said) == (200, True)
    site.enter("office")
    status, said = site.sign("office", site.shown())
    assert "order to close" in said
    end = time.monotonic() + 60
    while not site.house.moves and time.monotonic() < end:
        time.sleep(0.05)
    assert site.house.moves == [(1, 0.0)]


def test_one_person_alone_twice(site: Site) -> None:
    site.sign("duty", site.shown())
    _, said = site.sign(" DUTY ", site.shown())
    assert "approved already" in said
    assert site.states() == {CommandState.PROPOSED}
    assert site.still()


def test_a_viewer_and_a_wrong_password(site: Site) -> None:
    site.sign("duty", site.shown())
    assert "may not" in site.sign("eye", site.shown())[1]
    assert "wrong" in site.sign("office", site.shown(), password="guess-guess")[1]
    assert "wrong" in site.sign("nobody", site.shown())[1]
    site.enter("eye")
    assert "may not" in site.sign("eye", site.shown())[1]
    assert site.states() == {CommandState.PROPOSED}
    assert site.still()


def test_a_replayed_pair_of_requests(site: Site) -> None:
    """What moved a gate once moves nothing when the very same bytes come again."""
    site.sign("duty", site.shown())
    first = site.sent
    site.sign("office", site.shown())
    second = site.sent
    end = time.monotonic() + 60
    while not site.house.moves and time.monotonic() < end:
        time.sleep(0.05)
    assert len(site.house.moves) == 1
    for c in site.records.commands(site.id):  # it fails: the gate could be proposed anew
        site.records.set_command(replace(c, state=CommandState.FAILED))
    for body in (first, second, first, second):
        status, _, answer = site.ask("POST", "/_dash-update-component", body)
        assert status == 200
        assert b"sent already" in answer or b"just become" in answer or b"No gate" in answer, answer
    time.sleep(0.6)
    assert len(site.house.moves) == 1


def test_forged_forms(site: Site) -> None:
    shown = site.shown()
    site.sign("duty", shown)
    shown = site.shown()
    bare = {k: v for k, v in shown.items() if k != "ticket"}
    for forged in (
        bare,
        {**shown, "ticket": ""},
        {**shown, "ticket": "9" + shown["ticket"]},
        {**shown, "plan": f"{site.id}/B"},
        {**shown, "gates": ["G02"]},
        {**shown, "incident": "EV-0"},
        {},
    ):
        status, said = site.sign("office", forged)
        assert status == 200
        assert "out of date or was altered" in said
    site.enter("office")  # a ticket of another desk
    assert "out of date or was altered" in site.sign("office", shown)[1]
    assert site.states() == {CommandState.PROPOSED}
    assert site.still()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_origin(site: Site, headers: dict[str, str]) -> None:
    site.sign("duty", site.shown())
    shown = site.shown()
    assert site.sign("office", shown, headers=headers)[0] == 403
    assert site.states() == {CommandState.PROPOSED}
    assert site.still()


def test_nobody_signed_in_and_a_session_that_is_over(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "LOOK_AGAIN_S", 0.2)  # an account is believed for so long
    site.sign("duty", site.shown())
    shown = site.shown()
    assert site.sign("office", shown, headers={"Cookie": ""})[0] == 401
    assert site.sign("office", shown, headers={"Cookie": f"{COOKIE}=eyJ1c2VyIjoib2ZmaWNlIn0.x.y"})[0] == 401
    site.enter("relief")
    shown = site.shown()
    Access(site.records).add_user("relief", Text("relief", "relief"), Role.DUTY_OFFICER, WORD + "!")
    time.sleep(0.3)
    assert site.sign("office", shown)[0] == 401
    assert site.states() == {CommandState.PROPOSED}
    assert site.still()


def test_an_approval_of_a_plan_that_has_changed_since(site: Site) -> None:
    shown = site.shown()
    best = next(p for p in site.plans.plans if p.recommended)
    other = replace(best.moves[0], gate="G02" if best.moves[0].gate == "G01" else "G01")
    changed = replace(best, moves=(other,))
    newer = replace(site.plans, at=NOW + timedelta(minutes=1), plans=(changed,))
    site.records.put_plans(newer)
    _, said = site.sign("duty", shown)
    assert "Look at it, then sign" in said
    assert site.records.commands(site.id) == []
    assert site.still()


def test_a_flood_lock_set_since_the_page_was_drawn(site: Site) -> None:
    shown = site.shown()
    duty = Access(site.records).user("duty")
    assert duty is not None
    lock = FloodBook(site.records).set("", duty, "typhoon", NOW)
    said = site.sign("duty", shown)[1]
    FloodBook(site.records).lift(lock.id, duty, "over", NOW)
    assert "under flood lock" in said
    assert site.records.commands(site.id) == []
    assert site.still()
