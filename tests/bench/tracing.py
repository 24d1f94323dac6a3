"""Tracing scored honestly: weights are fitted on all networks but one, and tried on that one.

`python -m tests.bench.tracing --networks DIR --cases DIR --truth DIR` reads recorded cases and their truth
(`<network>.json`, a list with `case_id` and `source`) and prints a table for each mode, with and without the
grab sample: share of cases whose source came first, or among three; log score in nats; share of cases that
gave the source less than 1 %; expected calibration error.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from twin.bench_trace import Clues, chances, clues, network_of
from twin.trace.evidence import Weights

LEAST = 1e-4  # of a probability, for the log score
FITTED = {
    "temper": (1.6, 2.0, 2.4),
    "nearness": (0.2,),
    "adrift": (-3.0, -2.0),
    "pool": (0.04, 0.08),
    "pool_turning": (0.35, 0.42),
    "make_up": (0.85, 1.0),
    "floor": (0.005, 0.01),
}


class Found(NamedTuple):
    """Clues of a case in a mode, and the position of its source."""

    network: str
    clues: Clues
    source: int


def gather(networks: Path, cases: Path, truth: Path, *, early: bool) -> Iterator[Found]:
    """Work out the clues of every case; transport is not tempered yet."""
    plain = replace(Weights(), temper=1.0)
    for path in sorted(truth.glob("*.json")):
        told = json.loads(path.read_text("utf-8"))
        if not isinstance(told, list):
            continue
        sheet = json.loads((networks / f"{path.stem}.network.json").read_text("utf-8"))
        for entry in told:
            packed = cases / path.stem / f"{entry['case_id']}.json.gz"
            case = json.loads(gzip.decompress(packed.read_bytes()))
            network = network_of(sheet, case["edges_known"])
            found = clues(case, network, early=early, weights=plain)
            yield Found(path.stem, found, case["candidates"].index(entry["source"]))


def marks(
    found: Found, fit: dict[str, float], *, sample: bool
) -> tuple[list[float], list[tuple[float, bool]]]:
    """Return first, among three, log score, below 1 %; and what was promised of whom it was true."""
    w = replace(Weights(), **{k: v for k, v in fit.items() if k not in ("make_up", "floor")})
    tempered = replace(found.clues, hydraulic=fit["temper"] * found.clues.hydraulic)
    p = chances(tempered, w, fingerprint=sample, make_up=fit["make_up"], floor=fit["floor"])
    own = p[found.source]
    above, level = (p > own + 1e-12).sum(), (np.abs(p - own) <= 1e-12).sum()
    first, three = (float(np.clip((k - above) / level, 0, 1)) for k in (1, 3))
    promised = [(float(x), i == found.source) for i, x in enumerate(p) if x > 0.05]
    return [first, three, -float(np.log(max(own, LEAST))), float(own < 0.01)], promised


def calibration(promised: list[tuple[float, bool]]) -> float:
    """Return the expected calibration error over ten bins."""
    p, true = np.array([x for x, _ in promised]), np.array([t for _, t in promised], float)
    of = np.minimum((p * 10).astype(int), 9)
    off = [abs(p[of == k].mean() - true[of == k].mean()) * (of == k).sum() for k in np.unique(of)]
    return float(sum(off) / len(p))


def main() -> None:
    """Print the tables."""
    grammar = argparse.ArgumentParser()
    for name in ("networks", "cases", "truth"):
        grammar.add_argument(f"--{name}", type=Path, required=True)
    o = grammar.parse_args()
    all_found = {m: list(gather(o.networks, o.cases, o.truth, early=m == "early")) for m in ("full", "early")}
    tables = [(mode, sample) for mode in all_found for sample in (True, False)]
    fits = [dict(zip(FITTED, v, strict=True)) for v in itertools.product(*FITTED.values())]
    log = np.array(
        [[[marks(f, fit, sample=s)[0][2] for f in all_found[m]] for m, s in tables] for fit in fits]
    )  # (fits, tables, cases)
    nets = np.array([f.network for f in all_found["full"]])
    chosen = {n: fits[int(log[:, :, nets != n].mean((1, 2)).argmin())] for n in dict.fromkeys(nets.tolist())}
    for n, fit in chosen.items():
        print(f"fitted without {n}: {fit}")
    for mode, sample in tables:
        both = [marks(f, chosen[f.network], sample=sample) for f in all_found[mode]]
        rows, ece = np.array([b[0] for b in both]), calibration([x for b in both for x in b[1]])
        print(f"\n{mode}, {'with' if sample else 'without'} sample: calibration error {ece:.3f}")
        for name, row in [("all", rows), *((n, rows[nets == n]) for n in chosen)]:
            print(f"  {name:12s}" + "".join(f"{x:8.3f}" for x in row.mean(0)))


if __name__ == "__main__":
    main()
