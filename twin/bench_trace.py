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
from twin.trace import evidence, signals
from twin.trace.fingerprint import compare
from twin.trace.response import ensemble, turned
from twin.trace.transport import apart

Floats = NDArray[np.float64]

DAY_S, PACE_S = 86400.0, 60.0
HORIZON = 1.5  # lags of interest, of the length of the series: water may run faster than is known
SETTLED_S, LEAST_RISE = 600.0, 0.1  # before the alarm, for a baseline; share of it that counts as a rise
MAKE_UP = 1.0  # share of the sample's evidence that is believed
FLOOR = 0.005  # share of the answer that is dealt out evenly
NO_CASES = Text("{path} 里没有案例（*.json.gz）", "there is no case (*.json.gz) in {path}")
NOT_READ = Text("{path} 读不了：{why}", "{path} cannot be read: {why}")
LACKS = Text("{path} 缺少 {field}", "{path} lacks {field}")
DONE = Text(
    "{n} 个案例已写入 {out}；每例 {mean:.2f} 秒,95% 在 {most:.2f} 秒内",
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


@dataclass(frozen=True, slots=True, eq=False)
class Clues:
    """What speaks for each of c candidates, before it is weighed.

    hydraulic: log-score of its carriage; near: of plain distance; make_up: of the grab sample; start_s,
    end_s: its best release; turned: how far the flow field is in doubt; alike: see `evidence.Hydraulic`.
    """

    hydraulic: Floats
    near: Floats
    make_up: Floats
    start_s: Floats
    end_s: Floats
    turned: float
    alike: NDArray[np.int64]


def clues(case: Mapping[str, Any], network: Network, *, early: bool, weights: evidence.Weights) -> Clues:
    """Gather what speaks for each candidate of a case.

    Raises
    ------
    KeyError
        The case lacks a field, or names a node the network does not have.
    """
    sensors = case["sensors"]
    origins = np.array([network.nodes[c] for c in case["candidates"]], np.int64)
    places = np.array([network.nodes[s] for s in sensors], np.int64)
    t = case["t0_s"] + case["step_s"] * np.arange(case["n"], dtype=float)
    value = np.array([case["series"][s] for s in sensors], float)
    if early:
        seen = t <= case["early_cutoff_s"]
        t, value = t[seen], value[:, seen]
    pace = _pace(case, t)
    heard = signals.read(t, value, case["alarm"]["t_s"] - 1.5 * case["step_s"]).told(pace.to)
    horizon = HORIZON * (t[-1] - t[0])
    responses = ensemble(network, origins, places, step_s=case["step_s"] / 2, horizon_s=horizon)
    alarm = float(pace.to(np.array(case["alarm"]["t_s"])))
    doubt = turned(network)
    h = evidence.hydraulic(responses, heard, alarm, weights.where(doubt))
    sheet = evidence.sheet_of(heard, alarm, weights)
    rose, chance = evidence.risen(sheet, sensors.index(case["alarm"]["sensor"]))
    return Clues(
        hydraulic=h.total,
        near=evidence.nearness(apart(network, places[rose])[:, origins].T, chance),
        make_up=_make_up(case, t, value),
        start_s=pace.back(h.start_s),
        end_s=pace.back(h.start_s + h.duration_s),
        turned=doubt,
        alike=h.alike,
    )


def chances(
    found: Clues,
    weights: evidence.Weights,
    *,
    fingerprint: bool,
    make_up: float = MAKE_UP,
    floor: float = FLOOR,
) -> Floats:
    """Weigh clues: the probability of each candidate, (c,)."""
    among = evidence.levelled(found.near, found.alike)
    w = weights.where(found.turned)
    score = evidence.pooled(found.hydraulic, found.near, w, among=among)
    if fingerprint:
        score = score + make_up * found.make_up
    return np.asarray((1 - floor) * np.exp(score - logsumexp(score)) + floor / len(score))


def answer(case: Mapping[str, Any], network: Network, options: Options) -> dict[str, Any]:
    """Rank the candidates of a case; raises as `clues` does."""
    candidates, weights = case["candidates"], evidence.Weights()
    found = clues(case, network, early=options.early, weights=weights)
    chance = chances(found, weights, fingerprint=options.fingerprint)
    best = int(np.argmax(chance))
    order = sorted(range(len(candidates)), key=lambda i: (-chance[i], candidates[i]))
    return {
        "case_id": case["case_id"],
        "ranking": [[candidates[i], round(float(chance[i]), 6)] for i in order],
        "start_s": round(float(found.start_s[best]), 1),
        "duration_s": round(float(found.end_s[best] - found.start_s[best]), 1),
    }


@dataclass(frozen=True, slots=True)
class _Pace:
    """Clock time and the network's own, which runs as its water does."""

    clock_s: Floats
    own_s: Floats

    def to(self, at_s: Floats) -> Floats:
        return np.interp(at_s, self.clock_s, self.own_s)

    def back(self, own_s: Floats) -> Floats:
        return np.interp(own_s, self.own_s, self.clock_s)


def _pace(case: Mapping[str, Any], t: Floats) -> _Pace:
    """Return the network's own time: where all water runs faster at some hours, lags are told in it."""
    rate = np.asarray(case.get("velocity_factor_hourly") or [1.0] * 24, float)
    clock = np.arange(t[0] - DAY_S, t[-1] + DAY_S, PACE_S)
    hour = np.floor(case.get("clock0", 0.0) + (clock - case["t0_s"]) / 3600).astype(int) % len(rate)
    own = clock[0] + np.concatenate([[0.0], np.cumsum(rate[hour][:-1] * PACE_S)])
    return _Pace(clock, own)


def _make_up(case: Mapping[str, Any], t: Floats, value: Floats) -> Floats:
    """Return what the grab sample says of every candidate, (c,) nats; 0 where there is none.

    Profiles are told per unit of the series' own pollutant, so its rise at the sampled sensor tells how
    strong the water was when it was taken.
    """
    if not case.get("sample") or not case.get("fingerprints"):
        return np.zeros(len(case["candidates"]))
    factors = sorted(f for f, v in case["sample"]["excess"].items() if v is not None and v > 0)
    rise = np.array([case["sample"]["excess"][f] for f in factors], float)
    profiles = [
        [case["fingerprints"].get(c, {}).get("profile", {}).get(f, np.nan) for f in factors]
        for c in case["candidates"]
    ]
    adds = np.array(profiles, float).reshape(-1, len(factors))
    own = _own_rise(case, t, value)
    return compare(rise, adds, strength=float(np.log(own)) if np.isfinite(own) else None)


def _own_rise(case: Mapping[str, Any], t: Floats, value: Floats) -> float:
    """Return the rise of the series' own pollutant where and when the sample was taken; NaN if unsure."""
    row = value[case["sensors"].index(case["sample"]["sensor"])]
    base = float(np.nanmedian(row[t < case["alarm"]["t_s"] - SETTLED_S]))
    near = row[np.abs(t - case["sample"]["t_s"]) <= 1.01 * case["step_s"]]
    rise = float(np.median(near[np.isfinite(near)]) - base) if np.isfinite(near).any() else np.nan
    return rise if rise > LEAST_RISE * base else np.nan
