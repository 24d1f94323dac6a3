"""Runs somebody else's SWMM file as it stands, in a process of its own, and says which way its water runs."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from swmm.toolkit import shared_enum, solver

from twin.ending import killed
from twin.errors import TwinError, UnavailableError
from twin.hydraulics.watched import STILL_M3S, Share, Sum, Watched, untold

STRIDE_S = 300
MOST_HOURS = 48.0
TIMEOUT_S = 120.0
TELLS = 0.02  # share of a run between two words about it

_LINK = shared_enum.LinkResult


def watch(
    path: Path, flow_m3s: float, metre: float, tell: Share = untold, timeout_s: float = TIMEOUT_S
) -> Watched:
    """Run a model to its end, at most two days, and sum up its flows.

    SWMM keeps its model in global variables and may hang or fall over a file it does not like, so the run has
    a process of its own.

    Parameters
    ----------
    flow_m3s, metre : float
        What the file's units of flow and length are.

    Raises
    ------
    TwinError
        SWMM refuses the model.
    UnavailableError
        It takes longer than `timeout_s`, or the process died.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(there, path, flow_m3s, metre), daemon=True)
    child.start()
    there.close()
    try:
        until, answer = time.monotonic() + timeout_s, None
        while answer is None:
            if not here.poll(max(until - time.monotonic(), 0.0)):
                raise UnavailableError(f"SWMM took longer than {timeout_s:g} s over {path.name}")
            if isinstance(told := here.recv(), float):
                tell(told)
            else:
                answer = told
    except EOFError as error:
        raise UnavailableError(f"SWMM died over {path.name}") from error
    finally:
        child.join(1.0)
        killed(child, "the process of SWMM")
        here.close()
    if isinstance(answer, Watched):
        return answer
    raise answer


def _child(pipe: Any, path: Path, flow_m3s: float, metre: float) -> None:
    try:
        answer: Any = run(path, flow_m3s, metre, pipe.send)  # fails once nobody is there to hear it
    except TwinError as error:
        answer = error
    pipe.send(answer)
    pipe.close()


def run(path: Path, flow_m3s: float, metre: float, tell: Share = untold) -> Watched:
    """Do what `watch` does in this process."""
    with tempfile.TemporaryDirectory(prefix="swmm-") as folder:
        report = Path(folder) / "r.rpt"
        try:
            solver.swmm_open(str(path), str(report), str(Path(folder) / "r.out"))
            solver.swmm_start(0)
            return _sum(flow_m3s, metre, tell)
        except Exception as error:
            told = report.read_text("utf-8", errors="replace")[-500:] if report.exists() else ""
            raise TwinError(f"SWMM refuses {path.name}: {error} {told}".strip()) from error
        finally:
            solver.swmm_close()


def _sum(flow_m3s: float, metre: float, tell: Share) -> Watched:
    count = solver.project_get_count(shared_enum.ObjectType.LINK)
    links = range(count)
    total = Sum(tuple(solver.project_get_id(shared_enum.ObjectType.LINK, k) for k in links))
    before, told, long = 0.0, 0.0, min(_hours(), MOST_HOURS) * 3600
    while True:
        days = solver.swmm_stride(STRIDE_S)
        now = days * 86400 if days > 0 else before + STRIDE_S
        row = [[solver.link_get_result(k, what) for k in links] for what in (_LINK.FLOW, _LINK.DEPTH)]
        total.take(now - before, row[0], [0.0] * count, row[1], STILL_M3S / flow_m3s)
        before = now
        if before / long > told + TELLS:
            told = min(before / long, 1.0)
            tell(told)
        if days <= 0 or now >= MOST_HOURS * 3600:
            break
    solver.swmm_end()
    return total.watched(flow_m3s, metre)


def _hours() -> float:
    """How long the model runs, hours of its own time."""
    when = shared_enum.TimeProperty
    begin, end = (
        datetime.fromisoformat("{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}Z".format(*told))
        for told in (solver.simulation_get_datetime(w) for w in (when.START_DATE, when.END_DATE))
    )
    return max((end - begin).total_seconds() / 3600, STRIDE_S / 3600)
