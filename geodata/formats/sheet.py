"""One layer or table of a file, as it was read and before anything was made of it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from geodata.formats.report import Guess

if TYPE_CHECKING:
    from geodata.formats.inp import Model

Floats = NDArray[np.float64]
NOTHING = {"", "/", "-", "--", "—", "无", "none", "null", "nan", "n/a", "*"}


@dataclass(slots=True)
class Sheet:
    """One layer.

    Attributes
    ----------
    file, layer, format : str
        File name without folders; layer, sheet or DXF layer; family of the format.
    frame : DataFrame
        Attributes as read.
    geometry : ndarray of shapely geometries, or None
        None where positions, if any, are columns.
    crs : str
        What the file declares, empty if nothing.
    encoding : str
        Charset used.
    first_row : int
        How a person counts the first row: 2 in a table whose header is row 1, 1 in a layer.
    model : Model or None
        A hydraulic model; then the frame is empty.
    changed : str
        Day its file was last changed, empty where nobody kept it.
    """

    file: str
    layer: str
    format: str
    frame: pd.DataFrame
    geometry: NDArray[np.object_] | None = None
    crs: str = ""
    encoding: str = ""
    first_row: int = 1
    guesses: list[Guess] = field(default_factory=list)
    model: Model | None = None
    changed: str = ""

    @property
    def key(self) -> str:
        """Name of this layer in a mapping."""
        return f"{self.file}/{self.layer}"

    def rows(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the rows where a mask is true, counted as a person counts."""
        return np.flatnonzero(mask) + self.first_row


def plain(value: Any) -> str:
    """Return a cell as text: full-width letters made plain, blanks trimmed, whole numbers without a point."""
    if isinstance(value, str) and value.isascii():
        return value.strip()
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return unicodedata.normalize("NFKC", str(value)).strip()


def texts(column: pd.Series) -> list[str]:
    """Return a column as plain text."""
    return [plain(v) for v in column.tolist()]


def numbers(column: pd.Series) -> tuple[Floats, NDArray[np.bool_]]:
    """Return a column as numbers, NaN where there is none, and where a cell holds something else."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=float, na_value=np.nan), np.zeros(len(column), bool)
    found = np.array(pd.to_numeric(column, errors="coerce"), dtype=float)
    wrong = np.zeros(len(column), bool)
    for i in np.flatnonzero(np.isnan(found)):
        text = plain(column.iloc[i])
        if text.lower() in NOTHING:
            continue
        try:
            found[i] = float(text.lower().removesuffix("mm").removesuffix("m").replace(",", ""))
        except ValueError:
            wrong[i] = True
    found[~np.isfinite(found)] = np.nan
    return found, wrong
