"""A network cable between a browser and a web role, which a closed lid takes away.

While the lid is closed nothing passes either way. Once it is open new connections work; the old ones are
dead, and whoever still speaks on one is told so, as by a server that gave the connection up long ago.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

RESET = struct.pack("ii", 1, 0)

LID = """(behind => {
  const now = Date.now; let open = false;
  Date.now = () => now() - (open ? 0 : behind);
  window.lidOpens = () => { open = true; };
})"""
"""The clocks of a page whose computer sleeps: the date jumps by so many ms, `performance.now()` does not."""


@dataclass
class Cable:
    """Passes connections on to a port of this machine."""

    to: int
    door: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    nights: int = 0
    dark: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.door.getsockname()[1]}"

    def close_lid(self) -> None:
        """Nothing passes from now on."""
        self.nights += 1
        self.dark.set()

    def open_lid(self) -> None:
        """New connections work again."""
        self.dark.clear()

    def run(self) -> None:
        """Pass on until the door is shut."""
        with suppress(OSError):
            while True:
                near, _ = self.door.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.to), 2)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(*pair, self.nights, near), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, night: int, near: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if night == self.nights:
                    sink.sendall(data)
                elif source is near and not self.dark.is_set():
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    near.close()
                    return
        if night == self.nights:  # otherwise nobody on the other side hears of it
            with suppress(OSError):
                sink.shutdown(socket.SHUT_WR)


@contextmanager
def cable(port: int) -> Iterator[Cable]:
    """Lay one."""
    it = Cable(port)
    threading.Thread(target=it.run, daemon=True).start()
    try:
        yield it
    finally:
        with suppress(OSError):
            it.door.shutdown(socket.SHUT_RDWR)
        it.door.close()


def asleep(page: Any, line: Cable) -> Any:
    """Close the lid over a page; returns what `awake` needs."""
    tab = page.context.new_cdp_session(page)
    line.close_lid()
    tab.send("Page.setWebLifecycleState", {"state": "frozen"})
    return tab


def awake(page: Any, line: Cable, tab: Any) -> None:
    """Open it again: the date jumps, the network is back a moment later, the page runs."""
    page.evaluate("lidOpens()")
    time.sleep(0.5)
    line.open_lid()
    tab.send("Page.setWebLifecycleState", {"state": "active"})
