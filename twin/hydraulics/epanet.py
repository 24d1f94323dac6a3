"""The only door to EPANET: run a pressure network as its file stands and say which way its water runs."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epanet import toolkit

from twin.errors import TwinError
from twin.hydraulics.watched import STILL_M3S, Share, Sum, Watched, untold

DAY_S = 86_400


def watch(path: Path, flow_m3s: float, metre: float, tell: Share = untold) -> Watched:
    """Run a model for two days, or as long as it says, and sum up its last day.

    Tanks fill and drain over a day, so one look at its first moment tells little about directions: the first
    day is left to settle.

    Parameters
    ----------
    flow_m3s, metre : float
        What the file's units of flow and length are. The engine keeps them: told to turn a file into other
        units it leaves the levels in controls as they were (2.3), and pumps then switch at wrong levels.

    Raises
    ------
    TwinError
        EPANET refuses the model or cannot balance it.
    """
    project = toolkit.createproject()
    try:
        with tempfile.TemporaryDirectory(prefix="epanet-") as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # negative pressures and closed pumps, which do not concern us
            report = Path(folder) / "r.rpt"
            try:
                toolkit.open(project, str(path), str(report), str(Path(folder) / "r.bin"))
                return _run(project, flow_m3s, metre, tell)
            except Exception as error:
                raise TwinError(f"EPANET refuses {path.name}: {error}") from error
            finally:
                toolkit.close(project)
    finally:
        toolkit.deleteproject(project)


def _run(project: Any, flow_m3s: float, metre: float, tell: Share) -> Watched:
    long = max(int(toolkit.gettimeparam(project, toolkit.DURATION)), 2 * DAY_S)
    toolkit.settimeparam(project, toolkit.DURATION, long)
    count = toolkit.getcount(project, toolkit.LINKCOUNT)
    links = range(1, count + 1)
    total = Sum(tuple(toolkit.getlinkid(project, k) for k in links))

    def column(what: int) -> Sequence[float]:
        return [toolkit.getlinkvalue(project, k, what) for k in links]

    toolkit.openH(project)
    toolkit.initH(project, 0)
    while True:
        now = toolkit.runH(project)
        row = (column(toolkit.FLOW), column(toolkit.VELOCITY), [float("nan")] * count)
        stood = toolkit.nextH(project)
        tell(min((now + stood) / long, 1.0))
        if now + stood > long - DAY_S and stood > 0:
            total.take(min(stood, now + stood - (long - DAY_S)), *row, STILL_M3S / flow_m3s)
        if stood <= 0:
            break
    toolkit.closeH(project)
    return total.watched(flow_m3s, metre)
