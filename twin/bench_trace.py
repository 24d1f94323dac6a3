"""`twin bench trace`: who did it, for a folder of recorded cases; one answer file a case, for a scorer.

A case is what an operator would have: a network, travel times known to some 30 %, sensor series, the first
alarm, and perhaps a grab sample with a profile of every candidate's water. The truth is never read.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from geodata.network import Network
from geodata.words import Lang, Text
from twin.errors import ConfigError
from twin.trace import evidence, fingerprint, signals
from twin.trace.transport import solve

Floats = NDArray[np.float64]

FLOOR = 0.03  # share of the answer that is dealt out evenly
NO_CASES = Text("{path} 里没有案例(*.json.gz)", "there is no case (*.json.gz) in {path}")
NOT_READ = Text("{path} 读不了:{why}", "{path} cannot be read: {why}")
LACKS = Text("{path} 缺少 {field}", "{path} lacks {field}")
DONE = Text(
    "{n} 个案例已写入 {out};每例 {mean:.2f} 秒,95% 在 {most:.2f} 秒内",
    "{n} cases answered in {out}; {mean:.2f} s a case, 95 % within {most:.2f} s",
)


@dataclass(frozen=True, slots=True)
class Options:
    """What of a case may be used.

    early: only samples until the case's own early cutoff; fingerprint: the grab sample, where there is one.
    """

    early: bool = False
    fingerprint: bool = True


def main(networks: Path, cases: Path, out: Path, options: Options, jobs: int, lang: Lang) -> int:
    """Answer every case of a folder; returns 0, or 2 where a file is wrong."""
    try:
        paths = sorted(cases.rglob("*.json.gz"))
        if not paths:
            raise ConfigError(NO_CASES.fill(path=cases).say(lang))
        out.mkdir(parents=True, exist_ok=True)
        seconds = []
        for found in _answers(paths, networks, options, jobs, lang):
            (out / f"{found['case_id']}.json").write_text(json.dumps(found), "utf-8")
            seconds.append(found["seconds"])
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    said = DONE.fill(n=len(seconds), out=out, mean=np.mean(seconds), most=np.quantile(seconds, 0.95))
    sys.stdout.write(said.say(lang) + "\n")
    return 0


def _answers(
    paths: list[Path], networks: Path, options: Options, jobs: int, lang: Lang
) -> Iterator[dict[str, Any]]:
    work = partial(answer_file, networks=networks, options=options, lang=lang)
    if jobs == 1:
        yield from map(work, paths)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, paths, chunksize=4)


def answer_file(path: Path, *, networks: Path, options: Options, lang: Lang = "en") -> dict[str, Any]:
    """Answer one case file; `seconds` is the time from the arrays in memory to the answer.

    Raises
    ------
    ConfigError
        The case or its network cannot be read; the message names file and field.
    """
    case = _read(path, lang)
    try:
        sheet = _read(networks / f"{case['network']}.network.json", lang)
        network = network_of(sheet, case["edges_known"])
        began = time.perf_counter()
        found = answer(case, network, options)
    except KeyError as error:
        raise ConfigError(LACKS.fill(path=path, field=error).say(lang)) from None
    return {**found, "seconds": round(time.perf_counter() - began, 4)}


def _read(path: Path, lang: Lang) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
        body = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigError(NOT_READ.fill(path=path, why=error).say(lang)) from None
    if not isinstance(body, dict):
        raise ConfigError(NOT_READ.fill(path=path, why="JSON").say(lang))
    return body


def network_of(sheet: Mapping[str, Any], known: Mapping[str, list[float]]) -> Network:
    """Build the network of a case: lines of its sheet, travel times and flows as the case knows them."""
    ids = [n["id"] for n in sheet["nodes"]]
    at = {n: i for i, n in enumerate(ids)}
    edges = sheet["edges"]
    return Network.of(
        ids,
        [e["id"] for e in edges],
        [at[e["from"]] for e in edges],
        [at[e["to"]] for e in edges],
        travel_s=[known[e["id"]][0] for e in edges],
        flow_m3s=[abs(known[e["id"]][1]) for e in edges],
        length_m=[e.get("length_m") or 0.0 for e in edges],
        reversal=[e.get("reversal_fraction") or 0.0 for e in edges],
        kind=[e.get("kind") or "pipe" for e in edges],
    )


def answer(case: Mapping[str, Any], network: Network, options: Options) -> dict[str, Any]:
    """Rank the candidates of a case.

    Raises
    ------
    KeyError
        The case lacks a field, or names a node the network does not have.
    """
    candidates, sensors = case["candidates"], case["sensors"]
    origins = np.array([network.nodes[c] for c in candidates], np.int64)
    places = np.array([network.nodes[s] for s in sensors], np.int64)
    t = case["t0_s"] + case["step_s"] * np.arange(case["n"], dtype=float)
    value = np.array([case["series"][s] for s in sensors], float)
    if options.early:
        seen = t <= case["early_cutoff_s"]
        t, value = t[seen], value[:, seen]
    heard = signals.read(t, value, case["alarm"]["t_s"])
    weights = evidence.Weights()
    transport = solve(network, origins, places)
    h = evidence.hydraulic(transport, heard, float(t[-1]), weights)
    near = evidence.proximity(transport.apart_m[:, sensors.index(case["alarm"]["sensor"])])
    score = evidence.pooled(h.total, near, weights)
    if options.fingerprint:
        score = score + _make_up(case)
    chance = (1 - FLOOR) * np.exp(score - logsumexp(score)) + FLOOR / len(score)
    best = int(np.argmax(chance))
    order = sorted(range(len(candidates)), key=lambda i: (-chance[i], candidates[i]))
    return {
        "case_id": case["case_id"],
        "ranking": [[candidates[i], round(float(chance[i]), 6)] for i in order],
        "start_s": round(float(h.start_s[best]), 1),
        "duration_s": round(float(h.duration_s[best]), 1),
    }


def _make_up(case: Mapping[str, Any]) -> Floats:
    """Return what the grab sample says of every candidate, (c,) nats; 0 where there is none."""
    if not case.get("sample") or not case.get("fingerprints"):
        return np.zeros(len(case["candidates"]))
    factors = sorted(f for f, v in case["sample"]["excess"].items() if v is not None and v > 0)
    rise = np.array([case["sample"]["excess"][f] for f in factors], float)
    profiles = [
        [case["fingerprints"].get(c, {}).get("profile", {}).get(f, np.nan) for f in factors]
        for c in case["candidates"]
    ]
    return fingerprint.compare(rise, np.array(profiles, float).reshape(-1, len(factors)))
