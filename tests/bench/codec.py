"""How fast the HJ 212 codec reads, beside the plain way: the check byte by byte and a regex for every field.

`python -m tests.bench.codec` prints one JSON line. Both readers go through the same bytes in the same run and
must agree on every value.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterator

from twin.ingest.hj212.crc import TABLE
from twin.ingest.hj212.frame import Reader
from twin.ingest.hj212.packet import Packet
from twin.ingest.hj212.readings import Interpreter
from twin.ingest.hj212.times import epoch_ms
from twin.ingest.hj212.write import Group, Message, frames

FACTORS = ("w00000", "w01001", "w01010", "w01014", "w01018", "w21003", "w21011", "w21001")
FRAMES = 20_000
READ = 65_536
_FIELD = re.compile(rb"(QN|ST|CN|PW|MN|Flag)=([^;]*);")
_ITEM = re.compile(rb"([A-Za-z0-9]+)-(\w+)=([^;,&]*)")


def stream(count: int = FRAMES) -> bytes:
    """Real-time frames of 8 factors with marks, from 64 loggers."""
    out = []
    for i in range(count):
        groups: list[Group] = [[("DataTime", f"202406010800{i % 60:02d}")]]
        groups += [
            [(f"{code}-Rtd", f"{(i * 7 + k) % 1000 / 10:.2f}"), (f"{code}-Flag", "N")]
            for k, code in enumerate(FACTORS)
        ]
        mn = f"010000A8900016F000169D{i % 64:02X}"
        out += frames(Message("32", "2011", "123456", mn, "20240601080000123", groups, ack=True))
    return b"".join(out)


def packets(data: bytes) -> Iterator[Packet]:
    """Read everything as a gateway does, a network read at a time: frame, check, fields."""
    reader = Reader()
    for at in range(0, len(data), READ):
        yield from (x for x in reader.feed(data[at : at + READ]) if isinstance(x, Packet))


def count(data: bytes) -> int:
    """Frame, check and fields of everything; return the number of frames."""
    return sum(1 for _ in packets(data))


def ours(data: bytes) -> float:
    """The same and the readings; return the sum of the values."""
    interpreter = Interpreter()
    return sum(value for p in packets(data) for _, _, value, _ in interpreter.readings(p).rows)


def plain(data: bytes) -> float:
    """Do all of it the plain way; return the sum of the values."""
    at, total = 0, 0.0
    while at < len(data):
        size = int(data[at + 2 : at + 6])
        segment = data[at + 6 : at + 6 + size]
        register = 0xFFFF
        for byte in segment:
            register = TABLE[(register >> 8) ^ byte]
        assert b"%04X" % register == data[at + 6 + size : at + 10 + size]
        fields = {m[1]: m[2] for m in _FIELD.finditer(segment)}
        assert fields[b"MN"]
        found = re.search(rb"DataTime=(\d+)", segment)
        assert found
        assert epoch_ms(found[1].decode()) is not None
        for m in _ITEM.finditer(segment):
            if m[2] != b"Flag":
                total += float(m[3])
        at += size + 12
    return total


def best(function: Callable[[], object], times: int = 3) -> float:
    """Return the shortest of several runs, processor seconds."""
    seconds = []
    for _ in range(times):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return min(seconds)


def measure(frames_wanted: int = FRAMES) -> dict[str, object]:
    """Run both readers over the same bytes."""
    data = stream(frames_wanted)
    assert count(data) == frames_wanted
    assert abs(ours(data) - plain(data)) < 1e-6 * frames_wanted
    codec_s = best(lambda: count(data))
    ours_s = best(lambda: ours(data))
    plain_s = best(lambda: plain(data))
    return {
        "bench": "codec",
        "frames": frames_wanted,
        "bytes_per_frame": round(len(data) / frames_wanted),
        "frames_per_s": round(frames_wanted / codec_s),
        "frames_to_readings_per_s": round(frames_wanted / ours_s),
        "plain_frames_to_readings_per_s": round(frames_wanted / plain_s),
        "ratio": round(plain_s / ours_s, 2),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
    }


def main() -> None:
    """Print one JSON line."""
    print(json.dumps(measure()))


if __name__ == "__main__":
    main()
