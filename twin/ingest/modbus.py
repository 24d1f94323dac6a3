"""The Modbus TCP door: registers of a device, read on the beat of their period.

A value is for the beat it was read at, so that its natural key does not depend on how long a request took.
A device that is away is tried again; what was read while the stream is away is held until it is durable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from twin.ending import ended, heed
from twin.ingest.doorway import Doorway, retrying
from twin.ingest.fields import Fields
from twin.ingest.hj212.readings import Note, Row
from twin.ingest.registers import Register, Span, read_register, spans

LOOK_S = 0.25
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Device:
    """One device and its map."""

    name: str
    host: str
    port: int
    unit: int
    timeout_s: float
    registers: tuple[Register, ...]


def read_device(f: Fields) -> Device:
    """Read one `[[modbus]]`.

    Raises
    ------
    ConfigError
        A setting cannot be used.
    """
    mn, period_s = f.text("mn", ""), f.number("period_s", 10.0, least=0.1)
    device = Device(
        f.text("name"),
        f.text("host"),
        f.whole("port", 502, least=1, most=65_535),
        f.whole("unit", 1, most=255),
        f.number("timeout_s", 3.0, least=0.05),
        tuple(read_register(r, mn, period_s) for r in f.tables("register")),
    )
    if not device.registers:
        raise f.wrong("there is no [[modbus.register]]")
    series = [r.series for r in device.registers]
    for twice in (s for i, s in enumerate(series) if s in series[:i]):
        raise f.wrong(f"{twice.factor} of {twice.mn} is read from two registers")
    f.done()
    return device


class ModbusDoor:
    """Reads one device until cancelled."""

    def __init__(self, device: Device, doorway: Doorway) -> None:
        self._device = device
        self._doorway = doorway
        self._line = asyncio.Lock()
        self._writing: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Read until cancelled."""
        try:
            await retrying(self._connected, self._doorway, (ModbusException, OSError, TimeoutError))
        finally:
            await ended(list(self._writing))

    async def _connected(self) -> None:
        d = self._device
        client = AsyncModbusTcpClient(
            d.host, port=d.port, timeout=d.timeout_s, retries=0, reconnect_delay=0, reconnect_delay_max=0
        )
        try:
            if not await client.connect():
                raise OSError(f"{d.host}:{d.port} does not take a connection")
            periods = sorted({r.period_s for r in d.registers})
            async with asyncio.TaskGroup() as group:
                for period_s in periods:
                    group.create_task(self._beats(client, period_s))
        except* (ModbusException, OSError, TimeoutError) as several:
            raise several.exceptions[0] from None
        finally:
            client.close()

    async def _beats(self, client: AsyncModbusTcpClient, period_s: float) -> None:
        """Read everything of one period, on every beat of it."""
        together = spans(r for r in self._device.registers if r.period_s == period_s)
        period_ms = round(period_s * 1000)
        now_ms = self._doorway.now_ms
        while True:
            beat_ms = (now_ms() // period_ms + 1) * period_ms
            while 0 < beat_ms - now_ms() <= period_ms:  # park time may run fast, and may be set back
                await asyncio.sleep(min((beat_ms - now_ms()) / 1000, LOOK_S))
            if not 0 <= now_ms() - beat_ms < period_ms:
                continue  # the clock was set: a value must not be told for a moment that is not its own
            for span in together:
                async with self._line:
                    await self._read(client, span, beat_ms)
            self._doorway.note("")

    async def _read(self, client: AsyncModbusTcpClient, span: Span, at_ms: int) -> None:
        """Read one span; a device that refuses it is counted, one that does not answer is away."""
        d = self._device
        read = client.read_input_registers if span.table == "input" else client.read_holding_registers
        answer = await read(span.address, count=span.count, device_id=d.unit)
        heed()
        where = f"{d.host}:{d.port} unit {d.unit} {span.table} {span.address}"
        if answer.isError():
            reason = f"modbus_exception_{answer.exception_code}"
            for mn in {r.series.mn for r in span.registers}:
                self._doorway.refuse(where, mn, reason, f"{where}+{span.count}".encode())
            return
        words: Sequence[int] = answer.registers
        if len(words) != span.count:
            self._doorway.refuse(where, None, "modbus_short_answer", repr(words).encode())
            return
        rows, notes = interpret(span, words, at_ms)
        raw = f"modbus {where}: {' '.join(f'{w:04X}' for w in words)}".encode()
        self._keep(raw, rows, notes, where)

    def _keep(self, raw: bytes, rows: list[Row], notes: list[Note], where: str) -> None:
        keep = partial(self._doorway.keep, raw, rows, peer=where, notes=notes, clocked=False)
        task = asyncio.get_running_loop().create_task(keep())
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)


def interpret(span: Span, words: Sequence[int], at_ms: int) -> tuple[list[Row], list[Note]]:
    """Turn the words of a span into readings and notes."""
    rows: list[Row] = []
    notes: list[Note] = []
    for register in span.registers:
        mine = span.words_of(register, words)
        value, why = register.number(mine)
        if why:
            notes.append(Note(register.series.factor, " ".join(f"{w:04X}" for w in mine), why))
        else:
            rows.append((register.series, at_ms, value, ord(register.flag) if register.flag else 0))
    return rows, notes
