"""The park a running process works with: rebuilt when its file is replaced, kept when the new one is broken.

A process that holds a park asks `look` between two tasks. As long as the file is the same one this costs one
`stat`. A new file is read and its network built beside the old ones; only then do both change hands, so that
whoever holds the old pair finishes the task with it, and the next task names the new version.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from geodata.network import Network
from geodata.places import Park
from twin.errors import ConfigError, MissingError
from twin.park_file import network_of, open_park


class Present(NamedTuple):
    """A park and the network that was built from it; they always belong together."""

    park: Park
    network: Network


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What tells one file from another without reading it."""

    inode: int
    size: int
    mtime_ns: int


class ParkWatch:
    """The present park of one file.

    Parameters
    ----------
    path : Path
        The park file, replaced in one step by `geodata.versions.Store.install` or `geodata.park.write`.

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

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""
        self._stamp = _stamp(path)
        self.present = _build(path)

    @property
    def version(self) -> str:
        """The version in use."""
        return self.present.park.version

    def look(self) -> bool:
        """Look whether the file was replaced; True if from now on another version is used."""
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return False
        try:
            found = _build(self.path)
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


def _build(path: Path) -> Present:
    park = open_park(path)
    return Present(park, network_of(park, path))


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return _Stamp(found.st_ino, found.st_size, found.st_mtime_ns)
