"""Blocks become columns of known points; the rest is passed over."""

from __future__ import annotations

from tests.twin.parks import real_time, tiny_park
from twin.blocks import BlockBuilder, Series
from twin.detect.columns import Columner
from twin.model import Point


def test_real_time_and_means_are_told_apart_and_old_codes_known() -> None:
    park = tiny_park()
    points = [Point(s.id, f) for s in park.stations for f in s.factors]
    mn = park.station("S04").mn
    builder = BlockBuilder()
    builder.add(
        b"x",
        0,
        [
            (Series(mn, "011", "2011", "Rtd"), 1, 50.0, ord("N")),  # COD by its code of 2005
            (Series(mn, "w01018", "2051", "Avg"), 2, 51.0, ord("N")),
            (Series(mn, "w01018", "2051", "Max"), 2, 60.0, ord("N")),
            (Series(mn, "w99999", "2011", "Rtd"), 3, 1.0, ord("N")),
            (Series("nobody", "w01018", "2011", "Rtd"), 4, 1.0, ord("N")),
        ],
    )
    block = real_time(park, "S01", 5, {"w01018": 12.0, "w01001": 7.1})
    readings, means = Columner(park, points).read([builder.build(), block])
    assert [points[i] for i in readings.point] == [
        Point("S04", "w01018"),
        Point("S01", "w01018"),
        Point("S01", "w01001"),
    ]
    assert readings.value.tolist() == [50.0, 12.0, 7.1]
    assert readings.at_ms.tolist() == [1, 5, 5]
    assert [points[i] for i in means.point] == [Point("S04", "w01018")]
    assert means.value.tolist() == [51.0]
    empty, _ = Columner(park, points).read([])
    assert len(empty.point) == 0
