"""Why another enterprise leads than before, and when that is clear enough to be told."""

from __future__ import annotations

from collections.abc import Mapping

from geodata.words import Text
from twin.model import Change, Ranking, Suspect

CLEAR = 0.1  # by which a new leader must be likelier than the old one to be told at once

EVIDENCE: dict[str, Text] = {
    "reach": Text("水流可达性", "which stations its water reaches"),
    "onset": Text("到达时间", "the times of arrival"),
    "clean": Text("应报未报的站点", "stations that stayed normal"),
    "shape": Text("过程线形状与总量", "how high and how long the rises are"),
    "fingerprint": Text("水质指纹", "the make-up of the water"),
    "meter": Text("排口自有仪表", "the outlet's own meter"),
    "slot": Text("共用管时段", "the hours on the shared pipe"),
    "permit": Text("许可因子", "the factors it is known for"),
    "sample": Text("采样结果", "the result of a sample"),
}


def leader(ranking: Ranking) -> str:
    """Return who leads; "" where nobody is listed."""
    return ranking.suspects[0].enterprise if ranking.suspects else ""


def clear(old: Ranking, new: Ranking) -> bool:
    """Tell whether a new ranking may be shown at once: the same leader, or one that leads by enough.

    A lead that changes to and fro within noise is no news: such a change must be found twice. What a
    sample, or another version of the park, has changed is told at once.
    """
    if leader(old) in ("", leader(new)) or old.park_version != new.park_version:
        return True
    if (new.basis.results if new.basis else ()) != (old.basis.results if old.basis else ()):
        return True
    before = next((s.probability for s in new.suspects if s.enterprise == leader(old)), 0.0)
    return new.suspects[0].probability - before >= CLEAR if new.suspects else True


def explain(old: Ranking, new: Ranking, names: Mapping[str, Text]) -> Change | None:
    """Say which evidence made another enterprise lead; None where the leader is the same.

    Parameters
    ----------
    names : mapping of str to Text
        Of enterprises.
    """
    before, after = leader(old), leader(new)
    if not before or not after or before == after:
        return None
    shift = _by_kind(new, after, before)
    for kind, nats in _by_kind(old, after, before).items():
        shift[kind] = shift.get(kind, 0.0) - nats
    kind = max(sorted(shift), key=lambda k: shift[k]) if shift else "onset"
    said = _said(new, after, before, kind)
    text = Text(
        "首位由{before}变为{after}：主要因为{why}{said}",
        "{after} leads instead of {before}, mostly because of {why}{said}",
    ).fill(
        before=names.get(before, Text(before, before)),
        after=names.get(after, Text(after, after)),
        why=EVIDENCE.get(kind, Text("新的读数", "new readings")),
        said=Text("（{s}）", " ({s})").fill(s=said) if said else Text("", ""),
    )
    return Change(before, after, kind, text)


def _of(ranking: Ranking, enterprise: str) -> Suspect | None:
    return next((s for s in ranking.suspects if s.enterprise == enterprise), None)


def _by_kind(ranking: Ranking, after: str, before: str) -> dict[str, float]:
    """Return by how much each kind of evidence prefers one enterprise to another."""
    total: dict[str, float] = {}
    for sign, who in ((1.0, _of(ranking, after)), (-1.0, _of(ranking, before))):
        for reason in who.reasons if who else ():
            total[reason.kind] = total.get(reason.kind, 0.0) + sign * reason.nats
    return total


def _said(ranking: Ranking, after: str, before: str, kind: str) -> Text | None:
    """Return the sentence that tells most: for the new leader, or against the old one."""
    told = []
    for sign, who in ((1.0, _of(ranking, after)), (-1.0, _of(ranking, before))):
        told += [(sign * r.nats, r.text) for r in (who.reasons if who else ()) if r.kind == kind]
    return max(told, key=lambda t: t[0])[1] if told else None
