"""Which reader a file goes to; archives and folders are opened on the way."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from geodata.dating import changed
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


# What lies beside a file and belongs to it; and what archives carry along.
PARTS = (
    *(".dbf", ".shx", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".qpj", ".fbn", ".fbx", ".ain", ".aih"),
    *(".ixs", ".mxs", ".atx", ".xml", ".gpkg-wal", ".gpkg-shm", ".toml", ".md"),
)


@dataclass(slots=True)
class Aside:
    """What came up beside the sheets of a folder or an archive.

    Attributes
    ----------
    wrong : list of Text
        Why files in it could not be read.
    left : list of Text
        Which files in it were not looked at, with the mend where there is one.
    """

    wrong: list[Text] = field(default_factory=list)
    left: list[Text] = field(default_factory=list)


def read(path: Path, charsets: Charsets, aside: Aside | None = None) -> list[Sheet]:
    """Read every layer and table of a file, of a folder of files, or of a zip of them.

    Parameters
    ----------
    path : Path
        The file, folder or archive.
    charsets : mapping of str to str
        Charset by file name as a person has said; "" is for every file.
    aside : Aside, optional
        Is told what is wrong with single files of a folder or an archive, so that one does not hide the
        others; without it the first one raises.

    Raises
    ------
    FormatError
        It cannot be read, or must not be; the text names the file and the mend.
    """
    sheets = _read(path, charsets, aside)
    for sheet in sheets:
        sheet.changed = sheet.changed or changed(path)
    return sheets


def _read(path: Path, charsets: Charsets, aside: Aside | None) -> list[Sheet]:
    suffix = path.suffix.lower()
    encoding = charsets.get(path.name) or charsets.get("", "")
    if suffix == ".zip":
        return _read_zip(path, charsets, aside)
    if path.is_dir() and suffix != ".gdb":
        return _read_folder(path, path.name, charsets, aside)
    if suffix in vector.FORMATS:
        return vector.read(path, encoding)
    if suffix in TABLES:
        return [part for sheet in tables.read(path, encoding) for part in _both(sheet)]
    if suffix == ".inp":
        return inp.read(path, encoding)
    if not path.exists():
        raise FormatError(guard.ABSENT.fill(file=path.name))
    mend = ELSEWHERE.get(suffix, Text("可读：{known}", "readable are {known}").fill(known=", ".join(KNOWN)))
    raise FormatError(UNKNOWN.fill(file=path.name, mend=mend))


def _read_zip(path: Path, charsets: Charsets, aside: Aside | None) -> list[Sheet]:
    guard.check_file(path)
    with tempfile.TemporaryDirectory(prefix="park-zip-") as folder:
        guard.unpack(path, Path(folder))
        return _read_folder(Path(folder), path.name, charsets, aside, packed=True)


def _read_folder(
    folder: Path, name: str, charsets: Charsets, aside: Aside | None, *, packed: bool = False
) -> list[Sheet]:
    """Read what lies in a folder; archives in archives are left alone."""
    found: list[Sheet] = []
    told = aside or Aside()
    before = len(told.wrong)
    for file in _inside(folder):
        if packed and file.suffix.lower() == ".zip":
            told.left.append(NESTED.fill(file=name, name=file.name))
            continue
        try:
            found += read(file, charsets, aside)
        except FormatError as error:
            if aside is None:
                raise
            aside.wrong.append(error.text)
    told.left += _strangers(folder, name)
    if not found and len(told.wrong) == before:
        raise FormatError(NOTHING.fill(file=name, known=", ".join(KNOWN)))
    return found


def _strangers(folder: Path, name: str) -> list[Text]:
    """Name the files of a folder that no reader knows."""
    said = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(p.startswith((".", "__MACOSX")) or p.lower().endswith(".gdb") for p in inside.parts)
        suffix = path.suffix.lower()
        if path.is_file() and not hidden and suffix not in (*KNOWN, *PARTS):
            mend = ELSEWHERE.get(suffix, UNREAD)
            said.append(STRANGER.fill(file=name, name=inside.as_posix(), mend=mend))
    return said


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


UNKNOWN = Text("{file} 的格式读不了：{mend}", "{file} is of a format that is not read: {mend}")
NESTED = Text(
    "{file} 里的 {name} 又是压缩包，没有打开；请解压后再导入",
    "{file} holds the archive {name}, which was not opened; unpack it first",
)
STRANGER = Text("{file} 里的 {name} 没有读：{mend}", "{name} in {file} was not read: {mend}")
UNREAD = Text("不是可读的格式", "it is of no format that is read")
NOTHING = Text("{file} 里没有可读的文件（可读：{known}）", "{file} holds no file that can be read ({known})")
