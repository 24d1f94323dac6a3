"""What is on record reads as words: every act the program writes down has its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from callbacks import audit_words
from geodata.words import LANGS, Text
from twin.model import CommandState

ROOT = Path(__file__).parents[2]


def written() -> set[str]:
    """Every act that is a literal where a line is written down."""
    found = set()
    for path in (p for name in ("callbacks", "twin") for p in (ROOT / name).rglob("*.py")):
        source = path.read_text("utf-8")
        if "AuditLine(" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AuditLine":
                act = node.args[2]
                found |= {
                    n.value for n in ast.walk(act) if isinstance(n, ast.Constant) and "." in str(n.value)
                }
    return {str(act) for act in found if not str(act).endswith(".") and not str(act).startswith(".")}


@pytest.mark.parametrize("lang", LANGS)
def test_every_act_has_words(lang: str) -> None:
    acts = written() | {f"command.{state}" for state in CommandState}
    assert len(acts) > 20
    assert {act for act in acts if audit_words.said(act, lang) == act} == set()


def test_an_attempt_says_that_it_was_one() -> None:
    assert audit_words.said("park.version.refused", "en") == "saved a version of the park: not permitted"
    assert audit_words.said("fingerprints.changed.failed", "zh") == "更新指纹库：口令不对"
    assert audit_words.said("from.elsewhere", "zh") == "from.elsewhere"


def test_who_acted_is_a_person_or_a_program() -> None:
    people = {"duty": Text("李泽远", "Li Zeyuan")}
    assert audit_words.named("duty", people, "en") == "Li Zeyuan"
    assert audit_words.named("control", people, "zh") == "闸门控制程序"
    assert audit_words.named("somebody", people, "zh") == "somebody"
