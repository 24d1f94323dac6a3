"""`twin bench ingest` in small: every reading arrives, once, through the real processes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from twin.bench_ingest import TOLD

pytestmark = pytest.mark.e2e


def test_a_small_bench_loses_and_doubles_nothing() -> None:
    words = ("bench", "ingest", "--points", "1600", "--seconds", "3", "--sockets", "20")
    done = subprocess.run(
        [sys.executable, "-m", "twin", *words], capture_output=True, timeout=120, check=True, text=True
    )
    rest, told = (json.loads(line) for line in done.stdout.splitlines()[-2:])
    assert set(told) == set(TOLD)
    told |= rest
    assert (told["lost"], told["doubled"], told["unanswered"]) == (0, 0, 0)
    assert told["written"] == 1600 * (3 + told["warm_s"])
    assert told["readings_per_s"] > 0
    assert set(told["bare"]) >= {"socket_readings_per_core_s", "redis_readings_per_s"}


def test_slow_pages_delay_nobody_and_nobody_misses_a_frame() -> None:
    words = ("bench", "live", "--clients", "6", "--slow", "2", "--points", "3000", "--changing", "600")
    done = subprocess.run(
        [sys.executable, "-m", "twin", *words, "--seconds", "6"],
        capture_output=True,
        timeout=120,
        check=True,
        text=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["gaps"], told["gaps_beside_slow"]) == (0, 0)
    assert told["changes_per_s_beside_slow"] > 300
    assert told["frames_per_s_beside_slow"] > 0.5


@pytest.mark.timeout(120)
def test_a_cluster_carries_it_too_and_what_a_killed_watch_held_is_claimed_by_the_other() -> None:
    words = ("bench", "ingest", "--cluster", "--points", "8000", "--seconds", "6", "--sockets", "40")
    done = subprocess.run(
        [sys.executable, "-m", "twin", *words], capture_output=True, timeout=100, check=True, text=True
    )
    rest, told = (json.loads(line) for line in done.stdout.splitlines()[-2:])
    assert set(told) == set(TOLD)
    assert (told["lost"], told["doubled"], rest["unanswered"]) == (0, 0, 0)
    assert rest["lost_where"] == {"stream": 0, "limits": 0, "history": 0}
    assert rest["written"] == 8000 * (6 + rest["warm_s"])
    killed = rest["killed"]
    assert killed["held_blocks"] > 0
    assert {killed["member"], killed["claimed_by"]} == {"1", "2"}
    assert {f"{what} {n}" for what, n in (("gateway", 1), ("gateway", 2), ("redis", 3))} <= set(told["cpu_s"])
