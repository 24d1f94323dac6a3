"""A frame of the live feed as bytes: a JSON head, then columns of numbers that a browser reads in place.

``length of the head (uint32, little-endian) | head | columns``; the head is padded with blanks and each
column with zeros to eight bytes, because a typed array must begin at a multiple of its size. The head's
member ``cols`` tells name, kind (u1, u4, f8) and length of each column, in order.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS: dict[str, np.dtype[Any]] = {"u1": np.dtype("u1"), "u4": np.dtype("<u4"), "f8": np.dtype("<f8")}
_EDGE = 8
_LENGTH = struct.Struct("<I")


def pack(head: Mapping[str, Any], columns: Mapping[str, tuple[str, NDArray[Any]]]) -> bytes:
    """Return a frame.

    Parameters
    ----------
    columns : mapping
        By name: kind, and the numbers, one-dimensional.
    """
    cols = [[name, kind, len(column)] for name, (kind, column) in columns.items()]
    text = json.dumps({**head, "cols": cols}, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-(_LENGTH.size + len(text)) % _EDGE)
    parts = [_LENGTH.pack(len(text)), text]
    for kind, column in columns.values():
        body = np.ascontiguousarray(column, KINDS[kind]).tobytes()
        parts += [body, bytes(-len(body) % _EDGE)]
    return b"".join(parts)


def unpack(frame: bytes) -> dict[str, Any]:
    """Return head and columns of a frame, as a page sees them.

    Raises
    ------
    ValueError
        It is not a whole frame.
    """
    if len(frame) < _LENGTH.size or len(frame) < _LENGTH.size + _LENGTH.unpack_from(frame)[0]:
        raise ValueError("not a whole frame")
    at = _LENGTH.size + _LENGTH.unpack_from(frame)[0]
    head: dict[str, Any] = json.loads(frame[_LENGTH.size : at])
    for name, kind, n in head.pop("cols"):
        head[name] = np.frombuffer(frame, KINDS[kind], n, at)
        at += n * KINDS[kind].itemsize
        at += -at % _EDGE
    if at != len(frame):
        raise ValueError("not a whole frame")
    return head
