"""Frames come back as they were packed, and half a frame is not taken for one."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from callbacks.frames import pack, unpack

heads = st.dictionaries(
    st.text(min_size=1).filter(lambda k: k not in ("cols", "a", "b", "c")), st.text() | st.integers()
)


@given(
    heads,
    arrays.arrays("<f8", st.integers(0, 9)),
    arrays.arrays("<u4", st.integers(0, 9)),
    arrays.arrays("u1", st.integers(0, 9)),
)
def test_what_is_packed_comes_back(
    head: dict[str, object], a: np.ndarray, b: np.ndarray, c: np.ndarray
) -> None:
    frame = pack(head, {"a": ("f8", a), "b": ("u4", b), "c": ("u1", c)})
    found = unpack(frame)
    for name, column in (("a", a), ("b", b), ("c", c)):
        assert np.array_equal(found.pop(name), column, equal_nan=name == "a")
    assert found == head


def test_columns_begin_where_a_typed_array_may() -> None:
    frame = pack({"t": "水"}, {"l": ("u1", np.arange(3)), "v": ("f8", np.array([1.5]))})
    (size,) = struct.unpack_from("<I", frame)
    assert (4 + size) % 8 == 0
    assert struct.unpack_from("<d", frame, 4 + size + 8) == (1.5,)


def test_half_a_frame_is_refused() -> None:
    frame = pack({"t": "snap"}, {"v": ("f8", np.arange(4.0))})
    for cut in (0, 3, 10, len(frame) - 8):
        with pytest.raises(ValueError, match=r"frame|buffer"):
            unpack(frame[:cut])
