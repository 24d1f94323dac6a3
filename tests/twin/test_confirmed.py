"""Who people found it was: kept with grounds, the last one counts, and what it says of a past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from geodata.words import Text
from tests.twin.parks import tiny_park
from twin import confirmed, evidence
from twin.errors import RefusedError
from twin.model import Incident, IncidentState, Level
from twin.records import Records

PARK = tiny_park()
T0 = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    book = Records(f"sqlite:///{tmp_path / 'r.sqlite'}")
    book.create()
    one = Incident("EV-1", T0, IncidentState.OPEN, Level.ALARM, Text("甲", "A"), (), (), (), T0)
    for n in (1, 2, 3):
        book.put_incident(replace(one, id=f"EV-{n}", drill=n == 3))
    yield book
    book.close()


def say(records: Records, n: int, who: str, later: int = 0) -> confirmed.Source:
    at = T0 + later * MINUTE
    return confirmed.confirm(records, PARK, f"EV-{n}", who, "现场发现暗管", "duty", at)


def test_the_last_word_counts_and_none_is_removed(records: Records) -> None:
    first, second = say(records, 1, "E01"), say(records, 1, "E02", later=5)
    assert confirmed.of(records, "EV-1") == [second, first]
    assert confirmed.before(records, "EV-2", drill=False) == {"E02": 1}
    lines = [a for a in records.audits("EV-1") if a.what == confirmed.CONFIRMED]
    assert [a.detail.zh for a in reversed(lines)] == [
        f"查实来源为 {PARK.enterprise(who).name.zh}：现场发现暗管" for who in ("E01", "E02")
    ]
    sealed = evidence.gather(records, "EV-1", "v", "duty", T0)
    assert sealed.sources == (first, second)
    assert evidence.opened(evidence.seal(sealed)) == sealed


def test_an_incident_says_nothing_of_itself_and_an_exercise_only_of_exercises(records: Records) -> None:
    say(records, 1, "E01")
    say(records, 2, confirmed.UNLISTED)
    say(records, 3, "E03")
    assert confirmed.before(records, "EV-1", drill=False) == {}
    assert confirmed.before(records, "EV-2", drill=False) == {"E01": 1}
    assert confirmed.before(records, "EV-2", drill=True) == {"E03": 1}


@pytest.mark.parametrize(
    ("incident", "who", "grounds", "why"),
    [
        ("EV-9", "E01", "x", confirmed.NO_INCIDENT),
        ("EV-1", "E99", "x", confirmed.NOBODY),
        ("EV-1", "", "x", confirmed.NOBODY),
        ("EV-1", "E01", "  ", confirmed.NO_GROUNDS),
    ],
)
def test_what_cannot_be_true_or_has_no_grounds_is_refused(
    records: Records, incident: str, who: str, grounds: str, why: Text
) -> None:
    with pytest.raises(RefusedError) as refused:
        confirmed.confirm(records, PARK, incident, who, grounds, "duty", T0)
    assert refused.value.text == why
    assert confirmed.of(records, incident) == []
