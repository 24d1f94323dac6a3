"""The park a running process works with: rebuilt when its file is replaced, kept when the new one is broken.

A process that holds a park has a `Renewal` look twice a second, beside its work. As long as the file is the
same one this costs a `stat`. A new file is read, and everything the process needs of it is built, beside the
old; then it lies ready and the process takes it between two tasks. What the old park is asked until then is
answered by the old park, and nothing waits.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from geodata.network import Network
from geodata.places import Park
from twin.errors import ConfigError, MissingError, TwinError
from twin.limits import Limits
from twin.park_file import check_places, network_of, open_park, present_path

LOOK_S = 0.5  # wall time between two looks at the file
Parts = TypeVar("Parts")


class Present(NamedTuple):
    """A park and what was built from it; they always belong together."""

    park: Park
    network: Network
    limits: Limits

    @classmethod
    def of(cls, park: Park, limits: Path | None = None, path: Path | None = None) -> Present:
        """Build what belongs to a park.

        Parameters
        ----------
        limits : Path, optional
            The park's own limits.
        path : Path, optional
            Where the park was read; errors name it.

        Raises
        ------
        ConfigError
            Its network cannot be traced, something stands at a place that is not there, or a station names
            limits that do not exist.
        """
        where = path or Path(park.id)
        network = network_of(park, where)
        check_places(park, network, where)
        return cls(park, network, Limits.load(park, limits))


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What tells one file from another without reading it."""

    path: Path
    inode: int
    size: int
    mtime_ns: int


class ParkWatch:
    """The present park of one process.

    Parameters
    ----------
    paths : Path or sequence of Path
        Where the park may lie: the first that is there counts. It is replaced in one step by
        `geodata.versions.Store.install` or `geodata.park.write`.
    limits : Path, optional
        The park's own limits.
    flows : Path, optional
        As in `twin.park_file.open_park`.

    Attributes
    ----------
    present : Present
        Never changed in place.
    trouble : str
        Why the file that lies there now is not used; empty if it is.

    Raises
    ------
    MissingError, ConfigError
        There is no usable park to begin with.
    """

    def __init__(
        self, paths: Path | Sequence[Path], limits: Path | None = None, flows: Path | None = None
    ) -> None:
        self.paths = (paths,) if isinstance(paths, Path) else tuple(paths)
        self.trouble = ""
        self._limits, self._flows = limits, flows
        self._stamp = self._look()
        self.present = self._build()

    @property
    def version(self) -> str:
        """The version in use."""
        return self.present.park.version

    def look(self) -> bool:
        """Look whether the file was replaced; True if from now on another version is used."""
        stamp = self._look()
        if stamp == self._stamp:
            return False
        try:
            found = self._build()
        except (MissingError, ConfigError) as error:
            self.trouble = str(error)
            # Read once: a file still being copied in carries another stamp at the next look.
            self._stamp = stamp
            return False
        self._stamp, self.trouble = stamp, ""
        if found.park.version == self.version:
            return False
        self.present = found
        return True

    def _look(self) -> _Stamp | None:
        for path in self.paths:
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            return _Stamp(path, found.st_ino, found.st_size, found.st_mtime_ns)
        return None

    def _build(self) -> Present:
        path = present_path(self.paths)
        return Present.of(open_park(path, flows=self._flows), self._limits, path)


class Renewal(Generic[Parts]):
    """What a process makes of its park, made anew beside the process's work whenever the park changes.

    Parameters
    ----------
    watch : ParkWatch
        Looked at by `look` and nobody else from now on.
    build : callable
        Makes of a park what the process works with; it may take its time.
    """

    def __init__(self, watch: ParkWatch, build: Callable[[Present], Parts]) -> None:
        self._watch, self._build = watch, build
        self._ready: deque[Parts] = deque(maxlen=1)
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """Why the park that lies there now is not used; empty if it is."""
        return self._watch.trouble or self._trouble

    def look(self) -> bool:
        """Look once, and build if there is another park; tells whether there is something to take."""
        if self._watch.look():
            try:
                self._ready.append(self._build(self._watch.present))
                self._trouble = ""
            except (TwinError, KeyError, ValueError, IndexError) as error:
                self._trouble = f"{self._watch.version} is not used: {error!r}"
        return bool(self._ready)

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        while not stop.wait(LOOK_S):
            self.look()

    def take(self) -> Parts | None:
        """Return what was built since it was last taken, None if the park is still the same."""
        try:
            return self._ready.popleft()
        except IndexError:
            return None
