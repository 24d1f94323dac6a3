"""A note in the timeline: who may write, what is kept, and what is told when it cannot be."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callbacks import dossier, notes_form, timeline
from callbacks.signing import Outcome, Signature
from geodata.words import Text
from tests.callbacks import story
from tests.callbacks.test_emergency import Stream
from tests.callbacks.words import text
from tests.twin.test_photos import picture
from twin import evidence, notes, photos


@pytest.fixture
def web(told: story.Story, tmp_path: Path) -> Iterator[Any]:
    with story.book(tmp_path) as (records, access):
        story.put(records, told)
        yield SimpleNamespace(
            stream=Stream(told), records=records, access=access, config=SimpleNamespace(data=tmp_path)
        )


def sent(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def press(
    web: Any, told: story.Story, words: str = "井盖已开，水发红", photo: str = "", who: str = "duty"
) -> Outcome:
    mark = Signature(who, f"demo-{who}", "")
    return notes_form.press(web, words, photo, told.incident.id, mark, None, story.NOW)


def test_a_note_with_a_photo_is_on_the_timeline_once_and_in_the_evidence(web: Any, told: story.Story) -> None:
    data = picture()
    outcome = press(web, told, photo=sent(data))
    assert outcome.done, outcome.text
    (note,) = notes.of(web.records, told.incident.id)
    assert note.photo is not None
    assert (note.by, note.text, note.photo.width) == ("duty", "井盖已开，水发红", 800)
    kept = photos.found(web.config.data / "photos", note.photo.sha256)
    assert kept is not None
    assert kept.read_bytes() == data
    case = dossier.of(web.records, told.incident)
    lines = timeline.lines(
        case.incident,
        anomalies=(),
        rankings=(),
        planset=None,
        whatifs=(),
        commands=(),
        audits=case.audits,
        notes=case.notes,
        users={"duty": Text("李泽远", "Li Zeyuan")},
        names={},
        stations={},
    )
    (mine,) = [line for line in lines if "水发红" in line.text.zh]
    assert (mine.text.zh, mine.photo) == ("李泽远　井盖已开，水发红", note.photo.sha256)
    shown = str(timeline.show(lines, story.NOW, "zh"))
    assert f"/photos/{note.photo.sha256}/small" in shown
    assert "水发红" in text(timeline.show(lines, story.NOW, "zh"))
    sealed = evidence.gather(web.records, told.incident.id, "v", "duty", story.NOW)
    assert sealed.notes == (note,)
    assert evidence.opened(evidence.seal(sealed)) == sealed
    assert note.photo.sha256[:12] in next(a for a in sealed.audits if a.what == notes.ADDED).detail.en


def test_notes_keep_their_order_and_their_own_numbers(web: Any, told: story.Story) -> None:
    assert press(web, told, "一").done
    assert press(web, told, "二", who="office").done
    assert {n.text: n.by for n in notes.of(web.records, told.incident.id)} == {"一": "duty", "二": "office"}


@pytest.mark.parametrize(
    ("words", "photo", "who", "says"),
    [
        ("", "", "duty", notes.NOTHING.zh),
        ("x", sent(b"no photo"), "duty", photos.NO_PHOTO.zh),
        ("x", "data:image/png;base64,***", "duty", photos.NO_PHOTO.zh),
        ("x", "x" * 20_000_000, "duty", photos.TOO_LARGE.zh),
        ("x", "", "viewer", "无权"),
        ("x", "", "nobody", "账号或口令不对"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(
    web: Any, told: story.Story, words: str, photo: str, who: str, says: str
) -> None:
    outcome = press(web, told, words, photo, who)
    assert not outcome.done
    assert says in outcome.text.zh
    assert notes.of(web.records, told.incident.id) == []


def test_no_note_about_an_incident_that_is_not(web: Any) -> None:
    mark = Signature("duty", "demo-duty", "")
    assert not notes_form.press(web, "x", "", "EV-none", mark, None, story.NOW).done


def test_a_reader_who_is_signed_in_types_no_password(web: Any, told: story.Story) -> None:
    for who, may in (("duty", True), ("viewer", False)):
        reader = web.access.authenticate(who, f"demo-{who}")
        outcome = notes_form.press(web, who, "", told.incident.id, Signature("", "", ""), reader, story.NOW)
        assert outcome.done is may
    assert [n.by for n in notes.of(web.records, told.incident.id)] == ["duty"]
