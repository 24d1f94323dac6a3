"""Puts a story on stage: a stream, records and a day of readings, without any simulator behind them."""

from __future__ import annotations

import json
import math

import numpy as np

from geodata.places import Park, Station
from geodata.words import Text
from tests.callbacks import story
from twin.blocks import BlockBuilder, Series, encode
from twin.clock import ClockState, as_ms, wall_ms
from twin.model import Event, to_json
from twin.records import Records
from twin.stream import Stream

USUAL = {
    "w00000": 26.0,
    "w01001": 7.6,
    "w01018": 17.0,
    "w21003": 0.9,
    "w01014": 960.0,
    "w21001": 1.6,
    "w21011": 0.16,
    "w01010": 14.0,
    "w21017": 0.3,
}
WASTE = {"w01018": 12.0, "w21003": 9.0, "w21001": 12.0, "w21011": 9.0, "w21017": 8.0}
"""How much more of a factor an outlet carries than a canal."""


def usual_flow(park: Park, station: Station) -> float:
    """A flow (L/s) that brings an outlet's COD load to half of its permit or a little over it."""
    if station.node.startswith("WW"):
        return 430.0
    if not station.enterprise:
        return 60.0
    mg_s = park.enterprise(station.enterprise).cod_permit_t * 1e9 / (365 * 86_400)
    share = 0.45 + 0.62 * (int(station.id[1:]) * 37 % 100) / 100
    return mg_s / (USUAL["w01018"] * WASTE["w01018"]) * share


def value(park: Park, station: Station, code: str, at_ms: int, rng: np.random.Generator) -> float:
    """A value that looks like one: its usual level, a daily wave, a little noise; the story's slug at S33."""
    usual = USUAL.get(code, 1.0) * (WASTE.get(code, 1.0) if station.enterprise else 1.0)
    if code == "w00000":
        usual = usual_flow(park, station)
    wave = 1 + 0.08 * math.sin(at_ms / 86_400_000 * 2 * math.pi + len(station.id))
    out = usual * wave * (1 + 0.03 * rng.standard_normal())
    if station.id == "S33" and at_ms >= as_ms(story.ONSET) and code in ("w01018", "w01014", "w21003"):
        out *= {"w01018": 7.6, "w01014": 4.3, "w21003": 7.0}[code]
    if station.id == "S02" and code == "w01018" and 6 <= (at_ms // 3_600_000) % 24 <= 7:
        out *= 1.9
    return 7.2 + 0.1 * rng.standard_normal() if code == "w01001" else out


def readings(stream: Stream, park: Park, hours: float = 6.0, step_s: int = 60) -> int:
    """Append a day of readings, then the latest ones; returns how many."""
    rng = np.random.default_rng(7)
    end, step = as_ms(story.NOW), step_s * 1000
    times = range(end - int(hours * 3_600_000), end + 1, step)
    count = 0
    for first in range(0, len(times), 36):
        builder = BlockBuilder()
        for at in times[first : first + 36]:
            for station in park.stations:
                if (at - end) // 1000 % station.interval_s:
                    continue
                if station.id in ("S24", "S77") and at > end - 3 * 3_600_000:
                    continue  # two loggers have been silent for three hours
                row = [
                    (
                        Series(station.mn, code, "2011", "Rtd"),
                        at,
                        value(park, station, code, at, rng),
                        ord("N"),
                    )
                    for code in station.factors
                ]
                builder.add(b"##0000\r\n", at, row)
                count += len(row)
        stream.append("readings", encode(builder.build()))
    return count


def counters(park: Park) -> bytes:
    """The gateway's counters, with one vendor that sends broken CRCs."""
    by_mn = {}
    for n, station in enumerate(park.stations):
        rejects = 14 if n % 19 == 3 else 0
        by_mn[station.mn] = {
            "frames": 1440 - n,
            "rejects": rejects,
            "conformance": 99.0 if rejects else 100.0,
            "deviations": {"crc lower case": 1440 - n} if n % 7 == 2 else {},
            "last_ms": wall_ms() - 3000 - 40 * n,
            "skew_ms": 95_000 if n == 11 else 800,
            "peer": f"127.0.0.1:{40000 + n}",
        }
    frames = sum(m["frames"] for m in by_mn.values())
    rejects = sum(m["rejects"] for m in by_mn.values())
    return json.dumps({"frames": frames, "readings": frames * 6, "rejects": rejects, "by_mn": by_mn}).encode()


def reject(stream: Stream, mn: str, reason: str, raw: bytes) -> None:
    """Append one reject, as the gateway does."""
    body = {"at_ms": wall_ms(), "mn": mn, "peer": "127.0.0.1:40003", "reason": reason, "hex": raw.hex()}
    stream.append("rejects", json.dumps(body).encode())


def up(
    stream: Stream, records: Records, told: story.Story, *, incident: bool = True, speed: float = 1.0
) -> None:
    """Put everything on: park time stands at `story.NOW` when this returns."""
    readings(stream, told.park)
    stream.put("gates", to_json(list(told.gates.values())))
    stream.put("stations", counters(told.park))
    broken = b"##0101QN=20261122024601123;ST=32;CN=2011;PW=123456;MN="
    reject(stream, told.park.stations[3].mn, "crc_mismatch", broken)
    if incident:
        story.put(records, told)
        stream.append("events", to_json(Event("incident.opened", story.NOW, story.ID)))
    stream.put_clock(ClockState(True, "night-discharge", speed, as_ms(story.NOW), wall_ms()))


PEOPLE = {
    "duty": (Text("值班长 李泽远", "Li Zeyuan, duty officer"), "duty_officer", "demo-duty"),
    "office": (Text("应急办 陈屿", "Chen Yu, emergency office"), "commander", "demo-office"),
    "viewer": (Text("参观者", "Visitor"), "viewer", "demo-viewer"),
}
