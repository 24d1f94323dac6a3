"""SM4 (GB/T 32907-2016), electronic codebook, as HJ 212-2025 uses it: many blocks at once with numpy.

Why not a library: `cryptography` is a binary wheel of several megabytes for one cipher, and the pure-Python
ones go block by block, over a millisecond for one frame. The 16-byte blocks of a frame do not depend on each
other in this mode, so the 32 rounds run over all of them together. The tables are made from the standard's
algebra and proved by its examples (see the tests). Not hardened against timing by someone on this machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 16
ROUNDS = 32
_FK = (0xA3B1BAC6, 0x56AA3350, 0x677D9197, 0xB27022DC)
_FIELD = 0x1F5  # x^8 + x^7 + x^6 + x^5 + x^4 + x^2 + 1
_ROW, _ADD = 0xA7, 0xD3  # the affine map: its matrix is circulant

Words = NDArray[np.uint32]


def _times(a: int, b: int) -> int:
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0x100:
            a ^= _FIELD
        b >>= 1
    return product


def _affine(x: int) -> int:
    out = _ADD
    for bit in range(8):
        row = (_ROW << bit | _ROW >> (8 - bit)) & 0xFF
        out ^= ((row & x).bit_count() & 1) << bit
    return out


def _sbox() -> bytes:
    """S(x) = A(inverse(A(x))), with A affine and the inverse of 0 taken as 0."""
    inverse = [0] * 256
    for a in range(1, 256):
        b = a
        for _ in range(6):  # a^254 is the inverse
            b = _times(_times(b, b), a)
        inverse[a] = _times(b, b)
    return bytes(_affine(inverse[_affine(x)]) for x in range(256))


def _turn(x: int, by: int) -> int:
    return (x << by | x >> (32 - by)) & 0xFFFFFFFF


def _spread(b: int) -> int:
    return b ^ _turn(b, 2) ^ _turn(b, 10) ^ _turn(b, 18) ^ _turn(b, 24)


SBOX = _sbox()
_TABLES = tuple(np.array([_spread(s << shift) for s in SBOX], np.uint32) for shift in (24, 16, 8, 0))


class Cipher:
    """One key.

    Parameters
    ----------
    key : bytes
        16 bytes.

    Raises
    ------
    ValueError
        The key has another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != BLOCK:
            raise ValueError(f"an SM4 key has 16 bytes, not {len(key)}")
        k = [int.from_bytes(key[i : i + 4], "big") ^ f for i, f in zip(range(0, 16, 4), _FK, strict=True)]
        for i in range(ROUNDS):
            constant = int.from_bytes(bytes((4 * i + j) * 7 & 0xFF for j in range(4)), "big")
            t = k[i + 1] ^ k[i + 2] ^ k[i + 3] ^ constant
            b = int.from_bytes(bytes(SBOX[x] for x in t.to_bytes(4, "big")), "big")
            k.append(k[i] ^ b ^ _turn(b, 13) ^ _turn(b, 23))
        self._keys = [np.uint32(x) for x in k[4:]]

    def encrypt(self, data: bytes) -> bytes:
        """Encrypt every full block; a shorter rest stays as it is."""
        return _run(data, self._keys)

    def decrypt(self, data: bytes) -> bytes:
        """Undo `encrypt`."""
        return _run(data, self._keys[::-1])


def _run(data: bytes, keys: list[np.uint32]) -> bytes:
    whole = len(data) - len(data) % BLOCK
    if not whole:
        return data
    x: list[Words] = list(np.frombuffer(data, ">u4", whole // 4).astype(np.uint32).reshape(-1, 4).T)
    t0, t1, t2, t3 = _TABLES
    for key in keys:
        t = x[1] ^ x[2] ^ x[3] ^ key
        last = x[0] ^ t0[t >> 24] ^ t1[t >> 16 & 0xFF] ^ t2[t >> 8 & 0xFF] ^ t3[t & 0xFF]
        x = [x[1], x[2], x[3], last]
    return np.stack(x[::-1], 1).astype(">u4").tobytes() + data[whole:]
