"""Ids to positions, for a million of them in a few megabytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

CHUNK = 65_536  # names turned into Python text at a time


class Ids(Mapping[str, int]):
    """Where each of n distinct ids stands in its array.

    A dict of a million short texts takes some 150 MB; this takes 12 beside the array of the ids itself: their
    hashes in order, and where each came from.

    Raises
    ------
    ValueError
        An id is used twice; the message names it.
    """

    __slots__ = ("_at", "_hash", "_ids")

    def __init__(self, ids: Sequence[str] | NDArray[np.str_]) -> None:
        self._ids = np.asarray(ids, str)
        n = len(self._ids)
        hashes = np.empty(n, np.int64)
        for begin in range(0, n, CHUNK):
            part = self._ids[begin : begin + CHUNK].tolist()
            hashes[begin : begin + len(part)] = [hash(name) for name in part]
        at = np.argsort(hashes, kind="stable")
        self._hash, self._at = hashes[at], at.astype(np.int32)
        same = np.flatnonzero(self._hash[1:] == self._hash[:-1])
        for name, other in zip(self._ids[self._at[same]], self._ids[self._at[same + 1]], strict=True):
            if name == other:
                raise ValueError(f"the id {name} is used twice")

    def __getitem__(self, key: str) -> int:
        wanted = hash(key)
        i = int(np.searchsorted(self._hash, wanted))
        while i < len(self._hash) and self._hash[i] == wanted:
            if self._ids[self._at[i]] == key:
                return int(self._at[i])
            i += 1
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids.tolist())

    def __reduce__(self) -> tuple[type[Ids], tuple[NDArray[np.str_]]]:
        return Ids, (self._ids,)  # another process hashes otherwise

    def __len__(self) -> int:
        return len(self._ids)
