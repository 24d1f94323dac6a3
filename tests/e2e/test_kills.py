"""Two hundred kills in any order and at any moment: nothing answered is lost, and no reading is doubled."""

from __future__ import annotations

import pytest

from tests.e2e import kills

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_nothing_answered_is_lost_and_nothing_is_doubled_over_two_hundred_kills() -> None:
    found = kills.run(200, seed=20)
    assert found["kills"] >= 200
    assert min(found[role] for role in ("gateway", "redis", "watch")) >= 50
    assert found["answered"] > 500
    assert found["sent_again"] > 50  # the kills did hurt
    assert (found["lost"], found["raw_lost"], found["wrong"], found["doubled"]) == (0, 0, 0, 0), found
