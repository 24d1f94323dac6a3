"""The documented schema is the file's schema, in both directions."""

import subprocess
import sys
from pathlib import Path

import pyogrio
import pytest

from geodata import park as park_file
from geodata import schema

DOCS = Path(__file__).parents[2] / "docs" / "park-schema.md"


@pytest.fixture(scope="module")
def layers() -> dict[str, str]:
    return {str(n): str(g or "none") for n, g in pyogrio.list_layers(park_file.demo_path())}


def test_every_layer_is_documented_and_there(layers: dict[str, str]) -> None:
    documented = {**schema.TABLES, **schema.EXTRA, **{f"map_{n}": k for n, k in schema.SCENERY.items()}}
    assert set(layers) == set(documented)
    for name, layer in documented.items():
        assert layers[name] == layer.geometry, name
        columns = pyogrio.read_info(park_file.demo_path(), layer=name)["fields"]
        assert sorted(columns) == sorted(layer.columns), name


def test_records_and_their_layers_agree() -> None:
    for layer, kind, _ in park_file.RECORDS:
        assert park_file.columns_of(kind) == list(schema.TABLES[layer].columns), layer


def test_page_is_printed_from_the_schema() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "geodata.schema"], capture_output=True, text=True, check=True
    )
    assert DOCS.read_text(encoding="utf-8") == made.stdout
