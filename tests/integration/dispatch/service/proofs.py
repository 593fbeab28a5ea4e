"""What workers send to prove a visit, made for tests."""

from datetime import datetime
from io import BytesIO
from random import Random

from PIL import Image

from dispatch.service import evidence, photos, pictures
from schemas.database import transaction
from tests.integration.dispatch.progress import order_in
from tests.integration.dispatch.workforce import Worker, Workforce

ALL_TICKS = ("handed_over", "still_hot")
"""The list of a meal."""


def picture(seed: int, quality: int = 85) -> bytes:
    """A photograph, different for each seed."""
    dice = Random(seed)
    small = Image.new("RGB", (12, 9))
    small.putdata([(dice.randrange(256), dice.randrange(256), dice.randrange(256)) for _ in range(12 * 9)])
    content = BytesIO()
    small.resize((320, 240), Image.Resampling.BICUBIC).save(content, "JPEG", quality=quality)
    return content.getvalue()


def send_photo(
    street: Workforce, worker: Worker, order: int, at: datetime, content: bytes, captured_at: datetime | None = None
) -> photos.Kept:
    """A worker's phone sends a photograph."""
    with transaction(street.conn) as tx:
        return photos.keep(tx, at, order, worker.account, content, pictures.read(content), captured_at)


def tick_all(street: Workforce, worker: Worker, order: int, at: datetime) -> None:
    """A worker ticks everything that a meal asks for."""
    with transaction(street.conn) as tx:
        for code in ALL_TICKS:
            evidence.tick(tx, at, order, worker.account, code, done=True)


def serving(street: Workforce, worker: Worker) -> int:
    """A meal that is being served since 40 minutes after the street's now."""
    return order_in(street, worker, "in_service")
