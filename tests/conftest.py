"""What all rooms share: an embedded stream server, cheap passwords, a quick place for files.

The product is imported where it is needed: the process that only hands tests out imports this file as well.
"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.embedded import Embedded

END_TO_END = Path(__file__).parent / "e2e"
MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30  # bytes it must have free

# A few examples each time, many in a run at night (HYPOTHESIS_PROFILE=many). How long one takes says how busy
# the machine is, and nothing of the code.
settings.register_profile("usual", max_examples=25, deadline=None)
settings.register_profile("many", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


def pytest_configure(config: pytest.Config) -> None:
    """Begin quickly, and end quickly.

    The quick loop keeps its files in memory: else much of its time is waiting for a disk to be sure. Tests
    that end processes and fill disks (slow, e2e) stay on the disk.

    What is registered first is done last when a process ends: a worker has told everything by then, and to
    take down all that it imported would take it two seconds. Any other ends as Python does, and libraries
    count what is left of them.
    """
    quick = "not slow" in config.getoption("markexpr") and not os.environ.get("TMPDIR")
    if quick and MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    if "PYTEST_XDIST_WORKER" in os.environ:
        atexit.register(os._exit, 0)
    else:
        atexit.register(gc.unfreeze)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Nothing that is imported while tests are collected becomes garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the search for garbage leave the libraries and three thousand tests alone: they stay to the end.

    And let it be rarer: with what a process of the suite holds, it was a fifth of all time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the folder of the browser alone where its tests are not asked for: importing it takes a second.

    `tests/test_house.py` sees to it that everything in that folder bears the mark.
    """
    return True if collection_path == END_TO_END and "not e2e" in config.getoption("markexpr") else None


@pytest.fixture(autouse=True, scope="session")
def cheap_passwords() -> Iterator[dict[str, object]]:
    """Passwords are hashed at a fraction of their cost, which is a tenth of a second; gives what it was."""
    from twin import access

    strength = {"_N": access._N, "_NOBODY": access._NOBODY}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "_NOBODY", access._NOBODY.replace(f"scrypt${access._N}$", "scrypt$1024$"))
        patch.setattr(access, "_N", 1024)
        yield strength


@pytest.fixture
def strong_passwords(monkeypatch: pytest.MonkeyPatch, cheap_passwords: dict[str, object]) -> None:
    """As the product hashes them."""
    from twin import access

    for name, value in cheap_passwords.items():
        monkeypatch.setattr(access, name, value)


@pytest.fixture(autouse=True, scope="session")
def untouched() -> Iterator[None]:
    """Nobody has changed the park that all tests share."""
    yield
    from geodata.park import content_hash
    from tests.geodata.parks import demo_park

    if demo_park.cache_info().currsize:
        assert content_hash(demo_park())[:12] == demo_park().version, "a test changed the demo park"


@pytest.fixture
def embedded() -> Iterator[Embedded]:
    """A running embedded server; its folder is short because a Unix socket path holds 107 bytes at most."""
    from tests.embedded import Embedded

    folder = Path(tempfile.mkdtemp(prefix="twin-"))
    it = Embedded(folder)
    it.start()
    yield it
    for stream in it.streams:
        stream.close()
    it.kill()
    shutil.rmtree(folder, ignore_errors=True)
