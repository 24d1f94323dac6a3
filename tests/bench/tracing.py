"""Tracing scored honestly: weights are fitted on all networks but one, and tried on that one.

`python -m tests.bench.tracing SET [--also SET]` reads recorded cases (folders `networks`, `cases`, `truth`)
and prints a table for each mode, with and without the grab sample: share of cases whose source came first, or
among three; log score in nats; share of cases that gave the source less than 1 %; expected calibration error;
and what a case costs a processor.
Cases of the other set help to fit and are not scored; those of the network left out are left out there too.
Every network weighs the same in a fit.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.bench_trace import Clues, chances, clues, network_of
from twin.trace.evidence import Weights, blunted

TABLES = (("full", True), ("full", False), ("early", True), ("early", False))  # mode, with a sample
LEAST = 1e-4  # of a probability, for the log score
FITTED = {
    "temper": (1.2, 1.6, 2.0, 2.4),
    "pool": (0.01, 0.02, 0.04),
    "tail_turning": (2.0, 3.0, 5.0),
    "make_up": (0.85, 1.0),
    "floor": (0.005, 0.01),
}


class Found(NamedTuple):
    """Clues of a case in a mode, the position of its source, and the processor's seconds they took."""

    network: str
    clues: Clues
    source: int
    cpu_s: float


def gather(root: Path, *, early: bool) -> Iterator[Found]:
    """Work out the clues of every case of a set; transport is neither tempered nor blunted yet."""
    plain = replace(Weights(), temper=1.0, tail_turning=np.inf)
    for path in sorted((root / "truth").glob("*.json")):
        told = json.loads(path.read_text("utf-8"))
        if not isinstance(told, list):
            continue
        sheet = json.loads((root / "networks" / f"{path.stem}.network.json").read_text("utf-8"))
        for entry in told:
            packed = root / "cases" / path.stem / f"{entry['case_id']}.json.gz"
            case = json.loads(gzip.decompress(packed.read_bytes()))
            network = network_of(sheet, case["edges_known"])
            began = time.process_time()
            found = clues(case, network, early=early, weights=plain)
            took = time.process_time() - began
            yield Found(path.stem, found, case["candidates"].index(entry["source"]), took)


def marks(
    found: Found, fit: dict[str, float], *, sample: bool
) -> tuple[list[float], list[tuple[float, bool]]]:
    """Return first, among three, log score, below 1 %; and what was promised of whom it was true."""
    weighed: dict[str, Any] = {k: v for k, v in fit.items() if k not in ("make_up", "floor")}
    w = replace(Weights(), **weighed)
    score = blunted(w.temper * found.clues.hydraulic, w.where(found.clues.turned).tail)
    tempered = replace(found.clues, hydraulic=score)
    last = {k: v for k, v in fit.items() if k in ("make_up", "floor")}
    p = chances(tempered, w, fingerprint=sample, **last)
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


class Scored(NamedTuple):
    """Cases by mode, the network of each, and log scores (fits, tables, cases)."""

    found: dict[str, list[Found]]
    network: NDArray[np.str_]
    log: NDArray[np.float64]

    def by_network(self, without: str) -> list[NDArray[np.float64]]:
        """Return the mean log score of every fit on every network but one, each (fits,)."""
        names = dict.fromkeys(self.network[self.network != without].tolist())
        return [self.log[:, :, self.network == n].mean((1, 2)) for n in names]


def scored(root: Path, fits: list[dict[str, float]]) -> Scored:
    """Score every case of a set with every fit."""
    found = {mode: list(gather(root, early=mode == "early")) for mode in ("full", "early")}
    log = [[[marks(f, fit, sample=s)[0][2] for f in found[m]] for m, s in TABLES] for fit in fits]
    return Scored(found, np.array([f.network for f in found["full"]]), np.array(log))


def main() -> None:
    """Print the tables."""
    grammar = argparse.ArgumentParser()
    grammar.add_argument("set", type=Path)
    grammar.add_argument("--also", type=Path)
    o = grammar.parse_args()
    fits = [dict(zip(FITTED, v, strict=True)) for v in itertools.product(*FITTED.values())]
    ours = scored(o.set, fits)
    sets = [ours, scored(o.also, fits)] if o.also else [ours]
    chosen = {
        n: fits[int(np.mean([x for s in sets for x in s.by_network(n)], axis=0).argmin())]
        for n in dict.fromkeys(ours.network.tolist())
    }
    for n, fit in chosen.items():
        print(f"fitted without {n}: {fit}")
    for told, fit_of in (("fitted on the other networks", chosen), ("as shipped", None)):
        for mode, sample in TABLES:
            both = [marks(f, fit_of[f.network] if fit_of else {}, sample=sample) for f in ours.found[mode]]
            rows, ece = np.array([b[0] for b in both]), calibration([x for b in both for x in b[1]])
            print(f"\n{told}: {mode}, {'with' if sample else 'without'} sample: calibration error {ece:.3f}")
            for name, row in [("all", rows), *((n, rows[ours.network == n]) for n in chosen)]:
                print(f"  {name:12s}" + "".join(f"{x:8.3f}" for x in row.mean(0)))
    for mode, found in ours.found.items():
        for name in ("all", *chosen):
            took = [f.cpu_s for f in found if name in ("all", f.network)]
            mean, most = np.mean(took), np.quantile(took, 0.95)
            print(f"{mode:6s}{name:12s} processor seconds a case: mean {mean:.2f}, 95 % within {most:.2f}")


if __name__ == "__main__":
    main()
