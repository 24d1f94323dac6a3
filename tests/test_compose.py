"""The compose file starts what there is: roles the command knows, settings it reads, ports it opens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from twin import config
from twin.__main__ import COMMANDS

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docker" / "compose.yaml"
SAID: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = SAID["services"]
OURS = {name: it for name, it in SERVICES.items() if "build" in it}
KNOWN = set(re.findall(r'"(TWIN_[A-Z_]+)"', Path(config.__file__).read_text("utf-8")))


def mounts(it: dict[str, Any]) -> dict[str, str]:
    """What stands where in a container, by its place there."""
    return {text.split(":")[1]: text.split(":")[0] for text in it["volumes"]}


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_role_with_settings_that_are_read(name: str) -> None:
    it = OURS[name]
    assert it["command"] == [name]
    assert name in COMMANDS
    env = {k: str(v) for k, v in it["environment"].items()}
    assert set(env) <= KNOWN
    found = config.load(env)
    assert str(found.data) == "/data"
    assert "/data" in mounts(it)
    where = re.fullmatch(r"redis://([a-z]+):(\d+)/0", found.redis)
    assert where
    assert where[1] in SERVICES
    assert where[1] in it["depends_on"]
    inside = {"gateway": (found.gateway_host, found.gateway_port), "web": (found.host, found.port)}
    published = [text.rpartition(":")[2] for text in it.get("ports", ())]
    assert published == ([str(inside[name][1])] if name in inside else [])
    assert name not in inside or inside[name][0] == "0.0.0.0"


def test_every_role_that_lasts_has_a_service() -> None:
    assert set(OURS) == {"gateway", "doors", "forward", "watch", "advise", "web"}


def test_the_doors_profile_reads_the_file_that_is_mounted() -> None:
    for name, it in OURS.items():
        asked = "profiles" in it
        assert asked == (name in ("doors", "forward"))
        if asked:
            assert it["profiles"] == ["doors"]
            place = it["environment"]["TWIN_DOORS"]
            assert mounts(it)[place].startswith("./")


def test_the_stream_server_syncs_before_it_answers_and_keeps_its_file() -> None:
    it = SERVICES["redis"]
    words = it["command"]
    assert words[words.index("--appendonly") + 1] == "yes"
    assert words[words.index("--appendfsync") + 1] == "always"
    assert "/data" in mounts(it)


def test_every_volume_that_has_a_name_is_there() -> None:
    named = {text.split(":")[0] for it in SERVICES.values() for text in it["volumes"]}
    assert {name for name in named if not name.startswith((".", "/"))} == set(SAID["volumes"])


def test_the_image_has_every_package_and_the_build_finds_it() -> None:
    build = OURS["web"]["build"]
    assert (FILE.parent / build["context"] / build["dockerfile"]).is_file()
    text = (ROOT / build["dockerfile"]).read_text("utf-8")
    copied = re.findall(r"^COPY (.+) \S+$", text, re.M)
    for path in " ".join(copied).split():
        assert (ROOT / path).exists(), path
    assert {"geodata", "twin", "layers", "callbacks"} <= set(" ".join(copied).split())
    assert 'ENTRYPOINT ["twin"]' in text
