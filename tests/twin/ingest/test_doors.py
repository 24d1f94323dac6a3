"""One contract for every door: what a peer says is stored once, with its moment, whatever happens.

Real peers: Debian's mosquitto, pymodbus and asyncua servers, the HJ 212 gateway and the REST address with
real sockets, and files.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.embedded import Embedded
from tests.twin.ingest.rigs import COD, MN, RIGS, T0, ModbusRig, MqttRig, OpcUaRig, Rig, UaHouse, until
from twin.ending import ended
from twin.errors import UnavailableError
from twin.history.reader import History

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
STEP = 10_000
SAID = [(T0 + i * STEP, 20.0 + i / 4) for i in range(6)]


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="doors-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def servers() -> Iterator[None]:
    yield
    UaHouse.close()


@pytest.fixture
def kept(embedded: Embedded, folder: Path) -> Iterator[History]:
    history = History(folder / "history", embedded.stream())
    yield history
    history.close()


@pytest.fixture(params=RIGS, ids=lambda rig: rig.kind)
async def rig(request: pytest.FixtureRequest, embedded: Embedded, folder: Path) -> AsyncIterator[Rig]:
    it: Rig = request.param(folder, embedded.url)
    await it.start_peer()
    yield it
    await it.end()


def stored(history: History) -> list[tuple[int, float]]:
    try:
        curve = history.series(MN, COD, T0 - 10**9, T0 + 10**9)
    except UnavailableError:
        return []
    return [(int(at), float(value)) for at, value in zip(curve.at_ms, curve.value, strict=True)]


async def say(rig: Rig, said: list[tuple[int, float]]) -> None:
    for at, value in said:
        if rig.has_clock:
            rig.now = at
        await rig.say(at, value)


async def settled(history: History, expected: list[tuple[int, float]]) -> None:
    """Wait until exactly this is stored, and see that it stays so."""
    await until(lambda: stored(history) == expected, f"not as said: {stored(history)} instead of {expected}")
    await asyncio.sleep(0.2)
    assert stored(history) == expected


def reasons(rig: Rig) -> set[str]:
    found = rig.stations()
    counted = set(found.nameless)
    for station in found.by_mn.values():
        counted |= set(station.reasons) | set(station.deviations)
    return counted


async def test_whole(rig: Rig, kept: History) -> None:
    await rig.open_door()
    await say(rig, SAID)
    await settled(kept, SAID)
    assert rig.stations().by_mn[MN].readings >= len(SAID)


async def test_byte_by_byte(rig: Rig, kept: History) -> None:
    await rig.slowly()
    await rig.open_door()
    await say(rig, SAID[:3])
    await settled(kept, SAID[:3])


async def test_garbage_is_counted_with_its_reason_and_harms_nothing(rig: Rig, kept: History) -> None:
    await rig.open_door()
    await say(rig, SAID[:2])
    await rig.garbage()
    wanted = rig.garbage_reasons
    await until(lambda: wanted <= reasons(rig), f"not all of {set(wanted)} were counted")
    await say(rig, SAID[2:4])
    await settled(kept, SAID[:4])
    assert rig.stations().rejects > 0


async def test_resent_changes_nothing(rig: Rig, kept: History) -> None:
    await rig.open_door()
    await say(rig, SAID[:3])
    await settled(kept, SAID[:3])
    await say(rig, SAID[:3])
    await settled(kept, SAID[:3])


async def test_reordered_ends_in_order(rig: Rig, kept: History) -> None:
    await rig.open_door()
    mixed = SAID.copy()
    random.Random(4).shuffle(mixed)
    await say(rig, mixed)
    await settled(kept, SAID)


async def test_a_clock_that_is_wrong_is_told_and_its_moments_are_kept(rig: Rig, kept: History) -> None:
    await rig.open_door()
    await say(rig, SAID[:2])
    await asyncio.sleep(1.1)  # a clock is compared once a second at most
    if rig.has_clock:
        rig.now = SAID[2][0] - 90_000
    await rig.say(*SAID[2])
    await settled(kept, SAID[:3])
    station = rig.stations().by_mn[MN]
    assert station.skew_ms == (90_000 if rig.has_clock else None)


async def test_the_door_is_restarted(rig: Rig, kept: History) -> None:
    await rig.open_door()
    await say(rig, SAID[:2])
    await rig.close_door()
    if rig.kind == "mqtt":  # its broker keeps what comes meanwhile
        await say(rig, SAID[2:4])
        await rig.open_door()
    else:
        await rig.open_door()
        await say(rig, SAID[2:4])
    await say(rig, SAID[4:])
    await settled(kept, SAID)


async def test_the_peer_is_restarted(rig: Rig, kept: History) -> None:
    await rig.open_door()
    await say(rig, SAID[:2])
    await settled(kept, SAID[:2])
    await rig.stop_peer()
    await asyncio.sleep(0.3)
    await rig.start_peer()
    if rig.doorway is not None and rig.kind != "modbus":
        await until(lambda: rig.doorway and rig.doorway.connected, "the door did not find its peer again")
    await say(rig, SAID[2:])
    await settled(kept, SAID)


async def test_the_stream_dies_and_comes_back(rig: Rig, kept: History, embedded: Embedded) -> None:
    await rig.open_door()
    await say(rig, SAID[:2])
    await settled(kept, SAID[:2])
    embedded.kill()
    saying = asyncio.ensure_future(say(rig, SAID[2:]))
    await asyncio.sleep(2.5)  # longer than a batch is tried again: it is given up, and held or sent again
    embedded.start()
    await saying
    await settled(kept, SAID)


@pytest.mark.parametrize("kind", [MqttRig, ModbusRig, OpcUaRig], ids=lambda rig: rig.kind)
@pytest.mark.parametrize("head", [b"", b"\x20\x03\x00\x00\x00", b"ACKF\x1c\x00\x00\x00"])
async def test_a_peer_that_speaks_rubbish_does_not_end_the_door(
    kind: type[Rig], head: bytes, folder: Path, embedded: Embedded
) -> None:
    dice, met = random.Random(5), 0

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal met
        met += 1
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                writer.write(head + dice.randbytes(dice.randrange(1, 60)))
        writer.close()

    it = kind(folder, embedded.url)
    it.doorway, run = it.make()
    it.doorway.open()
    server = await asyncio.start_server(babble, "127.0.0.1", it.peer_port)
    door = asyncio.ensure_future(run())
    for _ in range(6):  # beats of the Modbus door, whose clock stands still otherwise
        it.now += 10_000
        await asyncio.sleep(0.2)
    await until(lambda: met, "nobody came")
    assert not door.done()
    assert not it.doorway.connected
    assert it.stations().readings == 0
    server.close()
    assert await ended([door])
    await it.doorway.close()
    await it.stream.close()


async def test_the_role_runs_every_door_and_goes_on_counting(
    folder: Path, kept: History, embedded: Embedded
) -> None:
    device = ModbusRig(folder, embedded.url)
    await device.start_peer()
    path = folder / "doors.toml"
    head = f'[[modbus]]\nname = "p"\nhost = "127.0.0.1"\nport = {device.peer_port}\nmn = "{MN}"\n'
    head += "period_s = 0.2\n"
    path.write_text(head + '[[modbus.register]]\naddress = 100\ntype = "float32"\nfactor = "w01018"\n')
    env = {**os.environ, "TWIN_DATA": str(folder), "TWIN_REDIS_URL": embedded.url, "TWIN_DOORS": str(path)}
    stream = embedded.stream()

    def told() -> dict[str, object]:
        body = stream.get("doors")
        return dict(json.loads(body)["doors"][0]) if body else {}

    def came() -> bool:
        return int(str(told().get("frames", 0))) >= counted + 5

    counted = 0
    for _ in range(2):
        role = subprocess.Popen([sys.executable, "-m", "twin", "doors"], env=env)
        try:
            await until(came, "nothing came through", 30)
        finally:
            role.terminate()
            assert await asyncio.to_thread(role.wait, 10) == 0
        counted = int(str(told()["frames"]))
    assert told()["name"] == "p"
    assert counted >= 10
    curve = kept.series(MN, COD, 0, 1 << 53)
    assert len(curve.at_ms) == counted
    assert (curve.at_ms % 200 == 0).all()  # on the beat, so that a poll's natural key is its own
    await device.stop_peer()
    await device.stream.close()
