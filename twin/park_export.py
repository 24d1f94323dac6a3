"""`twin park export FILE`: the park for other programs, as GeoPackage, GeoJSON or Excel."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from geodata import export
from geodata.words import Lang, Text
from twin.errors import ConfigError, MissingError
from twin.park_file import open_park
from twin.park_trace import FILE

ABOUT = Text("把园区写成 GeoPackage、GeoJSON 或 Excel", "write a park as GeoPackage, GeoJSON or Excel")
FORMAT = Text("格式；不给则按 --out 的扩展名", "format; by the ending of --out where nothing is said")
OUT = Text("写到哪里；不给则与园区文件同名同目录", "where to; beside the park file where nothing is said")
WROTE = Text("已写入 {path}，园区版本 {version}", "wrote {path}, version {version} of the park")
SAME = Text(
    "{path} 就是园区文件本身；请用 --out 另取名", "{path} is the park file itself; name another with --out"
)
FAILED = Text("写不了 {path}：{why}", "{path} cannot be written: {why}")


def main(words: Sequence[str], lang: Lang, flows: Path | None = None) -> int:
    """Write one file; returns 0, or 2 where something is wrong."""
    grammar = argparse.ArgumentParser(prog="twin park export", description=ABOUT.say(lang))
    grammar.add_argument("file", type=Path, help=FILE.say(lang))
    grammar.add_argument("--format", choices=tuple(export.FORMATS), default="", help=FORMAT.say(lang))
    grammar.add_argument("--out", type=Path, metavar="FILE", help=OUT.say(lang))
    o = grammar.parse_args(list(words))
    if not o.format and o.out is None:
        grammar.error("--format | --out")
    out: Path = o.out or o.file.with_suffix(export.FORMATS[o.format])
    try:
        if out.exists() and o.file.exists() and out.samefile(o.file):
            raise ConfigError(SAME.fill(path=out).say(lang))
        park = open_park(o.file, flows=flows)
        export.write(park, out, o.format)
    except (MissingError, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (ValueError, OSError) as error:
        sys.stderr.write(FAILED.fill(path=out, why=error).say(lang) + "\n")
        return 2
    sys.stdout.write(WROTE.fill(path=out, version=park.version).say(lang) + "\n")
    return 0
