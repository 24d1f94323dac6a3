"""A look of the hydraulic engine, taken in a thread beside the advice: what it says first, then all of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from twin.errors import TwinError
from twin.plan.look import Look

log = logging.getLogger(__name__)


class Beside:
    """One look at a time; who asked comes back for what it has said so far.

    The thread is not waited for when the process ends.
    """

    def __init__(self) -> None:
        self._said: SimpleQueue[tuple[Look | None, bool]] = SimpleQueue()
        self.busy = False

    def ask(self, work: Callable[[Callable[[Look], None]], Look]) -> None:
        """Begin a look; `work` is given what to call with a first answer before the whole one is there."""
        self.busy = True

        def run() -> None:
            try:
                self._said.put((work(lambda first: self._said.put((first, False))), True))
            except TwinError as error:  # an answer less; the plan stands without it
                log.warning("no what-if: %s", error)
                self._said.put((None, True))
            except BaseException:
                log.exception("the what-if failed")
                self._said.put((None, True))

        threading.Thread(target=run, name="whatif", daemon=True).start()

    def heard(self) -> list[tuple[Look, bool]]:
        """Return what was said since the last call, each with whether it is the whole of a look."""
        found = []
        while not self._said.empty():
            look, whole = self._said.get()
            self.busy &= not whole
            if look is not None:
                found.append((look, whole))
        return found
