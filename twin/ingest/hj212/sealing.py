"""Encrypted data segments of HJ 212-2025: what stands between `CP=&&` and the last `&&`, in SM4.

The check is that of the plain segment, so a frame is decrypted first and checked then. It must not be checked
undecrypted at all: the check knows 256 values only, and every 256th cipher text would pass for a plain one.
What is plain is told by its first 16 bytes instead: readable ones, which a cipher's are once in ten million.

Whether the line carries the cipher's bytes or the text `{0xE4,0x3E,...}` that the standard's annex prints is
a setting of each logger ("raw" or "text"); in both forms a rest of less than 16 bytes stays plain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from twin.ingest.hj212.sm4 import BLOCK, Cipher

Form = Literal["raw", "text"]

OPEN, CLOSE = b"CP=&&", b"&&"
_MN = re.compile(rb"(?:^|;)MN=([0-9A-Za-z_]{1,40});")
_CN = re.compile(rb"(?:^|;)CN=([0-9]{4});")
_READABLE = re.compile(rb"[ -~]{16}|[ -~]{0,15}$")
_TEXT = re.compile(rb"\{((?:0[xX][0-9A-Fa-f]{2},?)*)\}")


@dataclass(frozen=True, slots=True)
class Seal:
    """How one logger encrypts. Several keys: the present one first, then older ones while it changes."""

    ciphers: Sequence[Cipher]
    form: Form = "raw"


def sealed_command(cn: str) -> bool:
    """Tell the commands whose data area is encrypted."""
    return cn in ("1014", "3020") or (len(cn) == 4 and cn.startswith("2"))


def seal(segment: bytes, by: Seal) -> bytes:
    """Encrypt the data area of a segment whose command asks for it; others stay as they are."""
    parts = _parts(segment)
    if parts is None:
        return segment
    head, area, tail = parts
    cipher = by.ciphers[0].encrypt(area)
    if by.form == "text":
        whole = len(cipher) - len(cipher) % BLOCK
        listed = ",".join(f"0x{byte:02X}" for byte in cipher[:whole]).encode()
        cipher = b"{%b}%b" % (listed, cipher[whole:])
    return head + cipher + tail


class Keyring:
    """The seals of all loggers; called with a segment, it tells what it was before it was encrypted.

    Parameters
    ----------
    seals : mapping of str to Seal
        By MN.
    """

    def __init__(self, seals: Mapping[str, Seal]) -> None:
        self._seals = {mn.encode(): by for mn, by in seals.items()}

    def __call__(self, segment: bytes) -> list[bytes] | None:
        """Return the plain segments it may have been, one for each key at most; None where it is plain."""
        parts = _parts(segment)
        if parts is None:
            return None
        head, area, tail = parts
        mn = _MN.search(head)
        by = self._seals.get(mn[1]) if mn else None
        if by is None:
            return None
        cipher, rest = area, b""
        if by.form == "text":
            found = _TEXT.match(area)
            if found is None:
                return None
            digits = found[1].replace(b",", b"").replace(b"0x", b"").replace(b"0X", b"")
            cipher, rest = bytes.fromhex(digits.decode("ascii")), area[found.end() :]
        elif _READABLE.match(area):
            return None
        plain = [c.decrypt(cipher) for c in by.ciphers]
        return [head + p + rest + tail for p in plain if _READABLE.match(p)]


def _parts(segment: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Cut a segment into header, data area and end; None where nothing in it is encrypted."""
    at = segment.find(OPEN)
    if at < 0 or not segment.endswith(CLOSE) or len(segment) < at + len(OPEN) + len(CLOSE):
        return None
    cn = _CN.search(segment, 0, at)
    if cn is None or not sealed_command(cn[1].decode("ascii")):
        return None
    at += len(OPEN)
    return segment[:at], segment[at : -len(CLOSE)], segment[-len(CLOSE) :]
