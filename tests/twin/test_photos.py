"""Photos are read by their bytes, kept under their hash, and refused in words."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from twin import photos
from twin.errors import RefusedError


def picture(form: str = "JPEG", size: tuple[int, int] = (800, 500), **more: object) -> bytes:
    made = BytesIO()
    Image.new("RGB", size, (40, 90, 160)).save(made, form, **more)
    return made.getvalue()


def dots(width: int, height: int) -> bytes:
    """A picture of black and white dots: quickly made, however large."""
    made = BytesIO()
    Image.new("1", (width, height)).save(made, "PNG")
    return made.getvalue()


def placed() -> Image.Exif:
    """What a telephone writes that was held upright."""
    exif = Image.Exif()
    exif[274] = 6  # turned by a quarter
    exif.get_ifd(34665)[36867] = "2026:11:22 02:31:05"
    exif.get_ifd(34853).update({1: "N", 2: (30.0, 15.0, 36.0), 3: "W", 4: (120.0, 30.0, 0.0)})
    return exif


@pytest.mark.parametrize(("form", "media"), photos.MEDIA.items())
def test_a_photo_is_kept_as_it_came(tmp_path: Path, form: str, media: str) -> None:
    data = picture(form)
    kept = photos.keep(tmp_path / "photos", data)
    assert (kept.sha256, kept.media) == (hashlib.sha256(data).hexdigest(), media)
    assert (kept.width, kept.height, kept.taken, kept.place) == (800, 500, "", None)
    path = photos.found(tmp_path / "photos", kept.sha256)
    assert path is not None
    assert path.read_bytes() == data
    assert photos.media(data) == media


def test_the_small_picture_stands_upright_and_the_camera_is_heard(tmp_path: Path) -> None:
    kept = photos.keep(tmp_path, picture(exif=placed()))
    assert (kept.width, kept.height, kept.taken) == (500, 800, "2026:11:22 02:31:05")
    assert kept.place == pytest.approx((-120.5, 30.26))
    path = photos.found(tmp_path, kept.sha256, small=True)
    assert path is not None
    with Image.open(path) as small:
        assert small.height == photos.SMALL[1]
        assert small.width < small.height


def test_the_same_photo_again_changes_nothing(tmp_path: Path) -> None:
    first = photos.keep(tmp_path, picture())
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    assert photos.keep(tmp_path, picture()) == first
    assert {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", photos.NO_PHOTO),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", photos.NO_PHOTO),
        (picture("GIF"), photos.NO_PHOTO),
        (picture()[:-400], photos.NO_PHOTO),
        (bytes(photos.MOST_BYTES + 1), photos.TOO_LARGE),
        (dots(9000, 8000), photos.TOO_MANY),
    ],
    ids=["empty", "svg", "gif", "cut off", "large", "many pixels"],
)
def test_what_is_no_photo_is_refused_and_nothing_is_written(tmp_path: Path, data: bytes, why: object) -> None:
    with pytest.raises(RefusedError) as error:
        photos.keep(tmp_path / "photos", data)
    assert error.value.text == why
    assert not (tmp_path / "photos").exists()


@given(
    st.binary(max_size=300),
    st.sampled_from([b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF____WEBP", b""]),
)
def test_no_bytes_break_it(tmp_path_factory: pytest.TempPathFactory, rest: bytes, start: bytes) -> None:
    with pytest.raises(RefusedError):
        photos.keep(tmp_path_factory.getbasetemp() / "none", start + rest)


@pytest.mark.parametrize("name", ["../records.sqlite", "a" * 63, "A" * 64, "a" * 64])
def test_only_a_hash_names_a_photo(tmp_path: Path, name: str) -> None:
    assert photos.found(tmp_path, name) is None
