"""A photograph as evidence: whether it is one, what its camera wrote into it, and how it is known again. Pure."""

import hashlib
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from itertools import pairwise
from typing import Any, Final

from PIL import ExifTags, Image, ImageOps, ImageStat, UnidentifiedImageError

from dispatch.refusals import Refused
from schemas.district_time import DISTRICT_TIME

LARGEST_BYTES: Final = 2 * 1024 * 1024
MOST_PIXELS: Final = 25_000_000
"""A file of two megabytes can unfold to far more than a phone's camera takes."""
LEAST_SIDE: Final = 64
SHOWN_SIDE: Final = 1280
"""Pixels of the longer side of what people are shown."""
FORMATS: Final = ("JPEG", "PNG", "WEBP")
MEDIA_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/webp"})
FEATURELESS: Final = 6.0
"""A picture whose brightness spreads by less than this (of 255) shows a wall or a pocket: many are alike."""
_HASH_SIDE: Final = 8


@dataclass(frozen=True)
class Picture:
    """What is known of a photograph: `perceptual` is a difference hash of 64 bits as a signed number, None when there
    is nothing to recognise; time and position (degrees) are the camera's."""

    sha256: bytes
    perceptual: int | None
    width: int
    height: int
    exif_at: datetime | None
    exif_lat: float | None
    exif_lon: float | None


def read(content: bytes) -> Picture:
    """Look at an uploaded file. Raises Refused photo_too_large, not_a_picture."""
    image = _opened(content)
    at, lat, lon = _told_by_camera(image)
    grey = _upright(image).convert("L")
    return Picture(
        sha256=hashlib.sha256(content).digest(),
        perceptual=_difference_hash(grey),
        width=grey.width,
        height=grey.height,
        exif_at=at,
        exif_lat=lat,
        exif_lon=lon,
    )


def shown(content: bytes) -> bytes:
    """The picture as others are shown it: a JPEG without anything that the camera wrote into the file.

    Raises Refused not_a_picture.
    """
    image = _upright(_opened(content)).convert("RGB")
    image.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    clean = BytesIO()
    # A new image carries over neither EXIF, nor comments, nor colour profiles.
    bare = Image.new("RGB", image.size)
    bare.paste(image)
    bare.save(clean, "JPEG", quality=85)
    return clean.getvalue()


def bits_apart(one: int, other: int) -> int:
    """In how many of their 64 bits two perceptual hashes differ."""
    return ((one ^ other) & (2**64 - 1)).bit_count()


def _opened(content: bytes) -> Image.Image:
    if len(content) > LARGEST_BYTES:
        raise Refused("photo_too_large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image = Image.open(BytesIO(content), formats=FORMATS)
            if image.width * image.height > MOST_PIXELS or min(image.size) < LEAST_SIDE:
                raise Refused("not_a_picture")
            image.load()
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        MemoryError,
        Image.DecompressionBombError,
        Warning,
    ) as error:
        raise Refused("not_a_picture") from error
    return image


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (OSError, ValueError, SyntaxError, TypeError, KeyError):
        return image


def _difference_hash(grey: Image.Image) -> int | None:
    if ImageStat.Stat(grey).stddev[0] < FEATURELESS:
        return None
    small = grey.resize((_HASH_SIDE + 1, _HASH_SIDE), Image.Resampling.LANCZOS)
    levels = small.tobytes()
    bits = 0
    for y in range(_HASH_SIDE):
        line = levels[y * (_HASH_SIDE + 1) : (y + 1) * (_HASH_SIDE + 1)]
        for left, right in pairwise(line):
            bits = bits << 1 | (left < right)
    return bits - 2**64 if bits >= 2**63 else bits


def _told_by_camera(image: Image.Image) -> tuple[datetime | None, float | None, float | None]:
    """When and where, as far as the file says it in a form that makes sense; anything can stand there."""
    try:
        exif = image.getexif()
        taken = exif.get_ifd(ExifTags.IFD.Exif)
        at = _moment(
            taken.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime),
            taken.get(ExifTags.Base.OffsetTimeOriginal),
        )
        gps: dict[int, Any] = exif.get_ifd(ExifTags.IFD.GPSInfo)
        lat = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), "S", 90)
        lon = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), "W", 180)
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, ZeroDivisionError, OverflowError):
        return None, None, None
    return (at, lat, lon) if lat is not None and lon is not None else (at, None, None)


def _moment(written: object, offset: object) -> datetime | None:
    """A camera's `2026:11:22 09:30:00`; without an offset it is the district's time."""
    if not isinstance(written, str):
        return None
    try:
        local = datetime.strptime(written.strip("\x00 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=DISTRICT_TIME)
        if isinstance(offset, str) and len(offset.strip("\x00 ")) == len("+08:00"):
            local = datetime.strptime(f"{written.strip()}{offset.strip()}", "%Y:%m:%d %H:%M:%S%z")
    except ValueError:
        return None
    return local.astimezone(UTC) if 1 < local.year < 9999 else None


def _degrees(parts: Any, reference: object, negative: str, most: float) -> float | None:
    if parts is None or len(parts) != 3:
        return None
    degrees, minutes, seconds = (float(part) for part in parts)
    value = degrees + minutes / 60 + seconds / 3600
    if not 0 <= value <= most:
        return None
    return -value if reference == negative else value
