"""Which reader a file goes to; archives and folders are opened on the way."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from geodata.formats import guard, inp, tables, vector
from geodata.formats.aliases import ALIASES
from geodata.formats.mapping import fields_for
from geodata.formats.report import FormatError
from geodata.formats.sheet import Sheet, plain
from geodata.words import Text

Charsets = Mapping[str, str]

TABLES = (*tables.WORKBOOKS, *tables.PLAIN)
KNOWN = (*vector.FORMATS, *TABLES, ".inp", ".zip")
# Formats met in the field that need another program first.
ELSEWHERE = {
    ".dwg": Text("请在 CAD 里另存为 DXF", "save it as DXF in the CAD program"),
    ".mdb": Text("请把各表导出为 Excel 或 CSV", "export its tables as Excel or CSV"),
    ".accdb": Text("请把各表导出为 Excel 或 CSV", "export its tables as Excel or CSV"),
    ".rar": Text("请解压后再导入", "unpack it first"),
    ".7z": Text("请解压后再导入", "unpack it first"),
}


def read(path: Path, charsets: Charsets) -> list[Sheet]:
    """Read every layer and table of a file, of a folder of files, or of a zip of them.

    Parameters
    ----------
    path : Path
        The file, folder or archive.
    charsets : mapping of str to str
        Charset by file name as a person has said; "" is for every file.

    Raises
    ------
    FormatError
        It cannot be read, or must not be; the text names the file and the mend.
    """
    suffix = path.suffix.lower()
    encoding = charsets.get(path.name) or charsets.get("", "")
    if suffix == ".zip":
        return _read_zip(path, charsets)
    if path.is_dir() and suffix != ".gdb":
        found = [s for f in _inside(path) for s in read(f, charsets)]
        if not found:
            raise FormatError(NOTHING.fill(file=path.name, known=", ".join(KNOWN)))
        return found
    if suffix in vector.FORMATS:
        return vector.read(path, encoding)
    if suffix in TABLES:
        return [part for sheet in tables.read(path, encoding) for part in _both(sheet)]
    if suffix == ".inp":
        return inp.read(path, encoding)
    if not path.exists():
        raise FormatError(guard.ABSENT.fill(file=path.name))
    mend = ELSEWHERE.get(suffix, Text("可读:{known}", "readable are {known}").fill(known=", ".join(KNOWN)))
    raise FormatError(UNKNOWN.fill(file=path.name, mend=mend))


def _read_zip(path: Path, charsets: Charsets) -> list[Sheet]:
    guard.check_file(path)
    with tempfile.TemporaryDirectory(prefix="park-zip-") as folder:
        guard.unpack(path, Path(folder))
        found = [s for f in _inside(Path(folder)) if f.suffix.lower() != ".zip" for s in read(f, charsets)]
    if not found:
        raise FormatError(NOTHING.fill(file=path.name, known=", ".join(KNOWN)))
    return found


def _inside(folder: Path) -> Iterator[Path]:
    """The readable files below a folder, in order; what lies in a FileGDB belongs to it."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__MACOSX")):
            continue
        if path.is_dir() and path.suffix.lower() != ".gdb":
            yield from _inside(path)
        elif path.suffix.lower() in KNOWN:
            yield path


def _both(sheet: Sheet) -> list[Sheet]:
    """Divide a table whose rows are both a point and the line to the next point into two."""
    names = [str(c) for c in sheet.frame.columns]
    link, node = fields_for("link", names), fields_for("node", names)
    if not ({"from_node", "to_node"} <= set(link) and {"id", "x", "y"} <= set(node)):
        return [sheet]
    if not any(link["from_node"] == n for n in names if n in ALIASES["node"]["id"]):
        return [sheet]
    ids = [plain(v) for v in sheet.frame[link["from_node"]]]
    first = ~sheet.frame.assign(_id=ids)["_id"].duplicated().to_numpy()
    keep = first & [bool(i) for i in ids]
    points = replace(
        sheet, layer=f"{sheet.layer}.points", frame=sheet.frame[keep].drop(columns=link["to_node"])
    )
    there = [bool(plain(v)) for v in sheet.frame[link["to_node"]]]
    lines = replace(sheet, layer=f"{sheet.layer}.lines", frame=sheet.frame[there], guesses=[])
    for part in (points, lines):
        part.frame = part.frame.reset_index(drop=True)
    return [points, lines]


UNKNOWN = Text("{file} 的格式读不了:{mend}", "{file} is of a format that is not read: {mend}")
NOTHING = Text("{file} 里没有可读的文件(可读:{known})", "{file} holds no file that can be read ({known})")
