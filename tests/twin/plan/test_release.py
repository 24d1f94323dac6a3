"""The release that is simulated has the mass and the length that the evidence tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from geodata.places import Park
from tests.twin.parks import tiny_park
from twin.model import Suspect
from twin.plan.release import release

AT = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def park() -> Park:
    return tiny_park()


def suspect(**changes: object) -> Suspect:
    given = {
        "enterprise": "E01",
        "probability": 0.8,
        "outlet": "E01-YS001",
        "reasons": (),
        "path": ("LN1", "LN2"),
        "release_from": AT - timedelta(minutes=90),
        "release_to": AT - timedelta(minutes=50),
        "strength_kg": 120.0,
        "strength_of": "w01018",
    }
    return Suspect(**(given | changes))  # type: ignore[arg-type]


def test_a_release_has_the_told_mass_and_goes_on_if_it_was_still_seen(park: Park) -> None:
    factor, over = release(park, suspect(), AT)
    assert factor == "w01018"
    assert over.node == "N1"
    assert over.duration_s == 2400
    assert over.flow_m3s * over.mg_l["COD"] * over.duration_s / 1000 == pytest.approx(120.0)
    _, still = release(park, suspect(release_to=AT - timedelta(minutes=5)), AT)
    assert still.duration_s == 120 * 60
    assert still.flow_m3s * still.mg_l["COD"] * still.duration_s / 1000 == pytest.approx(120 * 120 / 85)


def test_a_strength_in_a_factor_the_engine_does_not_carry_is_told_in_cod(park: Park) -> None:
    assert release(park, suspect(strength_of="w23002"), AT)[0] == "w01018"
    assert release(park, suspect(strength_of="w21017"), AT)[1].mg_l["F"] > 0
