"""HJ 212 frames in bulk for the bench: one second of a whole park's loggers in a few numpy steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.ingest.hj212.crc import TABLE
from twin.ingest.hj212.times import stamp

FACTORS = ("w00000", "w01001", "w01010", "w01014", "w01018", "w21003", "w21011", "w21001")
DIGITS = "12.345"  # room of one value
Bytes = NDArray[np.uint8]


def mn(logger: int) -> str:
    """Name of a logger."""
    return f"0100{logger:020X}"


class Frames:
    """Frames of so many loggers, the same length each, written anew for every second.

    Parameters
    ----------
    loggers : int
        How many; each sends one frame of 8 factors with marks a second.
    """

    def __init__(self, loggers: int) -> None:
        pairs = ";".join(f"{code}-Rtd={DIGITS},{code}-Flag=N" for code in FACTORS)
        parts = ("QN=20240601080000000;ST=32;CN=2011;PW=123456;MN=", "0" * 24, ";Flag=5;CP=&&DataTime=")
        text = "".join((*parts, "20240601080000;", pairs, "&&"))
        whole = f"##{len(text):04d}{text}0000\r\n".encode()
        self.size = len(whole)
        self.rows: Bytes = np.tile(np.frombuffer(whole, np.uint8), (loggers, 1))
        at = whole.index(b"MN=") + 3
        names = "".join(mn(i) for i in range(loggers)).encode()
        self.rows[:, at : at + 24] = np.frombuffer(names, np.uint8).reshape(loggers, 24)
        self._time = whole.index(b"DataTime=") + 9
        values = [whole.index(f"{code}-Rtd=".encode()) + len(code) + 5 for code in FACTORS]
        # decimals stand in different places, as real instruments' do
        self._digits = [v + k for i, v in enumerate(values) for k in range(6) if k != 1 + i % 4]
        self._points = [v + 1 + i % 4 for i, v in enumerate(values)]
        self.rows[:, self._points] = ord(".")
        self._random = np.random.default_rng(1)

    def second(self, at_ms: int) -> bytes:
        """Return the frames of one second, logger after logger."""
        rows, text = self.rows, np.frombuffer(stamp(at_ms).encode(), np.uint8)
        rows[:, 9:23] = text
        rows[:, self._time : self._time + 14] = text
        noise = self._random.integers(0, 10, (len(rows), len(self._digits)), np.uint8)
        rows[:, self._digits] = noise + ord("0")
        rows[:, -6:-2] = _checks(rows[:, 6:-6])
        return rows.tobytes()


def _checks(segments: Bytes) -> Bytes:
    """Return the check of every row as four hex digits. The same folding as `hj212.crc`, for all rows."""
    n = segments.shape[1]
    padded = np.zeros((len(segments), n + -n % 8), np.uint8)
    padded[:, -n:] = segments
    padded[:, -n] ^= 0xFF
    words = padded.reshape(len(segments), -1, 8)
    folded = np.bitwise_xor.reduce(words, axis=1)
    step = (np.array(TABLE) >> 8).astype(np.uint8)
    state: Bytes = folded[:, 0]
    for k in range(1, 8):
        state = step[state] ^ folded[:, k]
    digits: Bytes = np.frombuffer(b"".join(b"%04X" % value for value in TABLE), np.uint8).reshape(256, 4)
    checks: Bytes = digits[state]
    return checks
