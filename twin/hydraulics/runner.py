"""SWMM models given as text, run many at a time in child processes that are killed when they take too long.

The engine keeps its model in global variables, so each process holds one run at a time; processes are kept
for the next run. A run can begin from the state another run kept, so that courses of events that share a past
pay for it once.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from swmm.toolkit import shared_enum, solver

from twin.ending import killed
from twin.errors import TwinError, UnavailableError

Floats = NDArray[np.float64]

MOVING_S = 30.0  # how finely a moving gate is followed
BANKS_S = 600.0  # how often levels are held against the banks
TIMEOUT_S = 120.0

# looked up once: reading an enumeration takes longer than asking the engine
_DEPTH, _INFLOW = shared_enum.NodeResult.DEPTH, shared_enum.NodeResult.TOTAL_INFLOW
_FLOW, _SETTING = shared_enum.LinkResult.FLOW, shared_enum.LinkResult.SETTING
_QUALITY = shared_enum.NodePollutant.QUALITY


@dataclass(frozen=True, slots=True)
class Move:
    """One link's setting (0 closed .. 1 open) changed from a moment on; a full stroke takes `stroke_s`."""

    link: str
    start_s: float
    setting: float
    stroke_s: float


@dataclass(frozen=True, slots=True)
class Task:
    """One run.

    Attributes
    ----------
    text : str
        The model, without a section of files; it carries one pollutant or none.
    seconds : float
        How long it runs from its start.
    settings : mapping
        Settings of links from the first step on.
    nodes, banks : tuple of str
        Where the pollutant and the inflow are noted, and whose level is held against its bank.
    start : bytes or None
        The state to begin from.
    keep_s : float or None
        When the state is kept for other runs.
    """

    text: str
    seconds: float
    nodes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    settings: Mapping[str, float] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()
    banks: tuple[str, ...] = ()
    every_s: float = 60.0
    start: bytes | None = None
    keep_s: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What a run gave; flows in the model's own units.

    Attributes
    ----------
    t_s : (n,)
        Seconds since the start of the run.
    conc, inflow : (n, nodes)
    flow : (n, links)
        Positive from the link's own first node to its second.
    flooded : (n,)
        Volume that has left the network at flooded nodes so far.
    bank_s : (b,)
    fill : (b, banks)
        Depth as a share of the node's full depth.
    strong : (b, banks)
        Concentration there.
    error : float
        The larger of the engine's errors of water and pollutant, as a share.
    nodes, links : tuple of str
        What the columns of `conc`, `inflow` and `flow` stand for.
    """

    t_s: Floats
    conc: Floats
    inflow: Floats
    flow: Floats
    flooded: Floats
    bank_s: Floats
    fill: Floats
    strong: Floats
    state: bytes | None
    error: float
    nodes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    def since(self, at_s: float) -> Course:
        """Return what comes after a moment that was noted, on a clock that begins there."""
        k = int(np.searchsorted(self.t_s, at_s, "right"))
        b = int(np.searchsorted(self.bank_s, at_s, "right"))
        out = self.flooded[k - 1] if k else 0.0
        return replace(
            self,
            t_s=self.t_s[k:] - at_s,
            conc=self.conc[k:],
            inflow=self.inflow[k:],
            flow=self.flow[k:],
            flooded=self.flooded[k:] - out,
            bank_s=self.bank_s[b:] - at_s,
            fill=self.fill[b:],
            strong=self.strong[b:],
        )


def run(task: Task) -> Course:
    """Run a task in this process.

    Raises
    ------
    TwinError
        The engine refuses the model.
    KeyError
        A node or link asked for is not there.
    """
    with tempfile.TemporaryDirectory(prefix="swmm-") as name:
        folder = Path(name)
        text = task.text
        if task.start is not None:
            (folder / "start.hsf").write_bytes(task.start)
            text += f'\n[FILES]\nUSE HOTSTART "{folder / "start.hsf"}"\n'
        model, report = folder / "m.inp", folder / "m.rpt"
        model.write_text(text, encoding="utf-8")
        try:
            solver.swmm_open(str(model), str(report), str(folder / "m.out"))
        except Exception as error:
            with suppress(Exception):
                solver.swmm_close()
            raise TwinError(f"SWMM refuses the model: {_told(report)}") from error
        try:
            solver.swmm_start(0)
            made = _follow(task, folder)
            solver.swmm_end()
            _, water, quality = solver.swmm_get_mass_balance()
        except KeyError:
            raise
        except Exception as error:
            raise TwinError(f"SWMM stopped: {error} {_told(report)}") from error
        finally:
            solver.swmm_close()
    return made(max(abs(water), abs(quality)) / 100)


def _told(report: Path) -> str:
    text = report.read_text(encoding="utf-8", errors="replace") if report.exists() else ""
    lines = [x.strip() for x in text.splitlines() if "ERROR" in x]
    return "; ".join(lines[:5]) or text[-500:]


def _follow(task: Task, folder: Path) -> Callable[[float], Course]:
    """Advance to the end, noting rows; returns what makes the course once the errors are known."""
    nodes, links = _index(shared_enum.ObjectType.NODE), _index(shared_enum.ObjectType.LINK)
    at, of = [nodes[n] for n in task.nodes], [links[k] for k in task.links]
    banks = [nodes[n] for n in task.banks]
    full = np.array([solver.node_get_parameter(i, shared_enum.NodeProperty.FULL_DEPTH) for i in banks])
    carried = solver.project_get_count(shared_enum.ObjectType.POLLUT) > 0
    for link, setting in task.settings.items():
        solver.link_set_target_setting(links[link], setting)
    strokes = [_Stroke(m, links[m.link], task.settings.get(m.link)) for m in task.moves]
    times: list[float] = []
    rows: list[list[float]] = []
    filled: list[list[float]] = []
    strong: list[list[float]] = []
    bank_s: list[float] = []
    now, state, goal = 0.0, None, 0.0
    while now < task.seconds - 1e-6:
        goal = min(goal + task.every_s, task.seconds)
        while now < goal - 1e-6:
            stride = _stride(strokes, now, goal)
            if task.keep_s is not None and state is None:
                if now >= task.keep_s - 1e-6:
                    state = _kept(folder)
                else:
                    stride = min(stride, task.keep_s - now)
            before, days = now, solver.swmm_stride(max(1, round(stride)))
            now = task.seconds if days <= 0 else round(days * 86400, 3)
            if now <= before:
                now = task.seconds
        times.append(now)
        rows.append(_row(at, of, carried))
        if banks and (not bank_s or now - bank_s[-1] >= BANKS_S - 1):
            bank_s.append(now)
            filled.append([solver.node_get_result(i, _DEPTH) for i in banks])
            strong.append([solver.node_get_pollutant(i, _QUALITY)[0] for i in banks] if carried else [])
    if task.keep_s is not None and state is None:
        state = _kept(folder)
    table = np.array(rows).reshape(len(rows), 2 * len(at) + len(of) + 1)
    n = len(at)

    def made(error: float) -> Course:
        return Course(
            np.array(times),
            table[:, :n],
            table[:, n : 2 * n],
            table[:, 2 * n : -1],
            table[:, -1],
            np.array(bank_s),
            np.array(filled).reshape(len(bank_s), len(banks)) / np.maximum(full, 1e-6),
            np.array(strong).reshape(len(bank_s), len(banks) if carried else 0),
            state,
            error,
            task.nodes,
            task.links,
        )

    return made


def _row(at: Sequence[int], of: Sequence[int], carried: bool) -> list[float]:
    row = [solver.node_get_pollutant(i, _QUALITY)[0] if carried else 0.0 for i in at]
    row += [solver.node_get_result(i, _INFLOW) for i in at]
    row += [solver.link_get_result(k, _FLOW) for k in of]
    return [*row, float(solver.system_get_routing_totals().flooding)]


def _kept(folder: Path) -> bytes:
    path = folder / "kept.hsf"
    solver.swmm_hotstart(shared_enum.HotstartFile.SAVE, str(path))
    return path.read_bytes()


@dataclass(slots=True)
class _Stroke:
    """A gate on its way."""

    move: Move
    index: int
    at: float | None  # its setting; None: as the model says
    done: bool = False

    def step(self, now: float) -> None:
        """Move it as far as a step's time allows."""
        if self.at is None:
            self.at = float(solver.link_get_result(self.index, _SETTING))
        way = MOVING_S / max(self.move.stroke_s, MOVING_S)
        self.at += min(max(self.move.setting - self.at, -way), way)
        self.done = abs(self.at - self.move.setting) < 1e-9
        solver.link_set_target_setting(self.index, self.at)


def _stride(strokes: list[_Stroke], now: float, goal: float) -> float:
    """Move the gates that are on their way and return how far time may go."""
    stride = goal - now
    for stroke in strokes:
        if stroke.done:
            continue
        if now >= stroke.move.start_s - 1e-6:
            stroke.step(now)
            stride = min(stride, MOVING_S)
        else:
            stride = min(stride, stroke.move.start_s - now)
    return stride


def _index(kind: Any) -> dict[str, int]:
    count = solver.project_get_count(kind)
    return {solver.project_get_id(kind, i): i for i in range(count)}


# many at a time -------------------------------------------------------------------------------------------


class Runners:
    """A few child processes that run tasks; a context manager, whose end ends them.

    Parameters
    ----------
    count : int
        Processes.
    timeout_s : float
        Of wall time for each task; a process that takes longer is killed.
    """

    def __init__(self, count: int = 2, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._stopped = False
        self._free: SimpleQueue[_Runner] = SimpleQueue()
        self._all = [_Runner() for _ in range(count)]
        for runner in self._all:
            self._free.put(runner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for runner in self._all:
            runner.close()

    def stop(self) -> None:
        """Kill what runs and run nothing more; whoever waits for an answer is told. From any thread."""
        self._stopped = True
        for runner in self._all:
            runner.kill()

    def warm(self) -> None:
        """Start the processes, so that the first task need not wait for that."""
        for runner in self._all:
            runner.begin()

    def map(self, tasks: Sequence[Task]) -> list[Course]:
        """Run tasks, as many at a time as there are processes; answers come in the tasks' order.

        Raises
        ------
        UnavailableError
            A run took too long or its process died.
        TwinError
            The engine refuses a model.
        """
        with ThreadPoolExecutor(len(self._all)) as threads:
            return list(threads.map(self._one, tasks))

    def _one(self, task: Task) -> Course:
        runner = self._free.get()
        try:
            if self._stopped:
                raise UnavailableError("the runs of the hydraulic engine were stopped")
            return runner.ask(task, self._timeout_s)
        finally:
            self._free.put(runner)


class _Runner:
    """One child process, started when first asked and again after it had to be killed."""

    def __init__(self) -> None:
        self._child: Any = None
        self._pipe: Connection | None = None

    def begin(self) -> Connection:
        if self._pipe is not None:
            return self._pipe
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        self._child = context.Process(target=_serve, args=(there,), daemon=True)
        self._child.start()
        there.close()
        self._pipe = here
        return here

    def ask(self, task: Task, timeout_s: float) -> Course:
        pipe = self.begin()
        try:
            pipe.send(task)
            if not pipe.poll(timeout_s):
                raise UnavailableError(f"the run of the hydraulic engine took longer than {timeout_s:g} s")
            answer = pipe.recv()
        except (EOFError, OSError) as error:
            self.close()
            raise UnavailableError("the process of the hydraulic engine died") from error
        except UnavailableError:
            self.close()
            raise
        if isinstance(answer, Course):
            return answer
        raise answer

    def kill(self) -> None:
        """End the child from another thread; the one that asks it finds its pipe closed."""
        child = self._child
        if child is not None:
            child.kill()

    def close(self) -> None:
        child, self._child = self._child, None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if child is not None:
            killed(child, "the process of the hydraulic engine")


def _serve(pipe: Connection) -> None:
    """The child: tasks in, courses out, until the other end is closed."""
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            answer: Any = run(task)
        except (TwinError, KeyError, ValueError) as error:
            answer = error
        pipe.send(answer)
