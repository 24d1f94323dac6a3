"""Checks of parks as they run: beside the page, with how far they are, and ended when nobody wants them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

from geodata.check.findings import Finding
from geodata.check.run import Tell
from geodata.words import Text
from twin.errors import TwinError

KEPT = 6  # checks held at once

Check = Callable[[Tell], tuple[Finding, ...]]


class StoppedError(TwinError):
    """Somebody ended a check before it was done."""


@dataclass(slots=True)
class Checking:
    """One check.

    Attributes
    ----------
    step : Text
        What is looked at now.
    share : float
        Of everything, 0..1.
    found : tuple of Finding or None
        None until it is done, and where it was stopped or went wrong.
    """

    step: Text = Text("", "")  # noqa: RUF009 - frozen
    share: float = 0.0
    found: tuple[Finding, ...] | None = None
    wrong: Exception | None = None
    over: Event = field(default_factory=Event)
    wanted: bool = True

    def run(self, check: Check) -> None:
        """Do it."""
        try:
            self.found = check(self._tell)
        except Exception as error:  # told to whoever asks for the findings
            self.wrong = error
        self.over.set()

    def _tell(self, step: Text, share: float) -> None:
        if not self.wanted:
            raise StoppedError("the check was stopped")
        self.step, self.share = step, share

    def stop(self) -> None:
        """End it at its next step."""
        self.wanted = False

    @property
    def stopped(self) -> bool:
        """Whether it ended before it was done because nobody wanted it."""
        return isinstance(self.wrong, StoppedError)

    def findings(self) -> tuple[Finding, ...]:
        """Return what was found, once it is over.

        Raises
        ------
        StoppedError
            It was stopped.
        """
        self.over.wait()
        if self.found is None:
            assert self.wrong is not None
            raise self.wrong
        return self.found


class Checks:
    """The last few checks, by the content that is checked."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, Checking] = OrderedDict()
        self._lock = Lock()

    def of(self, key: str, check: Check, *, again: bool = False) -> Checking:
        """Return the check of some content, begun if it never was.

        Parameters
        ----------
        again : bool
            Begin anew where it was stopped or went wrong.
        """
        with self._lock:
            it = self._held.get(key)
            if it is not None and not (again and it.over.is_set() and it.found is None):
                self._held.move_to_end(key)
                return it
            it = self._held[key] = Checking()
            Thread(target=it.run, args=(check,), daemon=True).start()
            while len(self._held) > KEPT:
                self._held.popitem(last=False)[1].stop()
        return it
