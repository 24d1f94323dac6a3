"""The stream against a real server: durable, grouped, and honest when the server is away."""

from __future__ import annotations

import pytest

from tests.embedded import Embedded
from twin.clock import ClockState
from twin.errors import UnavailableError
from twin.stream import AsyncStream


def test_entries_come_back_in_order(embedded: Embedded) -> None:
    s = embedded.stream()
    ids = [s.append("readings", bytes([i])) for i in range(5)]
    assert [e.id for e in s.since("readings")] == ids
    assert [e.body for e in s.since("readings", ids[2])] == [b"\x03", b"\x04"]
    assert [e.body for e in s.last("readings", 2)] == [b"\x03", b"\x04"]


def test_what_is_taken_and_not_acknowledged_is_read_again(embedded: Embedded) -> None:
    s = embedded.stream()
    s.join("readings", "watch")
    s.join("readings", "watch")
    ids = [s.append("readings", bytes([i])) for i in range(3)]
    taken = s.take(["readings"], "watch", "w1", wait_ms=10)
    assert [e.id for _, e in taken] == ids
    s.ack("readings", "watch", ids[:1])
    assert [e.id for e in s.pending("readings", "watch", "w1")] == ids[1:]
    assert s.take(["readings"], "watch", "w1", wait_ms=10) == []


def test_append_survives_a_kill_of_the_server(embedded: Embedded) -> None:
    s = embedded.stream()
    for i in range(50):
        s.append("readings", b"%d" % i)
    embedded.kill()
    with pytest.raises(UnavailableError):
        s.append("readings", b"lost")
    assert s.ping() is False
    embedded.start()
    assert [e.body for e in s.since("readings")] == [b"%d" % i for i in range(50)]


def test_trim_and_state_and_clock(embedded: Embedded) -> None:
    s = embedded.stream()
    ids = [s.append("events", b"x") for _ in range(4)]
    assert s.trim("events", ids[2]) == 2
    assert s.length("events") == 2
    assert s.get("gates") is None
    s.put("gates", b"{}")
    assert s.get("gates") == b"{}"
    assert s.clock().drill is False
    s.put_clock(ClockState(True, "night-discharge", 60.0, 1, 2))
    assert s.clock() == ClockState(True, "night-discharge", 60.0, 1, 2)


@pytest.mark.parametrize(
    "failure",
    [
        AttributeError("'NoneType' object has no attribute 'writelines'"),
        RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed"),
    ],
)
async def test_a_line_that_the_client_itself_has_closed_is_a_server_that_is_away(failure: Exception) -> None:
    """Looking for its nodes anew, the client of a cluster closes lines that others are about to write to."""

    async def write() -> None:
        raise failure

    with pytest.raises(UnavailableError, match="line is closed"):
        await AsyncStream._call(write())
