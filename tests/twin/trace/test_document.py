"""The worked example of docs/tracing.md prints what the page says it prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "tracing.md"


def test_the_worked_example_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = re.findall(r"```(?:python)?\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    exec(compile(code, str(PAGE), "exec"), {})
    said = capsys.readouterr().out
    assert re.sub(r"[\d.]+", "", said) == re.sub(r"[\d.]+", "", told)
    assert numbers(said) == pytest.approx(numbers(told), abs=0.03)


def numbers(text: str) -> list[float]:
    return [float(x) for x in re.findall(r"\d+(?:\.\d+)?", text)]
