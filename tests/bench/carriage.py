"""How long carriage takes on a large network: as it stands, with a gate shut, and asked again.

`python -m tests.bench.carriage [--links N] [--origins N] [--sensors N]` prints one JSON line. The network is
drawn as in `tests.bench.network`; candidates and sensors are spread over it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np

from geodata.network import Network
from tests.bench.network import drains
from twin.trace.carriage import Carriage

HORIZON_S, STEP_S = 6 * 3600.0, 60.0


def network(links: int) -> Network:
    """Return drains with flows that add up downstream, and a gate on every five hundredth link."""
    tail, head, travel = drains(links)
    n = int(tail.max()) + 1
    passing = np.full(n, 0.001)
    ways = np.bincount(tail, minlength=n)
    order = np.argsort(-tail, kind="stable")
    flow = np.zeros(links)
    for k in order:  # heads have lower numbers than tails, so what comes from above is complete
        flow[k] = passing[tail[k]] / ways[tail[k]]
        passing[head[k]] += flow[k]
    gates = {f"G{k}": f"L{k}" for k in range(0, links, 500)}
    ids = [f"L{k}" for k in range(links)]
    return Network.of(
        [f"N{k}" for k in range(n)],
        ids,
        tail,
        head,
        travel_s=travel,
        flow_m3s=flow,
        length_m=travel,
        gates=gates,
    )


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes, s."""
    start = time.perf_counter()
    work()
    return round(time.perf_counter() - start, 4)


def measure(links: int, origins: int, sensors: int) -> dict[str, float]:
    """Return the times of one network."""
    net = network(links)
    dice = np.random.default_rng(1)
    places = dice.choice(len(net.node_ids), origins + sensors, replace=False)
    who, where = np.sort(places[:origins]), np.sort(places[origins:])
    kept = Carriage()

    def ask(state: Network) -> None:
        kept.transport(state, who, where)
        kept.responses(state, who, where, step_s=STEP_S, horizon_s=HORIZON_S)

    shut = net.with_gates({"G500": 0.0})
    return {
        "links": links,
        "candidates": origins,
        "sensors": sensors,
        "first_s": seconds(lambda: ask(net)),
        "gate_shut_s": seconds(lambda: ask(shut)),
        "gate_open_again_s": seconds(lambda: ask(shut.with_gates({"G500": 1.0}))),
        "new_readings_s": seconds(lambda: ask(net)),
        "solved": kept.solved,
    }


def main() -> None:
    """Print the times."""
    grammar = argparse.ArgumentParser()
    for name, usual in (("links", 10_000), ("origins", 200), ("sensors", 80)):
        grammar.add_argument(f"--{name}", type=int, default=usual)
    o = grammar.parse_args()
    print(json.dumps(measure(o.links, o.origins, o.sensors)))


if __name__ == "__main__":
    main()
