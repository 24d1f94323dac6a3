"""Shapefile, FileGDB, GeoPackage, GeoJSON, KML, KMZ and DXF, through GDAL."""

from __future__ import annotations

import codecs
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray

from geodata.formats import guard
from geodata.formats.encoding import Reading, canonical, dbf_text, detect, shown_as_latin, shown_in
from geodata.formats.report import FormatError, Guess
from geodata.formats.sheet import Sheet
from geodata.words import Text

FORMATS = {
    ".shp": "Shapefile",
    ".gdb": "FileGDB",
    ".gpkg": "GeoPackage",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".kml": "KML",
    ".kmz": "KMZ",
    ".dxf": "DXF",
}
DBF_SAMPLE = 8 * 2**20  # bytes of a table looked at for its charset
TEXT_SAMPLE = 4 * 2**20
UTF8_ONLY = (".geojson", ".json", ".kml")
XML_CHARSET = re.compile(r"""^(\s*<\?xml[^>]*encoding=["'])[\w.:-]+(["'])""")


def read(path: Path, encoding: str = "") -> list[Sheet]:
    """Read every layer of a file.

    Parameters
    ----------
    path : Path
        The file; for FileGDB its folder; for a Shapefile the .shp.
    encoding : str
        Charset a person has said; empty to find out.

    Raises
    ------
    FormatError
        It cannot be read, or must not be.
    """
    suffix = path.suffix.lower()
    if suffix == ".kmz":
        return _read_kmz(path, encoding)
    if suffix == ".gdb":
        _check_folder(path)
    else:
        guard.check_file(path)
        _check_content(path, suffix)
    if suffix in UTF8_ONLY:
        other = _other_charset(path, encoding)
        if other is not None:
            return _read_again(path, other)
    reading = _charset(path, encoding) if suffix == ".shp" else None
    if reading and not reading.encoding:
        raise FormatError(NO_CHARSET.fill(file=path.name, proof=reading.proof))
    found: list[Sheet] = []
    for layer, _ in _layers(path):
        found += _read_layer(path, layer, FORMATS[suffix], reading)
    return [part for sheet in found for part in _drawing(sheet, encoding)] if suffix == ".dxf" else found


def _other_charset(path: Path, said: str) -> Reading | None:
    """Return the charset of a file that by its standard is UTF-8 and is not; None where it is."""
    with path.open("rb") as f:
        sample = f.read(TEXT_SAMPLE)
    found = Reading(canonical(said), True, Text("由用户指定", "said by the user")) if said else detect(sample)
    if not found.encoding:
        raise FormatError(NO_CHARSET.fill(file=path.name, proof=found.proof))
    return None if found.encoding in ("utf-8", "utf-8-sig") else found


def _read_again(path: Path, reading: Reading) -> list[Sheet]:
    """Read a file of another charset: the readers below know UTF-8 only."""
    with tempfile.TemporaryDirectory(prefix="park-text-") as folder:
        copy = Path(folder) / path.name
        try:
            with path.open(encoding=reading.encoding) as source, copy.open("w", encoding="utf-8") as out:
                head = source.read(guard.CHUNK)
                out.write(XML_CHARSET.sub(r"\1UTF-8\2", head, count=1))
                while chunk := source.read(guard.CHUNK):
                    out.write(chunk)
        except UnicodeDecodeError as error:
            raise FormatError(NOT_IN.fill(file=path.name, name=reading.encoding)) from error
        sheets = read(copy)
    for sheet in sheets:
        sheet.encoding = reading.encoding
        if not reading.sure:
            option = f"--encoding {reading.encoding}"
            sheet.guesses.append(Guess(path.name, "encoding", reading.encoding, reading.proof, option))
    return sheets


def _drawing(sheet: Sheet, said: str) -> Iterator[Sheet]:
    """Divide a drawing by its layers, its texts read in the charset that an old one does not say."""
    texts = [c for c in sheet.frame if not pd.api.types.is_numeric_dtype(sheet.frame[c])]
    values = {v for c in texts for v in sheet.frame[c] if isinstance(v, str)}
    charset = canonical(said) if said else shown_as_latin(values)
    if charset:
        right = {v: (shown_in(v, charset) or v) for v in values if not v.isascii()}
        for column in texts:
            sheet.frame[column] = [right.get(v, v) for v in sheet.frame[column]]
        sheet.encoding = charset
    if charset and not said:
        guess = Guess(sheet.file, "encoding", charset, NO_PAGE, f"--encoding {charset}")
        sheet.guesses.append(guess)
    yield from _by_class(sheet)


def _read_kmz(path: Path, encoding: str) -> list[Sheet]:
    guard.check_file(path)
    with tempfile.TemporaryDirectory(prefix="park-kmz-") as folder:
        files = [f for f in guard.unpack(path, Path(folder)) if f.suffix.lower() == ".kml"]
        if not files:
            raise FormatError(NO_KML.fill(file=path.name))
        found: list[Sheet] = []
        for file in files:
            for sheet in read(file, encoding):
                sheet.file, sheet.format = path.name, "KMZ"
                sheet.guesses = [replace(g, file=path.name) for g in sheet.guesses]
                found.append(sheet)
    return found


def _check_folder(path: Path) -> None:
    files = [f for f in path.iterdir() if f.is_file()] if path.is_dir() else []
    if not any(f.suffix == ".gdbtable" for f in files):
        raise FormatError(NOT_GDB.fill(file=path.name))
    if any(f.is_symlink() for f in path.iterdir()):
        raise FormatError(NOT_GDB.fill(file=path.name))
    size = sum(f.stat().st_size for f in files)
    if size > guard.MAX_BYTES:
        raise FormatError(
            guard.TOO_LARGE.fill(file=path.name, size=size // 2**20, most=guard.MAX_BYTES // 2**20)
        )


def _check_content(path: Path, suffix: str) -> None:
    """See what GDAL would: it chooses a reader by content, and some readers open other files."""
    if suffix == ".kml":
        guard.check_xml(path)
    with path.open("rb") as f:
        start = f.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    right = {
        ".kml": b"<kml" in start.lower() or b":kml" in start.lower(),
        ".geojson": start.startswith((b"{", b"[")),
        ".json": start.startswith((b"{", b"[")),
        ".dxf": start.startswith((b"0", b"999", b"AutoCAD Binary DXF")),
    }
    if not right.get(suffix, True):
        raise FormatError(guard.NOT_WHAT.fill(file=path.name, suffix=suffix))
    if suffix == ".shp":
        missing = [s for s in (".dbf", ".shx") if _beside(path, s) is None]
        if missing:
            raise FormatError(SIDECAR.fill(file=path.name, missing=", ".join(missing)))


def _charset(path: Path, said: str) -> Reading:
    """Return the charset of a Shapefile's attributes."""
    if said:
        return Reading(canonical(said), True, Text("由用户指定", "said by the user"))
    cpg = _beside(path, ".cpg")
    declared = cpg.read_text("latin-1")[:40] if cpg else ""
    dbf = _beside(path, ".dbf")
    if dbf is None:
        raise FormatError(SIDECAR.fill(file=path.name, missing=".dbf"))
    with dbf.open("rb") as f:
        data, language = dbf_text(f.read(DBF_SAMPLE))
    return detect(data, declared, language)


def _beside(path: Path, suffix: str) -> Path | None:
    for s in (suffix, suffix.upper()):
        if path.with_suffix(s).is_file():
            return path.with_suffix(s)
    return None


def _layers(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        yield from ((str(name), kind) for name, kind in pyogrio.list_layers(path))
    except pyogrio.errors.DataSourceError as error:
        raise FormatError(UNREADABLE.fill(file=path.name, error=_short(error, path))) from error


def _read_layer(path: Path, layer: str, form: str, reading: Reading | None) -> list[Sheet]:
    # A Shapefile is read as bytes and decoded here: names and texts cut amid a character break other readers.
    charset = "ISO-8859-1" if reading else None
    try:
        info = pyogrio.read_info(path, layer=layer, encoding=charset, force_feature_count=True)
        guard.check_rows(path.name, layer, int(info["features"]))
        meta, _, wkb, columns = pyogrio.raw.read(path, layer=layer, encoding=charset, force_2d=True)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, UnicodeDecodeError) as error:
        raise FormatError(UNREADABLE.fill(file=path.name, error=_short(error, path))) from error
    except pyogrio.errors.FeatureError as error:
        raise FormatError(UNREADABLE.fill(file=path.name, error=_short(error, path))) from error
    names = [str(n) for n in meta["fields"]]
    if reading:
        names = [_decode(n, reading.encoding) for n in names]
        columns = [_decode_column(c, reading.encoding) for c in columns]
    frame = pd.DataFrame(dict(zip(_unique(names), columns, strict=True)))
    geometry = None
    if wkb is not None:
        geometry = np.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), dtype=object)
        guard.check_vertices(path.name, layer, int(np.sum(shapely.get_num_coordinates(geometry))))
    said = reading.encoding if reading else "utf-8"
    sheet = Sheet(path.name, layer, form, frame, geometry, str(meta["crs"] or ""), said)
    if form == "DXF":
        sheet.crs = ""
        return [sheet]
    if reading and not reading.sure:
        option = f"--encoding {reading.encoding}"
        sheet.guesses.append(Guess(path.name, "encoding", reading.encoding, reading.proof, option))
    return [sheet]


def _by_class(drawing: Sheet) -> Iterator[Sheet]:
    """Split a drawing by its layers (the layer's name is the pipe's class) and into lines and points."""
    if drawing.geometry is None or "Layer" not in drawing.frame:
        return
    dimension = shapely.get_dimensions(drawing.geometry)
    names = drawing.frame["Layer"].astype(str).to_numpy()
    for name in sorted(set(names)):
        for size, what in ((1, "lines"), (0, "points"), (2, "areas")):
            mask = (names == name) & (dimension == size)
            if not mask.any():
                continue
            frame = drawing.frame[mask].reset_index(drop=True)
            layer = f"{name}.{what}"
            shapes = drawing.geometry[mask]
            sheet = Sheet(drawing.file, layer, "DXF", frame, shapes, "", drawing.encoding)
            sheet.guesses = list(drawing.guesses)
            yield sheet


def _decode(text: str, charset: str) -> str:
    """Turn bytes shown as Latin letters into text; a character cut at the end is dropped."""
    if text.isascii():
        return text
    return codecs.getincrementaldecoder(charset)("replace").decode(text.encode("latin-1"))


def _decode_column(column: NDArray[Any], charset: str) -> NDArray[Any]:
    if column.dtype != object:
        return column
    return np.array([_decode(v, charset) if isinstance(v, str) else v for v in column], dtype=object)


def _unique(names: list[str]) -> list[str]:
    return [n if n not in names[:i] else f"{n}.{i}" for i, n in enumerate(names)]


def _short(error: Exception, path: Path) -> str:
    """The first line of what a library says, without folders of this machine."""
    return str(error).split("\n")[0].replace(str(path.parent) + "/", "")[:200]


UNREADABLE = Text("读不了 {file}：{error}", "{file} cannot be read: {error}")
NO_CHARSET = Text(
    "{file} 的字段编码无法判断（{proof}）；请用 --encoding 指定",
    "the charset of {file} cannot be told ({proof}); say it with --encoding",
)
NOT_IN = Text("{file} 不是 {name}；请指定正确的编码", "{file} is not in {name}; say its right charset")
NO_PAGE = Text(
    "图中没有写代码页，文字按此编码读才是中文",
    "the drawing does not say its code page; read in this charset its texts are Chinese",
)
NO_KML = Text("{file} 里没有 KML", "{file} holds no KML")
NOT_GDB = Text("{file} 不是 FileGDB 文件夹", "{file} is not a FileGDB folder")
SIDECAR = Text(
    "{file} 旁边缺少 {missing};Shapefile 的几个文件要放在一起",
    "{file} lacks {missing} beside it; the files of a Shapefile belong together",
)
