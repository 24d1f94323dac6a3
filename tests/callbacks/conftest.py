"""What the tests of the pages share."""

from __future__ import annotations

import pytest

from tests.callbacks import story


@pytest.fixture(scope="session")
def told() -> story.Story:
    """The incident every page is shown with; nobody changes it."""
    return story.story()
