"""A change of leader is told once it is clear, with the evidence that made it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from geodata.words import Text
from twin.model import Basis, Ranking, Reason, Suspect
from twin.trace.change import clear, explain, leader

AT = datetime(2026, 11, 22, tzinfo=UTC)
BASIS = Basis(("S01",), ("w01018",), AT, AT, AT, "r", "p")
NAMES = {"E01": Text("甲", "One"), "E02": Text("乙", "Two")}


def ranking(**chances: float) -> Ranking:
    order = sorted(chances, key=lambda e: -chances[e])
    suspects = tuple(Suspect(e, chances[e], "", (), (), AT, AT) for e in order)
    return Ranking("EV-1", AT, suspects, 0.05, (), (), "v", "c", 1, basis=BASIS)


def because(found: Ranking, **reasons: list[tuple[str, float]]) -> Ranking:
    told = {
        e: tuple(Reason(kind, nats, Text(f"{e}{kind}", f"{e} {kind}")) for kind, nats in said)
        for e, said in reasons.items()
    }
    return replace(
        found, suspects=tuple(replace(s, reasons=told.get(s.enterprise, ())) for s in found.suspects)
    )


def test_a_narrow_lead_waits_and_a_clear_one_does_not() -> None:
    old = ranking(E01=0.5, E02=0.45)
    assert clear(old, ranking(E01=0.46, E02=0.44))
    assert not clear(old, ranking(E01=0.46, E02=0.49))
    assert clear(old, ranking(E01=0.3, E02=0.65))


def test_a_sample_is_told_at_once() -> None:
    old, new = ranking(E01=0.5, E02=0.45), ranking(E01=0.46, E02=0.49)
    assert clear(old, replace(new, basis=replace(BASIS, results=("B1/w01018",))))


def test_the_evidence_that_moved_most_is_named() -> None:
    old = because(ranking(E01=0.6, E02=0.3), E01=[("onset", 1.0), ("reach", 2.0)], E02=[("reach", 2.0)])
    new = because(ranking(E01=0.2, E02=0.7), E01=[("onset", -2.0), ("reach", 2.0)], E02=[("reach", 2.2)])
    found = explain(old, new, NAMES)
    assert found is not None
    assert (found.before, found.after, found.kind) == ("E01", "E02", "onset")
    assert found.text.en == "Two leads instead of One, mostly because of the times of arrival (E01 onset)"
    assert found.text.zh == "首位由甲变为乙：主要因为到达时间（E01onset）"
    assert explain(old, ranking(E01=0.9), NAMES) is None
    assert leader(new) == "E02"
