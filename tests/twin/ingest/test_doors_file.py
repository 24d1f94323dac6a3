"""The file of TWIN_DOORS: what docs/doors.md shows is what is read, and what is wrong names its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from twin.errors import ConfigError
from twin.ingest.doors import load
from twin.ingest.sheets import read_mapping

PAGE = (Path(__file__).parents[3] / "docs" / "doors.md").read_text("utf-8")


def examples(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.M | re.S)


def test_the_examples_of_the_page_are_read(tmp_path: Path) -> None:
    path = tmp_path / "doors.toml"
    blocks = examples("toml")
    assert len(blocks) == 5
    path.write_text("\n".join(blocks), "utf-8")
    found = load(path)
    assert [b.name for b in found.mqtt] == ["north"]
    assert [t.kind for t in found.mqtt[0].topics] == ["2011", "2061"]
    assert [len(d.registers) for d in found.modbus] == [3]
    assert [len(s.nodes) for s in found.opcua] == [2]
    assert [t.name for t in found.forward] == ["city", "province"]
    assert [t.name for t in found.tokens] == ["laboratory"]
    assert found.roles == ("doors", "forward")


def test_the_mapping_of_the_page_is_read(tmp_path: Path) -> None:
    (block,) = examples("toml mapping")
    (tmp_path / "m.toml").write_text(block, "utf-8")
    assert read_mapping(tmp_path / "m.toml").columns["化验 COD"] == "w01018"


def test_without_a_file_there_is_nothing_to_run() -> None:
    assert load(None).roles == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[mqtt]]\nname = 'a'", "mqtt a: host is missing"),
        ("[[modbus]]\nname='a'\nhost='h'\nmn='M'", "there is no [[modbus.register]]"),
        (
            "[[opcua]]\nname='a'\nurl='http://x'\n[[opcua.node]]\nid='i=1'\nfactor='w01018'\nmn='M'",
            "opc.tcp://",
        ),
        (
            "[[opcua]]\nname='a'\nurl='opc.tcp://x'\n[[opcua.node]]\nid='zzz'\nfactor='w01018'\nmn='M'",
            "node id",
        ),
        (
            "[[opcua]]\nname='a'\nurl='opc.tcp://x'\nmn='M'\n[[opcua.node]]\nid='i=1'\nfactor='w01018'\n"
            "[[opcua.node]]\nid='i=1'\nfactor='w01019'",
            "'i=1' stands there twice",
        ),
        ("[[token]]\nname='a'\nsha256='abc'", "64 hex digits"),
        ("[[forward]]\nname='a'\nhost='h'\nport=99999", "port"),
        (
            "[[forward]]\nname='a'\nhost='h'\nport=1\n[[forward]]\nname='a'\nhost='h'\nport=2",
            "a is there twice",
        ),
        ("colour = 'red'", "unknown setting colour"),
        ("mqtt = 5", "write [[mqtt]]"),
        ("[[", "cannot be read"),
    ],
)
def test_what_is_wrong_names_its_place(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "doors.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(named)) as error:
        load(path)
    assert "doors.toml" in str(error.value)
