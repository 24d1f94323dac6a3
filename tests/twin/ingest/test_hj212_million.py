"""A slice of the million inputs of `python -m tests.fuzz`, and proof that its second reading can say no."""

from __future__ import annotations

import pytest

from tests.fuzz.hj212 import run
from tests.fuzz.oracle import complaint
from tests.fuzz.streams import sealed

SEGMENT = (
    b"QN=20240601080000123;ST=32;CN=2011;PW=1;MN=m1;Flag=5;CP="
    b"&&DataTime=20240601080000;w1-Rtd=1.5,w1-Flag=N&&"
)
AT = 1_717_200_000_000


def test_a_slice_of_the_million() -> None:
    found = run(2500, seed=212)
    assert found["wrong"] == 0
    assert found["frames_taken"] > 1000
    assert found["by_the_short_way"] > 60
    assert found["readings_checked"] > 3_000
    assert found["rejects"] > 300


@pytest.mark.parametrize(
    "said",
    [
        ("m2", "w1", "2011", "Rtd", AT, 1.5, 78),
        ("m1", "w2", "2011", "Rtd", AT, 1.5, 78),
        ("m1", "w1", "2051", "Rtd", AT, 1.5, 78),
        ("m1", "w1", "2011", "Avg", AT, 1.5, 78),
        ("m1", "w1", "2011", "Rtd", AT + 1000, 1.5, 78),
        ("m1", "w1", "2011", "Rtd", AT, 15.0, 78),
        ("m1", "w1", "2011", "Rtd", AT, 1.5, 68),
    ],
)
def test_the_second_reading_sees_every_kind_of_wrong_number(
    said: tuple[str, str, str, str, int, float, int],
) -> None:
    raw = sealed(SEGMENT)
    assert complaint(raw, "m1", "w1", "2011", "Rtd", AT, 1.5, 78) == ""
    assert complaint(raw, *said)
    assert complaint(raw.replace(b"1.5", b"1.6"), "m1", "w1", "2011", "Rtd", AT, 1.6, 78)
