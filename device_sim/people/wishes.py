"""What elders ask for, when and with which wishes; drawn so that the console lives and is not flooded."""

import random
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Final

from device_sim.people.api import Json
from device_sim.people.screen import Card
from schemas.district_time import DISTRICT_TIME, today

MOST_OPEN: Final = 25
SECONDS_BETWEEN: Final = 25.0
_MOST_LATER: Final = 6
_MOST_TOMORROW: Final = 5
_NIGHT_FACTOR: Final = 2.5
_DAYTIME: Final = range(7, 21)
_ITEMS: Final = (("meal", 55), ("bath", 20), ("escort", 25))
_NEAR_MINUTES: Final = (2, 20)
_LATER_MINUTES: Final = (60, 240)
_NOTES: Final = ("老人听力不好，敲门请大声一些", "楼道灯坏了，请带手电", "饭菜请少盐", "家里有狗，先打电话")
_NOTED: Final = 0.2
_DIALECT: Final = 0.08


def seconds_to_next(rng: random.Random, now: datetime) -> float:
    """How long until somebody asks for something; longer at night."""
    awake = now.astimezone(DISTRICT_TIME).hour in _DAYTIME
    return rng.uniform(0.6, 1.4) * SECONDS_BETWEEN * (1.0 if awake else _NIGHT_FACTOR)


def draw_wish(rng: random.Random, elders: Iterable[Card], orders: Iterable[Card], now: datetime) -> Json | None:
    """The order to place for one of the elders; None when enough is open, or none of them can be served."""
    unended = list(orders)
    waiting = {order["elder"]["id"] for order in unended}
    able = [elder for elder in elders if elder["state"] == "home" and elder["id"] not in waiting]
    if len(unended) >= MOST_OPEN or not able:
        return None
    when = _draw_time(rng, unended, now)
    wish: Json = {
        "elder_id": rng.choice(able)["id"],
        "item": rng.choices([item for item, _ in _ITEMS], [share for _, share in _ITEMS])[0],
        "window_from": when.isoformat(),
    }
    if rng.random() < _NOTED:
        wish["note"] = rng.choice(_NOTES)
    if rng.random() < _DIALECT:
        wish["skills"] = ["dialect"]
    return wish


def _draw_time(rng: random.Random, unended: list[Card], now: datetime) -> datetime:
    """Most want it soon; some later in the day or tomorrow, as long as not too many such orders wait already."""
    starts = [datetime.fromisoformat(order["window_from"]) for order in unended]
    later = sum(now + timedelta(minutes=40) < start <= now + timedelta(hours=5) for start in starts)
    tomorrow = sum(start > now + timedelta(hours=5) for start in starts)
    draw = rng.random()
    if draw < 0.12 and tomorrow < _MOST_TOMORROW:
        day = today(now) + timedelta(days=1)
        return datetime.combine(day, time(rng.randint(8, 16), rng.choice((0, 15, 30, 45))), DISTRICT_TIME)
    if draw < 0.30 and later < _MOST_LATER:
        return (now + timedelta(minutes=rng.randint(*_LATER_MINUTES))).replace(second=0, microsecond=0)
    return (now + timedelta(minutes=rng.randint(*_NEAR_MINUTES))).replace(second=0, microsecond=0)
