"""A park with everything a page needs and no simulator: web role, stream server, records, readings."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.callbacks import stage, story
from tests.e2e.screen import Site, site
from tests.embedded import Embedded
from twin.access import Access
from twin.records import Records
from twin.stream import Stream


@dataclass
class House:
    """One such park."""

    web: Site
    server: Embedded
    stream: Stream
    records: Records


@contextmanager
def house(
    *, incident: bool = False, files: dict[str, str] | None = None, speed: float = 1.0, **more: str
) -> Iterator[House]:
    """Run one until the block ends.

    Parameters
    ----------
    incident : bool
        Whether the story's incident is open.
    files : dict, optional
        Texts by file name, put into the data folder; `{folder}` in a setting stands for it.
    speed : float
        Seconds of park time a second.
    more : str
        Settings of the web role.
    """
    folder = Path(tempfile.mkdtemp(prefix="twin-"))
    for name, text in (files or {}).items():
        (folder / name).write_text(text, "utf-8")
    server = Embedded(folder)
    server.start()
    try:
        settings = {name: value.format(folder=folder) for name, value in more.items()}
        with site(folder, server.url, **settings) as web:
            records, stream = Records(f"sqlite:///{folder / 'records.sqlite'}"), server.stream()
            Access(records).add_demo_users()
            stage.up(stream, records, story.story(), incident=incident, speed=speed)
            yield House(web, server, stream, records)
            records.close()
    finally:
        for stream in server.streams:
            stream.close()
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
