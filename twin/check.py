"""`twin demo --check`: the same processes and sockets, two scripted users, and the truth at the end.

It reads the simulator's truth, which nothing else may, and asserts what the product promises.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from twin.clock import as_datetime, as_ms
from twin.config import Config
from twin.demo import environment
from twin.model import CommandState, Point
from twin.simulate.reckoning import Reckoning, reckon
from twin.simulate.referee import FailedError, Referee, Story, say
from twin.simulate.truth import Truth
from twin.supervisor import Supervisor, free_port

SPEED = 120.0
TOP = 3


def run(config: Config, scenario: str, speed: float, seed: int) -> int:
    """Play one scenario and judge it; prints one JSON object as the last line, returns the exit code."""
    began = time.monotonic()
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # ends like Ctrl-C: with every process it started
    folder = Path(tempfile.mkdtemp(prefix="twin-check-"))
    config = _own(config, folder)
    supervisor = Supervisor(environment(config), folder / "logs", lambda t: say(t.en))
    referee = Referee(config, folder, supervisor, scenario, speed, seed)
    failures: list[str] = []
    try:
        try:
            referee.play()
        except FailedError as error:
            failures.append(str(error))
        finally:
            referee.close()
            supervisor.stop()
        truth = referee.truth()
        if truth is None:
            say("the simulator never began; its log ends with:\n" + _tail(folder / "logs" / "sim.log"))
            return 1
        acted, nothing = reckon(config.park, folder / "warm", truth)
        failures += judge(truth, referee.story, nothing, acted)
        result = report(truth, referee.story, acted, nothing, time.monotonic() - began)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    for failure in failures:
        say(f"NOT AS PROMISED: {failure}")
    if failures:
        say(f"what everybody wrote is kept in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    return 1 if failures else 0


def _own(config: Config, folder: Path) -> Config:
    """Give the check its own data and ports; only the cache of warm starts is shared."""
    warm = config.data / "warm"
    warm.mkdir(parents=True, exist_ok=True)
    (folder / "warm").symlink_to(warm)
    return replace(
        config,
        data=folder,
        redis_url="",
        db_url="",
        history_url="",
        port=free_port(),
        gateway_port=free_port(),
        plc_port=free_port(),
    )


def judge(truth: Truth, story: Story, nothing: Reckoning, acted: Reckoning) -> list[str]:
    """Return what is not as promised, one sentence each."""
    wrong = []
    if story.lost:
        wrong.append(f"{story.lost} of {story.answered} answered frames are not in the history")
    if not story.answered:
        wrong.append("no frame was answered")
    wrong += [f"{role} ended {n} times by itself" for role, n in story.crashes.items()]
    if not truth.enterprise:
        if story.accused:
            wrong.append("somebody was accused although only an instrument lied")
        if truth.lying is not None and Point(*truth.lying) not in story.odd:
            wrong.append(f"nobody noticed that {' '.join(truth.lying)} lies")
        return wrong
    ranking = story.ranking
    named = [s.enterprise for s in ranking.suspects[:TOP]] if ranking else []
    if truth.enterprise not in named:
        wrong.append(
            f"the source {truth.enterprise} is not among the first {TOP}: {', '.join(named) or 'none'}"
        )
    if not story.commands:
        return [*wrong, "no gate was ordered"]
    for command in story.commands:
        front = nothing.front_ms.get(command.gate)
        if command.state is not CommandState.DONE or command.done_at is None:
            wrong.append(f"{command.gate} is {command.state}, not confirmed closed")
        elif front is not None and as_ms(command.done_at) >= front:
            late = (as_ms(command.done_at) - front) / 60_000
            wrong.append(f"{command.gate} was closed {late:.0f} min after the plume's front came")
    if sum(acted.kg.values()) > sum(nothing.kg.values()):
        wrong.append("more reached the receptors than if nothing had been done")
    return wrong


def report(
    truth: Truth, story: Story, acted: Reckoning, nothing: Reckoning, seconds: float
) -> dict[str, object]:
    """Return the object that is printed."""
    incident, plan = story.incident, story.plan
    chosen = next((p for p in plan.plans if p.recommended), None) if plan else None
    first = story.commands[0] if story.commands else None
    ranking = story.ranking
    detected = None if incident is None else (as_ms(incident.opened) - truth.started_ms) / 1000
    return {
        "scenario": truth.scenario,
        "seed": truth.seed,
        "truth": {"enterprise": truth.enterprise or None, "started": _iso(truth.started_ms)},
        "frames": {
            "sent": truth.counts.sent,
            "accepted": story.gateway.get("frames", 0),
            "rejected": story.gateway.get("rejects", 0),
        },
        "readings": story.gateway.get("readings", 0),
        "detected_after_s": None if detected is None else round(detected, 1),
        "incidents": story.incidents,
        "suspects": [
            {"enterprise": s.enterprise, "probability": round(s.probability, 4)}
            for s in (ranking.suspects if ranking else ())
        ],
        "unknown_share": round(ranking.unknown, 4) if ranking else None,
        "plan": [
            {
                "gate": m.gate,
                "close_by": m.close_by.isoformat(),
                "slack_s": round((m.close_by - plan.at).total_seconds(), 1),
            }
            for m in (chosen.moves if chosen and plan else ())
            if plan is not None
        ],
        "command": None if first is None else {"gate": first.gate, "state": str(first.state)},
        "reached_receptors_kg": round(sum(acted.kg.values()), 2),
        "reached_receptors_kg_if_nothing_done": round(sum(nothing.kg.values()), 2),
        "seconds": round(seconds, 1),
    }


def _iso(ms: int) -> str:
    return as_datetime(ms).isoformat()


def _tail(path: Path, most: int = 2000) -> str:
    return path.read_text("utf-8", "replace")[-most:] if path.exists() else ""
