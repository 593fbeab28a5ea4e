"""What comes in as a photograph: files that are none, bombs, what cameras write, and how a picture is known again."""

import random
import struct
import zlib
from datetime import UTC, datetime
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from dispatch.refusals import Refused
from dispatch.service.pictures import LARGEST_BYTES, SHOWN_SIDE, bits_apart, read, shown

SIGNED = st.integers(-(2**63), 2**63 - 1)


def scene(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A picture of coloured patches, different for each seed."""
    rng = random.Random(seed)
    small = Image.new("RGB", (12, 9))
    small.putdata([(rng.randrange(256), rng.randrange(256), rng.randrange(256)) for _ in range(12 * 9)])
    return small.resize(size, Image.Resampling.BICUBIC)


def file_of(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    content = BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def with_exif(image: Image.Image, written: str, offset: str | None = None) -> bytes:
    exif = Image.Exif()
    taken = exif.get_ifd(ExifTags.IFD.Exif)
    taken[ExifTags.Base.DateTimeOriginal] = written
    if offset is not None:
        taken[ExifTags.Base.OffsetTimeOriginal] = offset
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitude], place[ExifTags.GPS.GPSLatitudeRef] = (29.0, 48.0, 36.0), "N"
    place[ExifTags.GPS.GPSLongitude], place[ExifTags.GPS.GPSLongitudeRef] = (106.0, 24.0, 0.0), "E"
    return file_of(image, exif=exif)


def code_of(content: bytes) -> str:
    with pytest.raises(Refused) as refused:
        read(content)
    return refused.value.code


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_read_in_each_kind_of_file(kind: str) -> None:
    picture = read(file_of(scene(1), kind))
    assert (picture.width, picture.height, picture.exif_at) == (640, 480, None)
    assert picture.perceptual is not None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture at all",
        "照片".encode(),
        b"\xff\xd8\xff\xe0" + bytes(2000),
        file_of(scene(2))[:3000],
        file_of(scene(2), "GIF"),
        file_of(scene(2), "BMP"),
        b"<svg xmlns='http://www.w3.org/2000/svg' width='100' height='100'/>",
        file_of(scene(2).resize((10, 10))),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    assert code_of(content) == "not_a_picture"


def test_a_file_of_three_megabytes_is_refused_before_it_is_looked_at() -> None:
    assert code_of(bytes(LARGEST_BYTES + 1)) == "photo_too_large"


def _png(width: int, height: int) -> bytes:
    """A PNG of one colour, written by hand: nothing of its size is held in memory."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    lines = b"".join(packer.compress(bytes(1 + width // 8)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [5_008, 40_000])
def test_a_small_file_that_would_unfold_to_millions_of_points_is_refused(side: int) -> None:
    bomb = _png(side, side)
    assert len(bomb) < LARGEST_BYTES
    assert code_of(bomb) == "not_a_picture"


def test_what_the_camera_wrote_is_read_and_shown_to_nobody() -> None:
    content = with_exif(scene(3), "2026:11:22 09:30:00")
    picture = read(content)
    assert picture.exif_at == datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
    assert (round(picture.exif_lat or 0, 4), round(picture.exif_lon or 0, 4)) == (29.81, 106.4)
    bare = shown(content)
    again = read(bare)
    assert (again.exif_at, again.exif_lat, again.exif_lon) == (None, None, None)
    assert b"Exif" not in bare


def test_a_cameras_offset_counts_and_nonsense_does_not() -> None:
    assert read(with_exif(scene(4), "2026:11:22 09:30:00", "+01:00")).exif_at == datetime(
        2026, 11, 22, 8, 30, tzinfo=UTC
    )
    for nonsense in ("yesterday", "2026:99:99 00:00:00", "0000:00:00 00:00:00", ""):
        assert read(with_exif(scene(4), nonsense)).exif_at is None


def test_a_large_picture_is_shown_smaller_and_upright() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    content = file_of(scene(5, (1600, 1000)), exif=exif)
    picture = read(content)
    assert (picture.width, picture.height) == (1000, 1600)
    with Image.open(BytesIO(shown(content))) as image:
        assert (image.format, image.size) == ("JPEG", (800, SHOWN_SIDE))


def test_the_same_picture_is_known_again_after_it_was_sent_on_and_another_is_not() -> None:
    first = read(file_of(scene(6), quality=92))
    sent_on = read(file_of(scene(6).resize((480, 360)), quality=60))
    other = read(file_of(scene(7)))
    assert first.sha256 != sent_on.sha256
    assert first.perceptual is not None and sent_on.perceptual is not None and other.perceptual is not None
    assert bits_apart(first.perceptual, sent_on.perceptual) <= 3
    assert bits_apart(first.perceptual, other.perceptual) > 10


def test_a_picture_of_nothing_is_like_no_other() -> None:
    assert read(file_of(Image.new("RGB", (640, 480), (20, 20, 20)))).perceptual is None


@given(SIGNED, SIGNED, SIGNED)
def test_the_distance_of_hashes_is_one(one: int, other: int, third: int) -> None:
    assert bits_apart(one, one) == 0
    assert 0 <= bits_apart(one, other) == bits_apart(other, one) <= 64
    assert bits_apart(one, third) <= bits_apart(one, other) + bits_apart(other, third)


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_a_refusal(content: bytes) -> None:
    try:
        read(content)
    except Refused as refused:
        assert refused.code == "not_a_picture"
