"""What a simulated worker proves a visit with: vital signs before it, lines ticked, pictures, as the card asks."""

import random
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from PIL import Image

from device_sim.people.screen import Card
from device_sim.people.steps import Do, Snap, Step

UNFIT: Final = 0.03
"""How many elders are not well enough for what was ordered."""
_USUAL: Final = {"sbp": 128.0, "dbp": 80.0, "hr": 76.0, "temp": 36.5, "spo2": 97.0, "rr": 16.0}
_PATCHES: Final = (12, 9)


def is_unfit(username: str, order: Card) -> bool:
    """Whether this elder's vital signs will be out of range; always the same for an order."""
    return bool(_checks(order)) and random.Random(f"{username}:{order['id']}:fit").random() < UNFIT


def measurements(username: str, order: Card, name: str, path: str) -> Iterator[Step]:
    """Measure what the item asks for, once."""
    checks = _checks(order)
    if not checks:
        return
    signs = {check["sign"]: _within(check["sign"], check["least"], check["most"]) for check in checks}
    if is_unfit(username, order):
        first = checks[0]
        signs[first["sign"]] = (first["most"] or _USUAL[first["sign"]]) * 1.2
    yield Do(f"{name} measure", f"{path}/measurements", signs, once=True)


def evidence(username: str, order: Card, name: str, path: str) -> Iterator[Step]:
    """Tick what is not ticked, take the pictures that are still asked for."""
    proof = order.get("proof") or {}
    for line in proof.get("ticks", []):
        if line["done_at"] is None:
            code = line["code"]
            yield Do(f"{name} tick {code}", f"{path}/ticks/{code}", {"done": True}, method="PUT")
    taken = len(proof.get("photos", []))
    if taken < proof.get("photos_needed", 0):
        yield Snap(f"{name} photo {taken}", f"{path}/photos", f"{username}:{order['id']}:{taken}")


def photograph(scene: str) -> bytes:
    """A small JPEG, different for each scene."""
    dice = random.Random(scene)
    patches = Image.new("RGB", _PATCHES)
    count = _PATCHES[0] * _PATCHES[1]
    patches.putdata([(dice.randrange(256), dice.randrange(256), dice.randrange(256)) for _ in range(count)])
    content = BytesIO()
    patches.resize((320, 240), Image.Resampling.BICUBIC).save(content, "JPEG", quality=80)
    return content.getvalue()


def _checks(order: Card) -> list[Card]:
    return list((order.get("proof") or {}).get("pre_checks", []))


def _within(sign: str, least: float | None, most: float | None) -> float:
    low = least if least is not None else _USUAL[sign]
    high = most if most is not None else _USUAL[sign]
    return _USUAL[sign] if low <= _USUAL[sign] <= high else round((low + high) / 2, 1)
