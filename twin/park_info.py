"""`twin park info`: the park in use, counted."""

from __future__ import annotations

import sys

from geodata.park import read
from geodata.words import Text, as_lang
from twin.config import Config


def run(config: Config) -> int:
    """Print what the park holds; returns 0, or 2 where there is no file."""
    lang = as_lang(config.lang)
    if not config.park.is_file():
        sys.stderr.write(
            Text("没有园区文件 {path}：请设置 TWIN_PARK", "there is no park file {path}: set TWIN_PARK")
            .fill(path=config.park)
            .say(lang)
            + "\n"
        )
        return 2
    park = read(config.park)
    rows = [
        (Text("园区", "park"), park.name.say(lang)),
        (Text("版本", "version"), park.version),
        (Text("坐标系", "coordinate system"), park.crs),
        (Text("企业", "enterprises"), len(park.enterprises)),
        (Text("排口", "outlets"), len(park.outlets)),
        (Text("闸", "gates"), len(park.gates)),
        (Text("监测站点", "stations"), len(park.stations)),
        (Text("监测点位", "points"), sum(len(s.factors) for s in park.stations)),
        (Text("敏感点", "receptors"), len(park.receptors)),
        (Text("应急池", "pools"), len(park.pools)),
        (Text("节点", "nodes"), len(park.nodes)),
        (Text("管段和河段", "links"), len(park.links)),
    ]
    sys.stdout.write("".join(f"{name.say(lang)}: {value}\n" for name, value in rows))
    return 0
