"""Photos from the site, kept as they came under the hash of their bytes, with a small picture for lists.

What a file is, is read from its bytes, never from its name or from what a browser calls it.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from geodata.words import Text
from twin.errors import RefusedError

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 64_000_000  # of one photo; a small file can unpack to gigabytes
SMALL = (480, 360)
MEDIA = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
NAME = re.compile(r"[0-9a-f]{64}")
TOO_LARGE = Text("照片超过 10 MB", "the photo is larger than 10 MB")
NO_PHOTO = Text("文件不是完好的 JPEG、PNG 或 WebP 照片", "the file is not a sound photo in JPEG, PNG or WebP")
TOO_MANY = Text("照片像素过多（上限 6400 万）", "the photo has more than 64 million pixels")


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo.

    Attributes
    ----------
    sha256 : str
        Of the file as it came; its name.
    media : str
        Media type, by its content.
    width, height : int
        Pixels, upright.
    taken : str
        When, by the camera's own clock ("2026:11:22 02:31:05"); empty where it does not say.
    place : tuple of float, optional
        Longitude and latitude by the camera, degrees, WGS 84.
    """

    sha256: str
    media: str
    width: int
    height: int
    taken: str = ""
    place: tuple[float, float] | None = None


def keep(folder: Path, data: bytes) -> Photo:
    """Write a photo and its small picture; the same photo again changes nothing.

    Parameters
    ----------
    folder : Path
        Where photos lie; made if need be.
    data : bytes
        The file.

    Raises
    ------
    RefusedError
        It is too large, broken, or no photo.
    """
    if len(data) > MOST_BYTES:
        raise RefusedError(TOO_LARGE)
    try:
        with Image.open(BytesIO(data), formats=tuple(MEDIA)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise RefusedError(TOO_MANY)
            media, exif = MEDIA[str(image.format)], image.getexif()
            image.load()
            upright = ImageOps.exif_transpose(image)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise RefusedError(NO_PHOTO) from error
    width, height = upright.size
    photo = Photo(hashlib.sha256(data).hexdigest(), media, width, height, _taken(exif), _place(exif))
    upright.thumbnail(SMALL)
    small = BytesIO()
    upright.convert("RGB").save(small, "JPEG", quality=80)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / f"{photo.sha256}.small", small.getvalue())
    _write(folder / photo.sha256, data)
    return photo


def found(folder: Path, name: str, *, small: bool = False) -> Path | None:
    """Return the file of a photo, or of its small picture, if it is there."""
    if not NAME.fullmatch(name):
        return None
    path = folder / (f"{name}.small" if small else name)
    return path if path.is_file() else None


def media(data: bytes) -> str:
    """Return the media type of a photo that was kept."""
    return next(
        (m for start, m in ((b"\x89PNG", "image/png"), (b"RIFF", "image/webp")) if data.startswith(start)),
        "image/jpeg",
    )


def _write(path: Path, data: bytes) -> None:
    """Put a file in its place whole, or not at all."""
    if path.exists():
        return
    half = path.with_name(f"{path.name}.{os.getpid()}.part")
    with half.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def _taken(exif: Image.Exif) -> str:
    own = exif.get_ifd(ExifTags.IFD.Exif)
    said = own.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime) or ""
    return str(said).strip("\x00 ")[:32]


def _place(exif: Image.Exif) -> tuple[float, float] | None:
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    try:
        lon = _degrees(gps[ExifTags.GPS.GPSLongitude], gps.get(ExifTags.GPS.GPSLongitudeRef) == "W")
        lat = _degrees(gps[ExifTags.GPS.GPSLatitude], gps.get(ExifTags.GPS.GPSLatitudeRef) == "S")
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (lon, lat) if -180 <= lon <= 180 and -90 <= lat <= 90 else None


def _degrees(parts: tuple[float, float, float], negative: bool) -> float:
    whole, minutes, seconds = (float(p) for p in parts)
    value = whole + minutes / 60 + seconds / 3600
    return -value if negative else value
