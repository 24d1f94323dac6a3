"""`twin park import`: files of survey, design and model in, a park out, nothing guessed silently."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from geodata import dating, intake, park
from geodata.formats import mapping as maps
from geodata.formats.report import FormatError
from geodata.framing import Settings
from geodata.words import Lang, Text
from twin.hydraulics.imported import flowed
from twin.hydraulics.kept import Kept

WELL, WRONG, ASKS = 0, 2, 3  # exit codes

ABOUT = Text(
    "把 Shapefile、FileGDB、GeoPackage、GeoJSON、KML、DXF、Excel、CSV、SWMM 和 EPANET 文件合成一个园区文件",
    "make one park of Shapefile, FileGDB, GeoPackage, GeoJSON, KML, DXF, Excel, CSV, SWMM and EPANET files",
)
SRC = Text("文件、文件夹、zip 或 FileGDB，可以多个", "files, folders, zips or FileGDBs")
OUT = Text(
    "写到哪里（.gpkg）；不给则只检查、不写", "where to write it (.gpkg); without it nothing is written"
)
MAPPING = Text("字段对应表（TOML）", "what each layer and field means (TOML)")
SAVE = Text(
    "把用到的对应表和各项猜测写成 TOML，可改后用 --mapping 交回", "write the mapping and every guess as TOML"
)
CRS = Text(
    "坐标系：EPSG:4549、GCJ-02、BD-09、local、local:ft、grid:EPSG:4549,dx=..,dy=..；单个文件写成 文件名=值",
    "EPSG:4549, GCJ-02, BD-09, local, local:ft or grid:EPSG:4549,dx=..,dy=..; FILE=VALUE for one file",
)
AXES = Text(
    "xy 东坐标在前，yx 北坐标在前；可写 文件名=值", "xy: east first, yx: north first; FILE=VALUE for one file"
)
ENCODING = Text(
    "字段编码，如 gbk、utf-8；可写 文件名=值", "charset, such as gbk or utf-8; FILE=VALUE for one file"
)
AS_OF = Text(
    "资料日期，如 2025-06；可写 文件名=值", "day, month or year the files are of, such as 2025-06; FILE=VALUE"
)
NEAR = Text("园区的经度，纬度，用来判断分带", "longitude,latitude of the park, to tell its zone")
SNAP = Text("端点相距多少米以内算同一点", "ends within so many metres are one")
ATTACH = Text(
    "排口、站点、闸离管网多少米以内才挂接", "places are attached to the network within so many metres"
)
NAME = Text("园区的简称，用于文件名", "short name of the park")
YES = Text("接受全部有结论的判断", "accept every guess that has a value")
JSON = Text("用 JSON 输出", "print JSON")
WROTE = Text("已写入 {path}：版本 {version}，坐标系 {crs}，节点 {nodes}，管段 {links}",
             "wrote {path}: version {version}, {crs}, {nodes} nodes, {links} links")  # fmt: skip
NOT_A_PAIR = Text("应为 经度，纬度", "longitude,latitude is wanted")
NOT_WRITTEN = Text("还有要确认的判断，没有写入", "something waits for your word; nothing was written")
NOT_SAVED = Text("写不了 {path}：{error}", "{path} cannot be written: {error}")
NO_FOLDER = Text("没有文件夹 {path}", "there is no folder {path}")
FOREIGN = Text(
    "{path} 已存在，而且不是园区文件，不覆盖", "{path} is there and is no park file; it is not overwritten"
)


def parser(lang: Lang) -> argparse.ArgumentParser:
    """Return the grammar of the command."""
    p = argparse.ArgumentParser(prog="twin park import", description=ABOUT.say(lang))
    p.add_argument("src", nargs="+", type=Path, metavar="SRC", help=SRC.say(lang))
    p.add_argument("--out", type=Path, metavar="FILE", help=OUT.say(lang))
    p.add_argument("--mapping", type=Path, metavar="TOML", help=MAPPING.say(lang))
    p.add_argument("--save-mapping", type=Path, metavar="TOML", help=SAVE.say(lang))
    p.add_argument("--crs", action="append", default=[], metavar="CRS", help=CRS.say(lang))
    p.add_argument("--axes", action="append", default=[], metavar="xy|yx", help=AXES.say(lang))
    p.add_argument("--encoding", action="append", default=[], metavar="NAME", help=ENCODING.say(lang))
    p.add_argument("--as-of", action="append", default=[], metavar="DATE", help=AS_OF.say(lang))
    p.add_argument("--near", metavar="LON,LAT", help=NEAR.say(lang))
    p.add_argument("--snap", type=float, default=0.5, metavar="M", help=SNAP.say(lang))
    p.add_argument("--attach", type=float, default=50.0, metavar="M", help=ATTACH.say(lang))
    p.add_argument("--name", default="", help=NAME.say(lang))
    p.add_argument("--yes", action="store_true", help=YES.say(lang))
    p.add_argument("--json", action="store_true", help=JSON.say(lang))
    return p


def main(argv: Sequence[str], lang: Lang, flows: Path | None = None) -> int:
    """Run the command; returns 0 well, 2 something is wrong, 3 something waits for a person's word."""
    grammar = parser(lang)
    o = grammar.parse_args(argv)
    try:
        settings = _settings(o)
    except FormatError as error:
        sys.stderr.write(error.text.say(lang) + "\n")
        return WRONG
    if unfit := _unfit(o.out):  # said before anything long begins
        sys.stderr.write(unfit.say(lang) + "\n")
        return WRONG
    made = intake.gather(o.src, settings)
    said: list[Text] = []
    if made.park is not None:
        flowed(made, o.src, Kept(flows) if flows is not None else None)
    code = _finish(o, made, said)
    if o.json:
        result = {
            **made.report.as_json(),
            "code": code,
            "out": str(o.out) if code == WELL and o.out else None,
        }
        if made.park is not None:
            result |= {"version": made.park.version, "crs": made.report.crs, "nodes": len(made.park.nodes)}
            result |= {"links": len(made.park.links)}
        result["said"] = [{"zh": t.zh, "en": t.en} for t in said]
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(made.report.say(lang) + "".join(t.say(lang) + "\n" for t in said))
    return code


def _settings(o: argparse.Namespace) -> Settings:
    near = None
    if o.near:
        try:
            lon, lat = (float(v) for v in o.near.split(","))
        except ValueError as error:
            raise FormatError(Text(f"--near:{NOT_A_PAIR.zh}", f"--near: {NOT_A_PAIR.en}")) from error
        near = (lon, lat)
    as_of = _by_file(o.as_of, o.src)
    dating.check(as_of)
    return Settings(
        mapping=maps.load(o.mapping) if o.mapping else {},
        crs=_by_file(o.crs, o.src),
        axes=_by_file(o.axes, o.src),
        encoding=_by_file(o.encoding, o.src),
        as_of=as_of,
        file_dates=True,
        yes=o.yes,
        near=near,
        snap_m=o.snap,
        attach_m=o.attach,
        name=o.name or (o.out.stem if o.out else "park"),
    )


def _by_file(values: list[str], sources: list[Path]) -> dict[str, str]:
    """Divide FILE=VALUE; a value may hold "=" itself (grids, PROJ strings), so FILE must look like one."""
    found: dict[str, str] = {}
    named = {s.name for s in sources}
    for value in values:
        file, equals, rest = value.partition("=")
        known = equals and (file in named or ("." in file and not file.startswith(("grid:", "+"))))
        found[file if known else ""] = rest if known else value
    return found


def _finish(o: argparse.Namespace, made: intake.Intake, said: list[Text]) -> int:
    try:
        if o.save_mapping:
            o.save_mapping.write_text(maps.dump(intake.proposal(made)), "utf-8")
        if made.report.errors:
            return WRONG
        if made.park is None:
            said.append(NOT_WRITTEN)
            return ASKS
        if o.out:
            park.write(made.park, o.out)
            p = made.park
            said.append(WROTE.fill(path=o.out, version=p.version, crs=made.report.crs, nodes=len(p.nodes),
                                   links=len(p.links)))  # fmt: skip
    except OSError as error:
        said.append(NOT_SAVED.fill(path=o.out or o.save_mapping, error=error.strerror))
        return WRONG
    return WELL


def _unfit(out: Path | None) -> Text | None:
    """Say why a park cannot be written to a place; None where it can."""
    if out is None:
        return None
    if not out.parent.is_dir():
        return NO_FOLDER.fill(path=out.parent)
    return FOREIGN.fill(path=out) if out.exists() and not _is_park(out) else None


def _is_park(path: Path) -> bool:
    try:
        park.read(path)
    except (ValueError, OSError, RuntimeError):
        return False
    return True
