"""Rules say where they come from; a file that cannot be used is named with what is wrong."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from twin.errors import ConfigError
from twin.quality import rules


def test_a_number_nobody_has_checked_is_not_shown_as_law() -> None:
    it = rules.load()
    numbers = (it.hour_share, it.day_share, it.month_share, it.good, it.fair, it.zero_flow, it.near)
    for rule in (*numbers, it.differs, it.standard, it.jump, it.constant, it.zero):
        assert not rule.verified
        assert "非法定" in rule.cited.zh
        assert "not law" in rule.cited.en
    assert it.day_share.value == 0.75


def test_only_marks_that_are_named_count() -> None:
    flags = np.array([ord(c) for c in "NSDCMBTF"] + [0], np.uint8)
    assert rules.load().counts(flags).tolist() == [True, *[False] * 7, True]


def test_what_an_instrument_cannot_show_is_no_measurement() -> None:
    it = rules.load()
    assert it.possible("w01001", np.array([-0.1, 7.0, 14.5])).tolist() == [False, True, False]
    assert it.possible("w01018", np.array([-0.1, 7e5, np.nan])).tolist() == [False, True, False]


def test_raw_frames_are_kept_as_long_as_the_law_asks() -> None:
    assert rules.load().keep_days == {"frames": 1827.0, "readings": 0.0}


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("value = 0.75", "value = 75", "not between 0 and 1"),
        ("[rate.good]", "[rate.best]", "good"),
        ('"*" = { low = 0.0 }', '"*" = { low = "x" }', "x"),
        ("[keep]", "[kept]", "keep"),
        ("[keep]", "[keep", "TOML"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, old: str, new: str, wrong: str) -> None:
    text = resources.files("twin").joinpath("data", "quality.toml").read_text("utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(ConfigError, match=wrong) as error:
        rules.load(path)
    assert "mine.toml" in str(error.value)
    with pytest.raises(ConfigError):
        rules.load(tmp_path / "none.toml")


def test_checks_that_people_have_written_down(tmp_path: Path) -> None:
    text = resources.files("twin").joinpath("data", "quality.toml").read_text("utf-8")
    one = '[[done]]\nstation = "S01"\nfactor = "w01018"\nat = 2026-11-20T08:00:00+08:00\npassed = false\n'
    path = tmp_path / "quality.toml"
    path.write_text(text + one, "utf-8")
    assert rules.load(path).checks == {("S01", "w01018"): (rules.Check(1_795_132_800_000, False),)}
    path.write_text(text + one.replace("+08:00", ""), "utf-8")
    with pytest.raises(ConfigError, match="zone"):
        rules.load(path)
