"""Curves, not moments: how much of what is released at each origin has passed each sensor after each lag.

Links are taken for stirred tanks, which is what SWMM does with a conduit, or for plugs, which is what EPANET
does with a pipe. Water is followed backwards from the sensors, so one factorisation serves every origin, and
steps are implicit: a link that is passed in no time delays nothing, whatever the step.

Which way a link runs that turns now and then, and how far water mixes, nobody knows at the hour of a release.
So there is a small ensemble of responses, and evidence is averaged over it.

Source: backward equation, Neupauer and Wilson (1999); stirred tanks, Levenspiel, Chemical Reaction
Engineering; exponential integrator of a linear cascade, first-order hold of the inflow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, eye_array
from scipy.sparse.csgraph import breadth_first_order
from scipy.sparse.linalg import splu

from geodata.network import IDLE_M3S, Network
from geodata.walks import REVERSING
from twin.trace.transport import LEAK, OVERFLOW, SEEN, moves

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Singles = NDArray[np.float32]

FINE, COARSE, WIDER = 36, 14, 2.2  # steps of the finest width, then so many of each next width, and its ratio
TURNED = (0.9, 0.3, 0.07)  # links that turn for more of the time than this run backwards
MANY_TURN = 0.05  # share of the links from which on the fields are told apart
FEW, MOST = (
    0.03,
    0.1,
)  # shares of the links that turn up to which a field is known, and from which on it is not


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """What s sensors see of releases at c origins, in one field of flow.

    Attributes
    ----------
    lag_s : (l,)
        From 0, ever wider apart.
    passed : (c, s, l)
        Share of the released water that has passed by then, 0..1, never falling.
    flow_m3s : (s,)
        Water passing each sensor.
    """

    lag_s: Floats
    passed: Floats
    flow_m3s: Floats


def ensemble(
    network: Network, origins: Ints, sensors: Ints, *, step_s: float, horizon_s: float
) -> tuple[Response, ...]:
    """Return the responses of sensors to releases at origins, for every way the water may be running.

    Parameters
    ----------
    step_s : float
        Finest spacing of lags worth telling apart.
    horizon_s : float
        Longest lag of interest.
    """
    return tuple(
        respond(field, origins, sensors, step_s=step_s, horizon_s=horizon_s, stirred=stirred)
        for k, field in enumerate(fields(network))
        for stirred in ((True, False) if k == 0 else (False,))
    )


def turning(network: Network) -> bool:
    """Tell whether so many links turn now and then that one field of flow would not do."""
    return bool((network.reversal > REVERSING).mean() >= MANY_TURN)


def turned(network: Network) -> float:
    """Return how far the flow field is in doubt because links turn: 0, as good as known, to 1."""
    share = float((network.reversal > REVERSING).mean())
    return float(np.clip((share - FEW) / (MOST - FEW), 0.0, 1.0))


def fields(network: Network) -> tuple[Network, ...]:
    """Return flow fields that may have been at work: as stored, or with links turned that do turn."""
    if not turning(network):
        return (network,)
    found, known = [], set()
    for share in TURNED:
        back = network.reversal > share
        if back.tobytes() not in known:
            known.add(back.tobytes())
            found.append(_turned(network, back))
    return tuple(found)


def _turned(network: Network, back: NDArray[np.bool_]) -> Network:
    field = network.with_flow(np.where(back, -1.0, 1.0) * np.maximum(network.flow_m3s, IDLE_M3S / 2))
    return replace(
        field,
        flow_m3s=network.flow_m3s,
        travel_s=network.travel_s,
        reversal=np.zeros_like(network.reversal),
    )


def respond(
    network: Network,
    origins: Ints,
    sensors: Ints,
    *,
    step_s: float,
    horizon_s: float,
    stirred: bool = True,
    overflow: float = OVERFLOW,
) -> Response:
    """Return the responses of sensors to releases at origins in one field; both are node positions.

    Parameters
    ----------
    stirred : bool
        Every link a stirred tank; else what enters leaves after the link's travel time, all at once.
    """
    flow = np.maximum(network.node_flow()[sensors], IDLE_M3S)
    tail, head, share, time = moves(network, overflow)
    at, used = _between(len(network.node_ids), tail, head, origins, sensors)
    tail, head, time = at[tail[used]], at[head[used]], time[used]
    share = share[used] * (1 - LEAK)
    origins, sensors = at[origins], at[sensors]
    n, s = int(at.max()) + 1, len(sensors)
    lags = _lags(step_s, horizon_s)
    seed = np.zeros((n, s))
    seed[sensors, np.arange(s)] = 1.0
    gather = csr_array((share, (tail, np.arange(len(tail)))), shape=(n, len(tail)))
    seen = np.zeros((len(lags), n, s), np.float32)
    seen[0] = here = seed
    held = np.zeros((len(tail), s))
    width = 0.0
    for i in range(1, len(lags)):
        if lags[i] - lags[i - 1] > 1.01 * width:
            width = lags[i] - lags[i - 1]
            # What takes longer than a step is looked up in the past; the rest hangs on the step's own answer.
            past = np.flatnonzero((time >= width) & (not stirred))
            steps = width / np.maximum(time, 1e-9)
            keep, before, on = _stirred(steps) if stirred else _plugs(np.minimum(1 / steps, 1.0))
            on[past] = before[past] = 0.0
            keep, before = keep[:, None], before[:, None]
            matrix = csc_array((share * on, (tail, head)), shape=(n, n))
            factor = splu(csc_array(eye_array(n, format="csc") - matrix))
        carried = keep * held + before * here[head]
        if len(past):
            carried[past] = _earlier(lags[:i], seen, head[past], lags[i] - time[past])
        here = factor.solve(seed + gather @ carried)
        held = carried + on[:, None] * here[head]
        seen[i] = here
    # Water that turns in a loop passes a sensor again and counts once.
    again = np.maximum(here[sensors, np.arange(s)], 1.0)
    passed = np.clip(seen[:, origins].transpose(1, 2, 0) / again[None, :, None], 0.0, 1.0)
    passed = np.where(passed[:, :, -1:] > SEEN, passed, 0.0)
    return Response(lags, passed, flow)


def _stirred(steps: Floats) -> tuple[Floats, Floats, Floats]:
    """Return what a tank gives on of what it held, of its inflow a step ago and of its inflow now.

    Exact for an inflow that changes evenly within a step, however long the step is (`steps` residence times).
    """
    steps = np.maximum(steps, 1e-6)
    kept = np.exp(-steps)
    spread = -np.expm1(-steps) / steps
    return kept, spread - kept, 1 - spread


def _plugs(part: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the same for a plug that is passed within a step: what came in that part of a step ago."""
    return np.zeros_like(part), part.copy(), 1 - part


def _between(n: int, tail: Ints, head: Ints, origins: Ints, sensors: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Number anew the nodes on any way from an origin to a sensor, and tell which links run between them."""

    def walked(a: Ints, b: Ints, start: Ints) -> NDArray[np.bool_]:
        a, b = np.concatenate([a, np.full(len(start), n)]), np.concatenate([b, start])
        graph = csr_array((np.ones(len(a)), (a, b)), shape=(n + 1, n + 1))
        found = np.zeros(n + 1, bool)
        found[breadth_first_order(graph, n, return_predecessors=False)] = True
        return found[:n]

    kept = walked(tail, head, origins) & walked(head, tail, sensors)
    kept[origins] = kept[sensors] = True
    return np.cumsum(kept) - 1, kept[tail] & kept[head]


def _lags(step_s: float, horizon_s: float) -> Floats:
    """Return lags from 0 to the horizon, fine at first."""
    lags, width, steps = [np.zeros(1)], step_s, FINE
    while lags[-1][-1] < horizon_s:
        lags.append(lags[-1][-1] + width * np.arange(1, steps + 1))
        width, steps = width * WIDER, COARSE
    return np.concatenate(lags)


def _earlier(lags: Floats, seen: Singles, node: Ints, at_s: Floats) -> Floats:
    """Return what was seen of nodes at earlier lags, (k, s); 0 before the first."""
    out = np.zeros((len(node), seen.shape[2]))
    begun = np.flatnonzero(at_s >= 0)
    k = np.clip(np.searchsorted(lags, at_s[begun], "right"), min(1, len(lags) - 1), len(lags) - 1)
    low = np.maximum(k - 1, 0)
    part = np.clip((at_s[begun] - lags[low]) / np.maximum(lags[k] - lags[low], 1e-9), 0.0, 1.0)[:, None]
    out[begun] = (1 - part) * seen[low, node[begun]] + part * seen[k, node[begun]]
    return out
