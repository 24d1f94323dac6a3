"""Findings and differences as marks on the map."""

from __future__ import annotations

from dataclasses import replace

import pytest

from geodata.check.run import check
from geodata.versions import Change, compare
from layers import marks
from tests.twin.parks import tiny_park


def tones(features: list[dict[str, object]]) -> list[str]:
    return [f["properties"]["tone"] for f in features]  # type: ignore[index]


def test_findings_are_marked_where_they_are_and_one_is_flown_to() -> None:
    park = tiny_park()
    park = replace(park, gates=tuple(replace(g, y=g.y + 80) for g in park.gates))
    found = check(park)
    drawn = marks.findings(park, found)
    assert tones(drawn) == [str(f.severity) for f in found]
    assert {f["geometry"]["type"] for f in drawn} == {"Point"}
    assert all(f["properties"]["fit"] is False for f in drawn)
    (chosen,) = marks.picked(park, found[0])
    assert chosen["properties"]["title"].startswith(found[0].feature)
    assert "fit" not in chosen["properties"]
    assert marks.picked(park, replace(found[0], geometry=None)) == []


def test_what_was_removed_is_drawn_where_it_was() -> None:
    old = tiny_park()
    gates = tuple(replace(g, x=g.x + 5) if g.id == "G01" else g for g in old.gates)
    new = replace(old, stations=old.stations[1:], links=old.links.iloc[1:], gates=gates)
    drawn = marks.changes(old, new, compare(old, new))
    assert sorted(tones(drawn)) == ["moved", "removed", "removed"]
    assert {f["geometry"]["type"] for f in drawn} == {"Point", "LineString"}


@pytest.mark.parametrize("layer", ["no-such-layer", "fingerprint", "map_sea"])
def test_layers_without_places_are_left_out(layer: str) -> None:
    park = tiny_park()
    assert marks.changes(park, park, {layer: Change(added=("+1",))}) == []
    assert marks.shape_of(park, layer, "x") == []
