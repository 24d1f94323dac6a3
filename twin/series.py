"""What values are values of: names of series, written once each, and how to find what belongs to them.

Ten thousands of loggers send the same few factors. So the series of a block are kept as two short lists, of
loggers and of kinds, and two columns of numbers; and whoever looks something up for every series of a block
looks up loggers and kinds, a tenth as many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

Kind = tuple[str, str, str]
"""Factor as sent, command, suffix as sent."""
Numbers = NDArray[np.int32]
Index = NDArray[np.intp]
MOST_CELLS = 4_000_000  # of what is remembered; senders may invent names
_UNKNOWN = np.iinfo(np.int32).min


class Series(NamedTuple):
    """What a value is a value of. Natural key of a reading: this and the moment it is for.

    mn: logger; factor: code as sent; cn: command (2011 real-time, 2051 minute, 2061 hour, 2031 day);
    stat: suffix as sent (Rtd, Avg, Min, Max, Cou, ZsAvg ...).
    """

    mn: str
    factor: str
    cn: str
    stat: str


class Catalogue(Sequence[Series]):
    """Series as columns.

    Attributes
    ----------
    names : tuple of str
        Loggers.
    kinds : tuple of Kind
    name, kind : (n,) int32
        Of every series, where its logger and its kind stand in those.
    """

    __slots__ = ("kind", "kinds", "name", "names")

    def __init__(self, names: tuple[str, ...], kinds: tuple[Kind, ...], name: Numbers, kind: Numbers) -> None:
        self.names, self.kinds, self.name, self.kind = names, kinds, name, kind

    @classmethod
    def of(cls, series: Iterable[Series]) -> Catalogue:
        """Bring series to columns; what is in columns already stays as it is."""
        if isinstance(series, cls):
            return series
        return cls.chunks([(s[0], (s[1:],)) for s in series])

    @classmethod
    def chunks(cls, chunks: Sequence[tuple[str, tuple[Kind, ...]]]) -> Catalogue:
        """Bring loggers, each with the kinds it sends together, to columns."""
        names: dict[str, int] = {}
        kinds: dict[Kind, int] = {}
        met: dict[int, Numbers] = {}
        for _, together in chunks:
            if id(together) not in met:
                numbers = [kinds.setdefault(kind, len(kinds)) for kind in together]
                met[id(together)] = np.array(numbers, np.int32)
        each = np.array([names.setdefault(mn, len(names)) for mn, _ in chunks], np.int32)
        columns = [met[id(together)] for _, together in chunks]
        name = np.repeat(each, [len(column) for column in columns])
        kind = np.concatenate(columns) if columns else np.empty(0, np.int32)
        return cls(tuple(names), tuple(kinds), name, kind)

    def __len__(self) -> int:
        return len(self.name)

    @overload
    def __getitem__(self, at: int) -> Series: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Series, ...]: ...
    def __getitem__(self, at: int | slice) -> Series | tuple[Series, ...]:
        if isinstance(at, slice):
            return tuple(self)[at]
        return Series(self.names[self.name[at]], *self.kinds[self.kind[at]])

    def __iter__(self) -> Iterator[Series]:
        names, kinds = self.names, self.kinds
        pairs = zip(self.name.tolist(), self.kind.tolist(), strict=True)
        return iter([Series(names[n], *kinds[k]) for n, k in pairs])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


class Finder:
    """Remembers a number for every series it has met, a bounded number of them.

    Parameters
    ----------
    resolve : callable
        The number of a series that was not met before.
    """

    def __init__(self, resolve: Callable[[Series], int]) -> None:
        self._resolve = resolve
        self._rows: dict[str, int] = {}
        self._columns: dict[Kind, int] = {}
        self._cells: Numbers = np.full((1, 1), _UNKNOWN, np.int32)

    def of(self, series: Catalogue) -> Index:
        """Return the numbers of all series of a block."""
        rows, columns = self._places(series)
        if rows.max(initial=0) >= len(self._cells) or columns.max(initial=0) >= self._cells.shape[1]:
            self._grow()
        at = rows[series.name], columns[series.kind]
        found = self._cells[at]
        for i in np.flatnonzero(found == _UNKNOWN).tolist():
            found[i] = self._resolve(series[i])
        self._cells[at] = found
        return found.astype(np.intp)

    def _places(self, series: Catalogue) -> tuple[Index, Index]:
        for again in (True, False):
            row, column = self._rows, self._columns
            rows = np.array([row.setdefault(name, len(row)) for name in series.names], np.intp)
            columns = np.array([column.setdefault(kind, len(column)) for kind in series.kinds], np.intp)
            if len(row) * len(column) <= MOST_CELLS or not again:
                break
            self._forget()  # somebody is inventing names; the true ones come back at once
        return rows, columns

    def _grow(self) -> None:
        old = self._cells
        shape = tuple(1 << max(n - 1, 1).bit_length() for n in (len(self._rows), len(self._columns)))
        self._cells = np.full(shape, _UNKNOWN, np.int32)
        self._cells[: old.shape[0], : old.shape[1]] = old

    def _forget(self) -> None:
        self._rows, self._columns = {}, {}
        self._cells = np.full((1, 1), _UNKNOWN, np.int32)
