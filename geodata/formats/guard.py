"""What keeps a hostile or broken file from doing harm: sizes, archives, XML, and what a file really is."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from geodata.formats.report import FormatError
from geodata.words import Text

MAX_BYTES = 512 * 2**20  # one file as it lies there
MAX_UNPACKED = 1024 * 2**20  # everything in one archive
MAX_ENTRIES = 2000
MAX_ROWS = 2_000_000  # of one layer or table
MAX_VERTICES = 8_000_000  # of one layer
CHUNK = 2**20

# First bytes of each format, so that a name cannot pass one for another.
MARKS: dict[str, tuple[bytes, ...]] = {
    ".shp": (b"\x00\x00\x27\x0a",),
    ".gpkg": (b"SQLite format 3\x00",),
    ".xlsx": (b"PK\x03\x04",),
    ".xlsm": (b"PK\x03\x04",),
    ".ods": (b"PK\x03\x04",),
    ".xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",),
    ".zip": (b"PK\x03\x04",),
    ".kmz": (b"PK\x03\x04",),
}


def check_file(path: Path) -> None:
    """See that a file is there, is not too large, and begins like what its name says.

    Raises
    ------
    FormatError
        It is not, with the reason.
    """
    if not path.is_file():
        raise FormatError(ABSENT.fill(file=path.name))
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise FormatError(TOO_LARGE.fill(file=path.name, size=size // 2**20, most=MAX_BYTES // 2**20))
    if size == 0:
        raise FormatError(EMPTY.fill(file=path.name))
    marks = MARKS.get(path.suffix.lower())
    if marks:
        with path.open("rb") as f:
            start = f.read(16)
        if not start.startswith(marks):
            raise FormatError(NOT_WHAT.fill(file=path.name, suffix=path.suffix))


def check_rows(file: str, layer: str, rows: int) -> None:
    """See that a layer does not hold more rows than memory is kept for.

    Raises
    ------
    FormatError
        It does.
    """
    if rows > MAX_ROWS:
        raise FormatError(TOO_MANY.fill(file=file, layer=layer, n=rows, most=MAX_ROWS))


def check_vertices(file: str, layer: str, vertices: int) -> None:
    """See that a layer does not hold more vertices than memory is kept for.

    Raises
    ------
    FormatError
        It does.
    """
    if vertices > MAX_VERTICES:
        raise FormatError(TOO_FINE.fill(file=file, layer=layer, n=vertices, most=MAX_VERTICES))


def check_xml(path: Path) -> None:
    """Refuse XML that declares a document type or entities: nothing a survey writes needs them.

    Raises
    ------
    FormatError
        It does, or its charset could hide them.
    """
    tail = b""
    with path.open("rb") as f:
        start = f.read(64)
        if b"\0" in start or not start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            raise FormatError(NOT_XML.fill(file=path.name))
        f.seek(0)
        while chunk := f.read(CHUNK):
            seen = (tail + chunk).upper()
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise FormatError(XML_BOMB.fill(file=path.name))
            tail = chunk[-16:]


def unpack(path: Path, into: Path) -> list[Path]:
    """Unpack an archive into a folder of our own; nothing is written outside it.

    Raises
    ------
    FormatError
        It is broken, encrypted, too large unpacked, or holds a path that leads outside.
    """
    written: list[Path] = []
    room = MAX_UNPACKED
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise FormatError(TOO_MANY.fill(file=path.name, layer="", n=len(entries), most=MAX_ENTRIES))
            for entry in entries:
                target = into / _safe(path.name, entry)
                if entry.is_dir():
                    continue
                room -= _write(archive, entry, target, room, path.name)
                os.utime(target, (_packed(entry), _packed(entry)))
                written.append(target)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise FormatError(BROKEN_ZIP.fill(file=path.name, error=error)) from error
    return written


def _packed(entry: zipfile.ZipInfo) -> float:
    """When a file in an archive was last changed, s; archives do not say in which time zone."""
    try:
        return datetime(*entry.date_time, tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def check_package(path: Path) -> None:
    """See that a workbook, which is an archive, is whole and not a bomb.

    Raises
    ------
    FormatError
        It is not.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(e.file_size for e in archive.infolist())
            if total > MAX_UNPACKED:
                raise FormatError(
                    TOO_LARGE.fill(file=path.name, size=total // 2**20, most=MAX_UNPACKED // 2**20)
                )
    except zipfile.BadZipFile as error:
        raise FormatError(BROKEN_ZIP.fill(file=path.name, error=error)) from error


def _safe(file: str, entry: zipfile.ZipInfo) -> PurePosixPath:
    """Return an entry's path if it stays inside and is an ordinary, readable file."""
    name = entry.filename
    # Without the UTF-8 flag names are in the packer's code page, in China GBK; zipfile read them as cp437.
    if not entry.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("gb18030")
        except UnicodeError:
            name = entry.filename
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name or "\0" in name:
        raise FormatError(ESCAPES.fill(file=file, name=name))
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise FormatError(ESCAPES.fill(file=file, name=name))
    if entry.flag_bits & 1:
        raise FormatError(LOCKED.fill(file=file))
    return parts


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, room: int, file: str) -> int:
    """Unpack one entry; what its header says of its size is not believed."""
    if entry.file_size > room:
        raise FormatError(
            TOO_LARGE.fill(file=file, size=entry.file_size // 2**20, most=MAX_UNPACKED // 2**20)
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    with archive.open(entry) as source, target.open("wb") as out:
        while chunk := source.read(CHUNK):
            done += len(chunk)
            if done > room:
                raise FormatError(TOO_LARGE.fill(file=file, size=done // 2**20, most=MAX_UNPACKED // 2**20))
            out.write(chunk)
    return done


def drop_folder(folder: Path) -> None:
    """Remove a folder of unpacked files."""
    shutil.rmtree(folder, ignore_errors=True)


ABSENT = Text("没有文件 {file}", "there is no file {file}")
EMPTY = Text("{file} 是空文件", "{file} is empty")
TOO_LARGE = Text(
    "{file}：{size} MB，超过上限 {most} MB；请按区域或按类分成几个文件",
    "{file}: {size} MB, more than the limit of {most} MB; split it by area or by class",
)
TOO_MANY = Text(
    "{file} {layer}：{n} 行，超过上限 {most} 行；请按区域分成几个文件",
    "{file} {layer}: {n} rows, more than the limit of {most}; split it by area",
)
TOO_FINE = Text(
    "{file} {layer}：{n} 个坐标点，超过上限 {most} 个；请先抽稀或分区",
    "{file} {layer}: {n} vertices, more than the limit of {most}; simplify it or split it by area",
)
NOT_WHAT = Text(
    "{file} 的内容不是 {suffix} 文件，可能被截断或改了扩展名",
    "{file} does not begin like a {suffix} file; it may be cut off or renamed",
)
NOT_XML = Text("{file} 不是 UTF-8 编码的 XML；请另存为 UTF-8", "{file} is not XML in UTF-8; save it as UTF-8")
XML_BOMB = Text(
    "{file} 声明了 DOCTYPE 或 ENTITY，可能是 XML 炸弹，拒绝读取；请删去该声明",
    "{file} declares a DOCTYPE or an ENTITY and may be an XML bomb; it is not read. Remove the declaration",
)
BROKEN_ZIP = Text(
    "{file} 不是完整的压缩包（{error}）；请重新打包或重新传输",
    "{file} is not a whole archive ({error}); pack or send it again",
)
ESCAPES = Text(
    "{file} 里的路径 {name} 指向压缩包之外，拒绝解压",
    "{file} holds the path {name}, which leads outside the archive; it is not unpacked",
)
LOCKED = Text("{file} 有密码；请先解开", "{file} has a password; remove it first")
