"""Blocks keep every reading and every raw byte."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from twin.blocks import BlockBuilder, Series, decode, encode

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
