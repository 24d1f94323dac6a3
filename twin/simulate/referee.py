"""The referee of `twin demo --check`: follows one drill, acts for its two people, and counts at the end."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from geodata import park as park_file
from geodata import zone
from twin.access import Access, Act, User
from twin.clock import as_datetime, as_ms, park_ms
from twin.config import Config
from twin.demo import password, people, start_roles
from twin.errors import TwinError, UnavailableError
from twin.history.reader import History
from twin.model import (
    AuditLine,
    Command,
    CommandState,
    GatePlan,
    Incident,
    Order,
    PlanSet,
    Point,
    Ranking,
    to_json,
)
from twin.records import Records
from twin.simulate import truth as truths
from twin.simulate.scenarios import kind_of
from twin.simulate.truth import Truth
from twin.simulate.world import MOST_SPEED
from twin.stream import Stream
from twin.supervisor import Supervisor

PAST_HOURS = 3.0
LOOK_S = 0.1
START_TIMEOUT_S = 90.0
DETECT_PARK_S = 3 * 3600.0  # a release nobody notices in this time is a failure
QUIET_PARK_S = 80 * 60.0  # how long a lying instrument must be withstood
HORIZON_PARK_S = 100 * 60.0  # after the release: the plume has come to a gate by then, or is not waited for
REACTION_PARK_S = 60.0  # what each of the two people takes to read the plan
PLAN_TIMEOUT_S = 30.0  # of wall time, beside what the park itself may need:
PLAN_PARK_S = 90 * 60.0  # an outlet's own meter alarms long before water reaches a place to be protected
HURRY = 3.0  # times the drill's speed once all gates are closed
SETTLE_TIMEOUT_S = 15.0
_QN = re.compile(rb"QN=(\d{17});")
_CN = re.compile(rb";CN=(\d{4});")


class FailedError(TwinError):
    """Something the check waits for did not come."""


@dataclass(slots=True)
class Story:
    """What was seen and done on the way."""

    incident: Incident | None = None
    ranking: Ranking | None = None
    plan: PlanSet | None = None
    commands: list[Command] = field(default_factory=list)
    incidents: int = 0
    accused: int = 0
    crashes: dict[str, int] = field(default_factory=dict)
    odd: set[Point] = field(default_factory=set)
    gateway: dict[str, Any] = field(default_factory=dict)
    lost: int = 0
    answered: int = 0


class Referee:
    """Watches one play, and acts for the two people."""

    def __init__(
        self, config: Config, folder: Path, supervisor: Supervisor, scenario: str, speed: float, seed: int
    ) -> None:
        self.config, self.folder, self.supervisor = config, folder, supervisor
        self.scenario, self.speed, self.seed = scenario, speed, seed
        self.story = Story()
        people(config)
        self.records = Records(config.db)
        self.access = Access(self.records)
        self.stream = Stream(config.redis)

    def close(self) -> None:
        """Let go of what is held."""
        self.stream.close()
        self.records.close()

    def truth(self) -> Truth | None:
        """What the simulator has written so far."""
        return truths.read(self.folder / "truth.json")

    def play(self) -> None:
        """Start everything, follow the story to its end, then count.

        Raises
        ------
        FailedError
            Something that must come did not.
        """
        words = ("sim", "--scenario", self.scenario, "--speed", f"{self.speed:g}", "--seed", str(self.seed))
        files = ("--truth", str(self.folder / "truth.json"), "--journal", str(self.folder / "journal"))
        start_roles(self.supervisor, self.config, (*words, "--past-hours", f"{PAST_HOURS:g}", *files))
        truth = self._wait(self._running, START_TIMEOUT_S, "the drill did not begin")
        say(f"{self.scenario}, seed {self.seed}: drill began at {local(truth.start_ms)}")
        try:
            if kind_of(self.scenario).sources:
                self._handle(truth)
            else:
                self._until_park(truth.started_ms + round(QUIET_PARK_S * 1000))
        finally:
            self._count()

    def _handle(self, truth: Truth) -> None:
        """See the incident, approve the plan, see the gates closed, and let the plume come to them."""
        within = (DETECT_PARK_S + (truth.started_ms - truth.start_ms) / 1000) / self.speed
        incident = self._wait(self._incident, within, "no incident was opened")
        self.story.incident = incident
        say(f"incident {incident.id} at {local(as_ms(incident.opened))}: {incident.title.en}")
        plan = self._wait(self._plan, PLAN_TIMEOUT_S + PLAN_PARK_S / self.speed, "no plan was made")
        self._show_suspects()
        self.story.commands = self._approve(incident, plan)
        strokes = max((m.stroke_s for m in plan.moves), default=0.0)
        self._wait(self._all_done, 20.0 + 3 * strokes / self.speed, "the gates were not confirmed closed")
        for command in self.story.commands:
            say(f"{command.gate} is {command.state} at {local(as_ms(command.done_at or incident.opened))}")
        first = self.story.commands[0].gate
        horizon = truth.started_ms + round(HORIZON_PARK_S * 1000)

        def plume_came() -> bool | None:
            now = self.truth()
            return True if now is not None and (first in now.plume_ms or now.now_ms >= horizon) else None

        self._faster()
        self._wait(plume_came, HORIZON_PARK_S / self.speed * 2 + 30, "park time does not pass")

    def _faster(self) -> None:
        """Nobody acts any more: the rest may pass more quickly."""
        speed = min(self.speed * HURRY, MOST_SPEED)
        self.stream.append("commands", to_json(Order("drill.speed", self._now(), "check", number=speed)))

    def _approve(self, incident: Incident, plan: GatePlan) -> list[Command]:
        """Propose the plan's gates and approve them by two people, as the page does."""
        duty, office = self._signed_in("duty"), self._signed_in("office")
        ids = []
        self._pass(REACTION_PARK_S)
        for move in plan.moves:
            if move.too_late:
                continue
            command = Command(
                id=f"{plan.id}/{move.gate}/1",
                incident=incident.id,
                plan=plan.id,
                gate=move.gate,
                target=0.0,
                proposed_by=duty.name,
                proposed_at=self._now(),
                approvals=(),
                state=CommandState.PROPOSED,
            )
            ids.append(self.records.propose(command).id)
        if not ids:
            raise FailedError(f"plan {plan.id} has no gate that can still be closed in time")
        self._sign(duty, ids)
        self._pass(REACTION_PARK_S)
        self._sign(office, ids)
        for command_id in ids:
            order = Order("gate.execute", self._now(), office.name, about=command_id)
            self.stream.append("commands", to_json(order))
        say(f"two people approved at {local(as_ms(self._now()))}: {', '.join(m.gate for m in plan.moves)}")
        return [c for i in ids if (c := self.records.command(i)) is not None]

    def _sign(self, person: User, ids: list[str]) -> None:
        for command_id in ids:
            self.records.approve(command_id, person.name, "check", self._now())
            line = AuditLine(self._now(), person.name, "command.approved", command_id, person.display)
            self.records.audit(line)

    def _signed_in(self, name: str) -> User:
        """Sign in as a demo user who may propose and approve."""
        user = self.access.authenticate(name, password(name))
        if user is None or not all(self.access.may(user, act) for act in (Act.PROPOSE, Act.APPROVE)):
            raise FailedError(f"{name} may not approve")
        return user

    def _running(self) -> Truth | None:
        return self.truth() if self.stream.ping() and self.stream.clock().speed > 0 else None

    def _incident(self) -> Incident | None:
        found = sorted(self.records.incidents(), key=lambda i: i.opened)
        return found[0] if found else None

    def _plan(self) -> GatePlan | None:
        assert self.story.incident is not None
        plans = self.records.plans(self.story.incident.id)
        ranking = self.records.ranking(self.story.incident.id)
        if plans is None or ranking is None:
            return None
        self.story.plan, self.story.ranking = plans, ranking
        return next((p for p in plans.plans if p.recommended), None)

    def _all_done(self) -> bool | None:
        now = [self.records.command(c.id) for c in self.story.commands]
        self.story.commands = [c for c in now if c is not None]
        over = (CommandState.DONE, CommandState.FAILED, CommandState.REFUSED)
        return True if all(c.state in over for c in self.story.commands) else None

    def _count(self) -> None:
        """Stop the drill, let everything settle, and look for every answered frame in the history."""
        self.stream.append("commands", to_json(Order("drill.stop", self._now(), "check")))

        def settled() -> bool | None:
            now = self.truth()
            return True if now is not None and now.waiting == 0 and self.stream.clock().speed == 0 else None

        try:
            self._wait(settled, SETTLE_TIMEOUT_S, "some frames were never answered")
        finally:
            time.sleep(1.2)  # the gateway tells its counters once a second
            self._collect()

    def _collect(self) -> None:
        story = self.story
        story.crashes = {n: c for n in self.supervisor.names if (c := self.supervisor.restarts(n))}
        body = self.stream.get("stations")
        story.gateway = json.loads(body) if body else {}
        incidents = self.records.incidents()
        story.incidents = len(incidents)
        story.accused = sum(1 for i in incidents if (r := self.records.ranking(i.id)) and r.suspects)
        if story.incident is not None:
            story.ranking = self.records.ranking(story.incident.id)
        story.odd = {a.point for a in self.records.anomalies(limit=10_000)}
        answered = truths.answered(self.folder / "journal")
        story.answered = len(answered)
        story.lost = len(answered - self._kept())

    def _kept(self) -> set[tuple[str, str, str]]:
        park = park_file.read(self.config.park)
        history = History(self.config.history, self.stream)
        try:
            frames = history.raw_frames([s.mn for s in park.stations], 0, 1 << 53)
        finally:
            history.close()
        kept = set()
        for frame in frames:
            qn, cn = _QN.search(frame.raw), _CN.search(frame.raw)
            if qn and cn:
                kept.add((frame.mn, cn[1].decode(), qn[1].decode()))
        return kept

    def _now(self) -> datetime:
        return as_datetime(park_ms(self.stream.clock()))

    def _pass(self, park_s: float) -> None:
        self._until_park(as_ms(self._now()) + round(park_s * 1000))

    def _until_park(self, at_ms: int) -> None:
        left_s = (at_ms - park_ms(self.stream.clock())) / 1000
        self._wait(
            lambda: True if park_ms(self.stream.clock()) >= at_ms else None,
            left_s / self.speed * 3 + 30,
            "park time does not pass",
        )

    def _show_suspects(self) -> None:
        assert self.story.ranking is not None
        named = [f"{s.enterprise} {s.probability:.0%}" for s in self.story.ranking.suspects[:5]]
        say(f"suspects: {', '.join(named)}; unknown {self.story.ranking.unknown:.0%}")

    def _wait(self, look: Callable[[], Any], timeout_s: float, complaint: str) -> Any:
        """Look again and again until there is something; a service that is away for a moment is no reason."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.supervisor.tick()
            try:
                found = look()
            except UnavailableError:
                found = None
            if found is not None:
                return found
            time.sleep(LOOK_S)
        raise FailedError(f"{complaint} (waited {timeout_s:.0f} s)")


def local(ms: int) -> str:
    return zone.local(as_datetime(ms)).strftime("%H:%M:%S")


def say(sentence: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {sentence}\n")
    sys.stderr.flush()
