"""A park from a file that somebody names: every way it can fail becomes one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyogrio.errors import DataLayerError, DataSourceError

from geodata import park as park_file
from geodata.framing import Settings
from geodata.intake import gather
from geodata.network import Network
from geodata.places import Park
from geodata.words import Text
from twin.errors import ConfigError, MissingError
from twin.hydraulics.imported import with_engine_flow
from twin.hydraulics.kept import Kept


def present_path(paths: Sequence[Path]) -> Path:
    """Return where the park lies: the first of these places where there is a file, else the last."""
    return next((p for p in paths if p.is_file()), paths[-1])


def open_park(path: Path, said: list[Text] | None = None, flows: Path | None = None) -> Park:
    """Read a park file, or a model of SWMM or EPANET: its ids, its own plane, the directions of its engine.

    Parameters
    ----------
    said : list of Text, optional
        Takes what the engine of a model said: how many directions it told, or why it could not run.
    flows : Path, optional
        Folder of what engines said before: a model that was opened once is not computed again.

    Raises
    ------
    MissingError
        There is no such file.
    ConfigError
        It is not a park file; the message says what is wrong with it.
    """
    if not path.is_file():
        raise MissingError(f"there is no file {path}")
    if path.suffix.lower() == ".inp":
        return _model(path, [] if said is None else said, flows)
    try:
        return park_file.read(path)
    except (ValueError, KeyError, IndexError, TypeError, DataSourceError, DataLayerError) as error:
        raise ConfigError(f"{path} cannot be read as a park: {error}") from error


def _model(path: Path, said: list[Text], flows: Path | None) -> Park:
    got = gather([path], Settings(yes=True, snap_m=0.0, name=path.stem))
    if got.park is None:
        why = "; ".join(e.en for e in got.report.errors) or "nothing in it is a network"
        raise ConfigError(f"{path} cannot be read as a model: {why}")
    flowed = with_engine_flow(got.park, [path], Kept(flows) if flows is not None else None)
    said += flowed.said
    return flowed.park


def check_places(park: Park, network: Network, path: Path) -> None:
    """Make sure that everything the twin attaches to the network stands at a place the network has.

    Raises
    ------
    ConfigError
        Something does not; the message names it.
    """
    lost = [
        f"{kind} {it.id} at {at}"
        for kind, its, places in (
            ("station", park.stations, network.nodes),
            ("outlet", park.outlets, network.nodes),
            ("receptor", park.receptors, network.nodes),
            ("gate", park.gates, network.links),
        )
        for it in its
        if (at := getattr(it, "link" if kind == "gate" else "node")) not in places
    ]
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise ConfigError(f"{path} has {lost[0]}{more}, which is not in its network; run `twin park check`")


def network_of(park: Park, path: Path) -> Network:
    """Build the network of a park file.

    Raises
    ------
    ConfigError
        It has none that can be traced: a link ends nowhere, or an id is used twice.
    """
    try:
        return Network.from_park(park)
    except (ValueError, KeyError) as error:
        raise ConfigError(f"{path} has no usable network: {error}; run `twin park check {path}`") from error
