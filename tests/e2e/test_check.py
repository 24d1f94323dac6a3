"""`twin demo --check` as a person runs it: a release is caught, and a lying instrument accuses nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.warm import share

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def check(folder: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    share(folder)
    env = {**os.environ, "TWIN_DATA": str(folder), "TWIN_LANG": "en"}
    command = [sys.executable, "-m", "twin", "demo", "--check", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=500)
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr


def test_a_secret_discharge_is_named_and_held(tmp_path: Path) -> None:
    code, told, said = check(tmp_path, "--scenario", "night-discharge", "--seed", "1")
    assert code == 0, said
    assert told["truth"]["enterprise"] in [s["enterprise"] for s in told["suspects"][:3]]
    assert told["command"]["state"] == "done"
    assert told["frames"]["accepted"] > 1000
    assert told["reached_receptors_kg"] < told["reached_receptors_kg_if_nothing_done"]
    assert 0 < told["detected_after_s"] < 3600
    assert sum(s["probability"] for s in told["suspects"]) + told["unknown_share"] == pytest.approx(
        1, abs=0.02
    )


def test_a_lying_instrument_accuses_nobody(tmp_path: Path) -> None:
    code, told, said = check(tmp_path, "--scenario", "faulty-sensor", "--speed", "240")
    assert code == 0, said
    assert told["truth"]["enterprise"] is None
    assert (told["suspects"], told["command"]) == ([], None)
    assert told["frames"]["accepted"] > 1000
