"""A check beside the page: how far it is, ended when nobody wants it, begun anew."""

from __future__ import annotations

from threading import Event

import pytest

from callbacks.checking import KEPT, Checks, StoppedError
from geodata.check.findings import Finding
from geodata.check.run import Tell
from geodata.words import Text

STEP = Text("看", "looking")


class Slow:
    """A check that goes on when it is let."""

    def __init__(self) -> None:
        self.begun, self.go = Event(), Event()

    def __call__(self, tell: Tell) -> tuple[Finding, ...]:
        tell(STEP, 0.25)
        self.begun.set()
        self.go.wait()
        tell(STEP, 0.5)
        return ()


def quick(_: Tell) -> tuple[Finding, ...]:
    return ()


def wrong(_: Tell) -> tuple[Finding, ...]:
    raise ValueError("no such column")


def test_a_check_says_how_far_it_is_and_is_made_once() -> None:
    checks, slow = Checks(), Slow()
    it = checks.of("v1", slow)
    slow.begun.wait()
    assert (it.step, it.share, it.over.is_set()) == (STEP, 0.25, False)
    assert checks.of("v1", wrong, again=True) is it  # it runs already
    slow.go.set()
    assert it.findings() == ()
    assert checks.of("v1", wrong, again=True) is it
    assert it.share == 0.5


def test_a_stopped_check_has_no_result_until_it_is_made_again() -> None:
    checks, slow = Checks(), Slow()
    it = checks.of("v1", slow)
    slow.begun.wait()
    it.stop()
    slow.go.set()
    with pytest.raises(StoppedError):
        it.findings()
    assert it.stopped
    assert checks.of("v1", quick) is it
    assert checks.of("v1", quick, again=True).findings() == ()


def test_what_goes_wrong_reaches_whoever_asks() -> None:
    it = Checks().of("v1", wrong)
    with pytest.raises(ValueError, match="no such column"):
        it.findings()
    assert not it.stopped


def test_a_check_that_many_newer_ones_push_out_is_ended() -> None:
    checks, slow = Checks(), Slow()
    it = checks.of("old", slow)
    slow.begun.wait()
    for n in range(KEPT):
        checks.of(f"v{n}", quick).findings()
    slow.go.set()
    with pytest.raises(StoppedError):
        it.findings()
