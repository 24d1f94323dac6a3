"""Warm starts of the demo's water, kept between tests: named by the park's version, and slow to make."""

from __future__ import annotations

import tempfile
from pathlib import Path

SHARED = Path(tempfile.gettempdir()) / "twin-test-warm"


def share(data: Path) -> None:
    """Let a data folder use the kept warm starts."""
    (SHARED / "warm").mkdir(parents=True, exist_ok=True)
    data.mkdir(parents=True, exist_ok=True)
    (data / "warm").symlink_to(SHARED / "warm")
