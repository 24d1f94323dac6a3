"""Runs people's own closings one after the other, beside everything else: bounded, timed, to be cancelled.

Asked for by an order in the commands stream, kept as papers of the incident. An order read twice changes
nothing: what is not waiting any more is not run again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from geodata import park as parks
from geodata.words import Text
from twin.clock import ParkClock
from twin.config import Config
from twin.errors import MissingError, TwinError, UnavailableError
from twin.hydraulics.runner import Runners
from twin.model import AuditLine, CommandState, Event, GateState, from_json, to_json
from twin.park_file import present_path
from twin.plan.own import compare
from twin.plan.own_plan import DRAFT, Draft, DraftState, Told
from twin.plan.strokes import with_measured
from twin.records import Records
from twin.stream import Stream

MOST_WAITING = 4  # more are refused: a queue nobody sees the end of helps nobody
LIMIT_S = 90.0  # of wall time for one draft; then its processes are killed
PROCESSES = 2
Compare = Callable[[Draft, Runners], tuple[tuple[Told, ...], str, float]]
log = logging.getLogger(__name__)


class Drafts:
    """The queue of drafts; one thread calls it, the engine runs in another and in child processes."""

    def __init__(
        self, records: Records, stream: Stream, clock: ParkClock, compare: Compare, limit_s: float = LIMIT_S
    ) -> None:
        self._records, self._stream, self._clock, self._compare = records, stream, clock, compare
        self._limit_s = limit_s
        self._waiting: list[str] = []
        self._running: _Run | None = None
        self._begun = False

    def note(self, kind: str, id: str, by: str) -> None:
        """Take an order: draft.try or draft.cancel."""
        if kind == "draft.try" and id not in self._waiting:
            if self._running is not None and self._running.draft.id == id:
                return
            if len(self._waiting) >= MOST_WAITING:
                self._end(id, DraftState.FAILED, BUSY.fill(n=MOST_WAITING))
                return
            self._waiting.append(id)
        elif kind == "draft.cancel":
            if id in self._waiting:
                self._waiting.remove(id)
            if self._running is not None and self._running.draft.id == id:
                self._running.stop()
                self._running = None
            self._end(id, DraftState.CANCELLED, CANCELLED.fill(who=by))

    def step(self) -> None:
        """Take an answer, stop what takes too long, begin the next."""
        if not self._begun:
            self._take_up()
        run = self._running
        if run is not None and run.done:
            self._finish(run)  # forgotten only when it is on record: the records may be away
            self._running = None
        elif run is not None and time.monotonic() - run.began > self._limit_s:
            run.stop()
            self._end(run.draft.id, DraftState.FAILED, SLOW.fill(s=round(self._limit_s)))
            self._running = None
        if self._running is None and self._waiting:
            self._begin(self._waiting[0])
            self._waiting.pop(0)

    def _take_up(self) -> None:
        """Wait again for what an earlier process left: its orders were taken, and do not come again."""
        left = (DraftState.WAITING, DraftState.RUNNING)
        found = [d.id for d in self._records.papers(DRAFT, Draft) if d.state in left]
        self._waiting = [*[i for i in reversed(found) if i not in self._waiting], *self._waiting]
        self._begun = True

    def close(self) -> None:
        """Kill what runs."""
        if self._running is not None:
            self._running.stop()

    def _begin(self, id: str) -> None:
        try:
            draft = self._records.change_paper(DRAFT, id, Draft, _started)
        except (MissingError, _NotWaitingError):
            return
        self._running = _Run(draft, self._compare)
        self._tell(id)

    def _finish(self, run: _Run) -> None:
        if run.error is not None:
            self._end(
                run.draft.id,
                DraftState.FAILED,
                FAILED.fill(e=run.error),
            )
            return
        assert run.answer is not None
        told, factor, hours = run.answer
        seconds, now = time.monotonic() - run.began, self._clock.now()

        def done(draft: Draft) -> Draft:
            ended = replace(draft, state=DraftState.DONE, ended=now, seconds=seconds)
            return replace(ended, told=told, factor=factor, hours=hours)

        draft = self._records.change_paper(DRAFT, run.draft.id, Draft, done)
        own = next(t for t in told if t.label == "own")
        said = FOUND.fill(g=Text("、".join(own.gates), ", ".join(own.gates)), k=f"{own.kept:.0%}")
        self._records.audit(AuditLine(self._clock.now(), draft.by, "draft.done", draft.incident, said))
        self._tell(draft.id)

    def _end(self, id: str, state: DraftState, message: Text) -> None:
        now = self._clock.now()

        def end(draft: Draft) -> Draft:
            if draft.state in (DraftState.WAITING, DraftState.RUNNING):
                return replace(draft, state=state, message=message, ended=now)
            return draft

        try:
            self._records.change_paper(DRAFT, id, Draft, end)
        except MissingError:
            return
        self._tell(id)

    def _tell(self, id: str) -> None:
        self._stream.append("events", to_json(Event("draft.ready", self._clock.now(), id)))


def comparer(config: Config, records: Records, stream: Stream) -> Compare:
    """Return what runs a draft on the park, plans and gates of that moment."""

    def run(draft: Draft, runners: Runners) -> tuple[tuple[Told, ...], str, float]:
        planset, ranking = records.plans(draft.incident), records.ranking(draft.incident)
        if planset is None or ranking is None:
            raise MissingError(f"there is no plan for {draft.incident} yet")
        park = with_measured(
            parks.read(present_path(config.parks)), records.commands(states=(CommandState.DONE,))
        )
        body = stream.get("gates")
        gates = [] if body is None else from_json(body, list[GateState])
        return compare(park, draft, planset, ranking, gates, config, runners)

    return run


class _NotWaitingError(TwinError):
    """The draft was run already."""


def _started(draft: Draft) -> Draft:
    if draft.state not in (DraftState.WAITING, DraftState.RUNNING):  # running: its process died before
        raise _NotWaitingError(draft.id)
    return replace(draft, state=DraftState.RUNNING)


class _Run:
    """One draft with the engine, in a thread and child processes of its own."""

    def __init__(self, draft: Draft, compare: Compare) -> None:
        self.draft, self.began = draft, time.monotonic()
        self.answer: tuple[tuple[Told, ...], str, float] | None = None
        self.error: TwinError | None = None
        self.done = False
        self._runners = Runners(PROCESSES)
        threading.Thread(target=self._work, args=(compare,), name="draft", daemon=True).start()

    def stop(self) -> None:
        """Kill its processes; nothing of it is heard again."""
        self._runners.stop()

    def _work(self, compare: Compare) -> None:
        try:
            with self._runners as runners:
                self.answer = compare(self.draft, runners)
        except TwinError as error:
            self.error = error
        except Exception:
            log.exception("draft %s", self.draft.id)
            self.error = UnavailableError("the hydraulic engine failed")
        finally:
            self.done = True


FAILED = Text("推演失败：{e}", "the run failed: {e}")
BUSY = Text("已有 {n} 个推演在排队，请稍后再试", "{n} runs are waiting already; try again later")
SLOW = Text("超过 {s} 秒未算完，已停止", "not done within {s} s, stopped")
CANCELLED = Text("{who} 已取消", "cancelled by {who}")
FOUND = Text("自拟关闭 {g} 推演：拦住 {k}", "own closing of {g} simulated: {k} held")
