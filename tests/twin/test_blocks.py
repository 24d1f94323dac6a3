"""Blocks keep every reading and every raw byte."""

from __future__ import annotations

import json
import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from twin.blocks import BlockBuilder, Layout, Series, decode, encode

readings = st.tuples(
    st.builds(
        Series,
        st.text(max_size=6),
        st.text(max_size=6),
        st.sampled_from(["2011", "2051"]),
        st.text(max_size=4),
    ),
    st.integers(0, 2**45),
    st.floats(allow_nan=False),
    st.integers(0, 255),
)
frames = st.lists(
    st.tuples(st.binary(max_size=40), st.integers(0, 2**45), st.lists(readings, max_size=5)), max_size=6
)


@given(frames)
def test_a_block_comes_back_whole(
    content: list[tuple[bytes, int, list[tuple[Series, int, float, int]]]],
) -> None:
    builder = BlockBuilder()
    for raw, received, rows in content:
        builder.add(raw, received, rows)
    block = builder.build()
    again = decode(encode(block))
    flat = [row for _, _, rows in content for row in rows]
    assert [again.series[i] for i in again.series_index] == [row[0] for row in flat]
    assert again.at_ms.tolist() == [row[1] for row in flat]
    assert again.value.tolist() == [row[2] for row in flat]
    assert again.flag.tolist() == [row[3] for row in flat]
    assert again.raw == tuple(raw for raw, _, _ in content)
    assert again.received_ms.tolist() == [received for _, received, _ in content]
    assert [again.raw[i] for i in again.frame] == [raw for raw, _, rows in content for _ in rows]
    assert len(again) == len(flat)
    assert again.value.dtype == np.float64


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2**45), st.lists(readings, max_size=3)), max_size=8)
)
def test_runs_of_a_layout_are_the_same_as_reading_by_reading(
    content: list[tuple[int, int, list[tuple[Series, int, float, int]]]],
) -> None:
    layouts = [Layout("m", tuple((f"w{k}", "2011", "Rtd") for k in range(n))) for n in (0, 2, 3)]
    plain, mixed = BlockBuilder(), BlockBuilder()
    for i, (which, at_ms, rows) in enumerate(content):
        layout = layouts[which]
        values = [i + k / 8 for k in range(len(layout.series))]
        flags = b"NDN"[: len(values)]
        run = [(s, at_ms, v, f) for s, v, f in zip(layout.series, values, flags, strict=True)]
        plain.add(b"run%d" % i, i, run)
        mixed.add_run(b"run%d" % i, i, layout, at_ms, values, flags)
        plain.add(b"row%d" % i, i, rows)
        mixed.add(b"row%d" % i, i, rows)
    a, b = plain.build(), decode(encode(mixed.build()))
    assert [a.series[i] for i in a.series_index] == [b.series[i] for i in b.series_index]
    for column in ("at_ms", "value", "flag", "frame", "received_ms"):
        assert np.array_equal(getattr(a, column), getattr(b, column)), column
    assert a.raw == b.raw


def test_blocks_of_version_1_are_still_read() -> None:
    header = {"v": 1, "n": 2, "m": 1, "series": [["m", "w1", "2011", "Rtd"]], "raw": [3]}
    columns = [np.array([0, 0], "<i4"), np.array([5, 6], "<i8"), np.array([0.5, 1.5], "<f8")]
    columns += [np.array([78, 0], "|u1"), np.array([0, 0], "<i4"), np.array([9], "<i8")]
    body = json.dumps(header).encode() + b"\n" + b"".join(c.tobytes() for c in columns) + b"raw"
    block = decode(zlib.compress(body))
    assert block.series == (Series("m", "w1", "2011", "Rtd"),)
    assert (block.at_ms.tolist(), block.value.tolist(), block.flag.tolist()) == ([5, 6], [0.5, 1.5], [78, 0])
    assert (block.raw, block.received_ms.tolist()) == ((b"raw",), [9])
