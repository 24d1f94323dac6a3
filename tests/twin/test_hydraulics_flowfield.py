"""The stored flow field is what the engine gives."""

import math

import pytest

from tests.geodata.parks import demo_park
from twin.hydraulics.flowfield import wetted_area, with_flow_field

pytestmark = pytest.mark.slow  # runs the hydraulic engine


def test_shipped_field_is_the_engines() -> None:
    park = demo_park()
    made = with_flow_field(park)
    for column, slack in (("flow_m3s", 0.05), ("velocity_ms", 0.01), ("depth_m", 0.01), ("reversal", 0.01)):
        assert (made.links[column] - park.links[column]).abs().max() < slack, column


@pytest.mark.parametrize(
    ("shape", "height", "width", "side", "depth", "area"),
    [
        ("trapezoid", 4.0, 10.0, 1.5, 2.0, 26.0),
        ("circular", 1.0, 1.0, 0.0, 0.5, math.pi / 8),
        ("circular", 1.0, 1.0, 0.0, 1.0, math.pi / 4),
        ("rectangle", 1.5, 8.0, 0.0, 3.0, 12.0),
        ("trapezoid", 4.0, 10.0, 1.5, 0.0, 0.0),
    ],
)
def test_wetted_area(shape: str, height: float, width: float, side: float, depth: float, area: float) -> None:
    assert wetted_area(shape, height, width, side, depth) == pytest.approx(area)
