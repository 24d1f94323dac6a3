"""An embedded stream server in the hands of a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from twin import embedded as server
from twin.stream import Stream


@dataclass
class Embedded:
    """A real server that a test may kill and start again on the same data."""

    folder: Path
    process: Popen[bytes] | None = None
    streams: list[Stream] = field(default_factory=list)

    @property
    def socket(self) -> Path:
        return self.folder / "r.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        self.process = server.start(self.folder / "redis", self.socket)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)
            if self.process.stderr:
                self.process.stderr.close()
            self.process = None

    def stream(self) -> Stream:
        self.streams.append(Stream(self.url))
        return self.streams[-1]
