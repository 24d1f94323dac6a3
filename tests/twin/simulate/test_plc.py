"""The gate controllers answer a real Modbus client and move in park time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import AsyncModbusTcpClient

from twin.simulate.plc import FAILED, MOVING, REMOTE, Drive, Plc
from twin.supervisor import free_port


class Hand:
    """A clock moved by hand."""

    ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
async def bench() -> AsyncIterator[tuple[Plc, Hand, AsyncModbusTcpClient]]:
    clock = Hand()
    plc = Plc([Drive("G01", 1, 240.0), Drive("G02", 2, 100.0), Drive("G03", 3, 100.0, remote=False)], clock)
    port = free_port()
    await plc.start("127.0.0.1", port)
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()
    yield plc, clock, client
    client.close()
    await plc.stop()


async def read(client: AsyncModbusTcpClient, unit: int) -> list[int]:
    return list((await client.read_input_registers(0, count=4, device_id=unit)).registers)


async def test_a_gate_moves_only_on_execute_and_takes_its_stroke(
    bench: tuple[Plc, Hand, AsyncModbusTcpClient],
) -> None:
    plc, clock, client = bench
    assert (await read(client, 1))[:3] == [1000, REMOTE, 240]
    await client.write_register(0, 0, device_id=1)
    clock.ms += 60_000
    assert (await read(client, 1))[:2] == [1000, REMOTE]
    await client.write_register(1, 1, device_id=1)
    clock.ms += 60_000
    assert (await read(client, 1))[:2] == [750, REMOTE | MOVING]
    assert (await client.read_holding_registers(0, count=2, device_id=1)).registers == [0, 1]
    clock.ms += 180_000
    assert (await read(client, 1))[:2] == [0, REMOTE]
    assert plc.positions() == {"G01": 0.0, "G02": 1.0, "G03": 1.0}


async def test_the_same_counter_again_moves_nothing(bench: tuple[Plc, Hand, AsyncModbusTcpClient]) -> None:
    _, clock, client = bench
    await client.write_registers(0, [500, 7], device_id=2)
    clock.ms += 100_000
    assert (await read(client, 2))[0] == 500
    await client.write_registers(0, [0, 7], device_id=2)
    clock.ms += 100_000
    assert (await read(client, 2))[0] == 500


async def test_refusals(bench: tuple[Plc, Hand, AsyncModbusTcpClient]) -> None:
    _, clock, client = bench
    assert (await client.write_register(0, 1001, device_id=1)).isError()
    assert (await client.write_register(5, 1, device_id=1)).isError()
    assert (await client.read_input_registers(0, count=5, device_id=1)).isError()
    await client.write_registers(0, [0, 1], device_id=3)
    clock.ms += 500_000
    assert (await read(client, 3))[:2] == [1000, 0]


def test_a_jammed_gate_says_so() -> None:
    drive = Drive("G01", 1, 100.0, stuck_at=0.4)
    drive.target = 0.0
    drive.execute(0)
    assert drive.bits(50_000) == REMOTE | MOVING
    assert drive.position(90_000) == 0.4
    assert drive.bits(90_000) == REMOTE | FAILED


@given(st.lists(st.tuples(st.integers(0, 400_000), st.floats(0, 1)), max_size=8))
def test_position_never_jumps(orders: list[tuple[int, float]]) -> None:
    drive, now = Drive("G01", 1, 200.0), 0
    for wait, target in orders:
        drive.target = target
        drive.execute(now)
        last = drive.position(now)
        for part in range(1, 5):
            at = drive.position(now + wait * part // 4)
            assert 0 <= at <= 1
            assert abs(at - last) <= (wait / 4 + 1) / 1000 / 200.0 + 1e-9
            last = at
        now += wait
