"""What a service worker would do next, given the phone's cards, the time and where the worker stands: pure."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from device_sim.people.answers import answer_to
from device_sim.people.api import Json
from device_sim.people.proof import evidence, is_unfit, measurements
from device_sim.people.screen import Card, Subject, about
from device_sim.people.steps import Do, Go, Seen, Step
from device_sim.people.streets import Place, distance_m

VISIT_PACE: Final = 25.0
"""How many times faster than planned a visit passes, so that a viewer sees it end."""
EARLIEST: Final = timedelta(minutes=29)
"""How long before its window a worker checks in at the earliest."""
_AT_THE_DOOR_METRES: Final = 60.0
_PAUSE_SECONDS: Final = (3.0, 12.0)
_FAILS: Final = 0.02
_UNDERWAY: Final = ("in_service", "checked_in", "en_route", "accepted")


@dataclass(frozen=True)
class Round:
    """All that a worker's decision depends on; `pace`: how many times faster than usual people are."""

    username: str
    cards: dict[Subject, dict[int, Card]]
    seen: Seen
    place: Place
    now: datetime
    clock: float
    pace: float = 1.0

    def waited(self, subject: Subject, subject_id: int, seconds: float) -> bool:
        """Whether a card has been as it is for so long."""
        return self.seen.seconds(subject, subject_id, self.clock) * self.pace >= seconds

    def here(self) -> Json:
        """The position as the phone tells it, a few metres off."""
        rng = random.Random(f"{self.username}:{self.clock:.1f}")
        lat, lon = self.place.lat + rng.gauss(0, 4e-5), self.place.lon + rng.gauss(0, 4e-5)
        return {"lat": round(lat, 6), "lon": round(lon, 6), "accuracy_m": round(rng.uniform(5, 35), 1)}


def next_steps(round_: Round) -> Iterator[Step]:
    """What to do, the most important first; the caller takes the first that is not held back."""
    yield from _answers(round_)
    for alarm in round_.cards["alarm"].values():
        yield from _respond(round_, alarm)
        return
    orders = sorted(round_.cards["order"].values(), key=_by_progress)
    for order in orders[:1]:
        yield from _serve(round_, order)


def _by_progress(order: Card) -> tuple[int, str, int]:
    """Who is being served comes first, then the earliest window."""
    return _UNDERWAY.index(order["state"]) if order["state"] in _UNDERWAY else 9, order["window_from"], order["id"]


def _answers(round_: Round) -> Iterator[Step]:
    for offer_id, offer in round_.cards["offer"].items():
        answer = answer_to(round_.username, offer) if offer["state"] == "open" else None
        if answer is None or not round_.waited("offer", offer_id, answer.after_seconds):
            continue
        key = f"{about('offer', offer_id)} answer"
        if answer.accepts:
            yield Do(key, f"/api/offers/{offer_id}/accept", once=True)
        else:
            yield Do(key, f"/api/offers/{offer_id}/decline", {"reason": answer.reason}, once=True)


def _respond(round_: Round, alarm: Card) -> Iterator[Step]:
    goal = Place.of(alarm.get("home"))
    if goal is not None and distance_m(round_.place, goal) > _AT_THE_DOOR_METRES:
        yield Go(goal)
    elif alarm["state"] == "dispatched":
        yield Do(f"{about('alarm', alarm['id'])} arrive", f"/api/alarms/{alarm['id']}/arrive")


def _serve(round_: Round, order: Card) -> Iterator[Step]:
    order_id = order["id"]
    name, path = about("order", order_id), f"/api/orders/{order_id}"
    rng = random.Random(f"{round_.username}:{order_id}:{order['state']}")
    paused = round_.waited("order", order_id, rng.uniform(*_PAUSE_SECONDS))
    may_come = round_.now >= datetime.fromisoformat(order["window_from"]) - EARLIEST
    match order["state"]:
        case "accepted" if paused and may_come:
            yield Do(f"{name} depart", f"{path}/depart")
        case "en_route":
            yield from _arrive(round_, order, name, path, rng, may_come)
        case "checked_in" if paused:
            yield from measurements(round_.username, order, name, path)
            yield Do(f"{name} begin", f"{path}/begin")
            if is_unfit(round_.username, order):
                yield Do(f"{name} fail", f"{path}/fail", {"reason": "unfit", "note": "血压偏高，已建议就医"})
        case "in_service":
            if paused:
                yield from evidence(round_.username, order, name, path)
            if round_.waited("order", order_id, order["item"]["duration_minutes"] * 60 / VISIT_PACE):
                yield Do(f"{name} complete", f"{path}/complete", round_.here())


def _arrive(round_: Round, order: Card, name: str, path: str, rng: random.Random, may_come: bool) -> Iterator[Step]:
    goal = Place.of(order["home"]) or round_.place
    if distance_m(round_.place, goal) > _AT_THE_DOOR_METRES:
        yield Go(goal)
    elif may_come and rng.random() < _FAILS:
        yield Do(f"{name} fail", f"{path}/fail", {"reason": "elder_absent", "note": "敲门无人应答，电话未接"})
    elif may_come:
        yield Do(f"{name} check-in", f"{path}/check-in", round_.here())
