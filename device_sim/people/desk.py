"""What an operator would do next, given the board and the time: pure."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from device_sim.people.screen import Card, Subject, about
from device_sim.people.steps import Do, Seen, Step
from schemas.states import FalseAlarmCause, Outcome


@dataclass(frozen=True)
class Manner:
    """How quickly an operator reacts, in seconds; a share of the alarms is expected to be answered by this one."""

    soonest: float
    latest: float
    share: float


QUICK: Final = Manner(9, 38, 0.6)
SLOW: Final = Manner(32, 85, 0.4)
TAKE_OVER_SECONDS: Final = 110.0
"""An alarm that the other operator leaves alone for so long is anybody's."""
_TALK_SECONDS: Final = (8.0, 25.0)
_NOTE_SHARE: Final = 0.4
_SENT_SHARE: Final = {"emergency": 0.85, "urgent": 0.4}
_ON_SCENE_SECONDS: Final = (25.0, 90.0)
_BY_PHONE_SECONDS: Final = (30.0, 100.0)
_SEARCH_AGAIN_SECONDS: Final = 75.0
_CANCEL_SECONDS: Final = 200.0
_CALLED_BACK: Final = {"call_back": "well", "missed_call": "well", "visit_call_back": "took_place"}
"""What whoever is called says."""
_CALL_BACK_SECONDS: Final = (300.0, 900.0)
_NOTES: Final = (
    "已电话联系，老人意识清楚",
    "通话中老人说头晕，已嘱咐坐下休息",
    "电话无人接听，已联系家属",
    "邻居代为查看，情况平稳",
)
_BY_PHONE: Final[tuple[Outcome, ...]] = ("helped_by_phone", "false_alarm", "family_attended")
_CAUSES: Final[dict[str, tuple[FalseAlarmCause, ...]]] = {
    "sos": ("pressed_by_mistake", "visitor_or_pet"),
    "fall": ("not_a_fall", "taken_off"),
    "vitals": ("measured_wrongly", "taken_off"),
    "smoke": ("cooking_or_steam",),
    "gas": ("cooking_or_steam",),
    "leak": ("cleaning_or_repairs",),
}
_ON_SCENE: Final[tuple[Outcome, ...]] = ("helped_on_site", "helped_on_site", "ambulance_called", "no_answer_visited")


@dataclass(frozen=True)
class Desk:
    """All that an operator's decision depends on; `ours`: the accounts of the simulated operators."""

    manner: Manner
    ours: frozenset[int]
    cards: dict[Subject, dict[int, Card]]
    seen: Seen
    clock: float
    pace: float = 1.0

    def waited(self, subject: Subject, subject_id: int, seconds: float) -> bool:
        """Whether a card has been as it is for so long."""
        return self.seen.seconds(subject, subject_id, self.clock) * self.pace >= seconds


def next_steps(desk: Desk) -> Iterator[Step]:
    """What to do, alarms first, the oldest first; the caller takes the first that is not held back."""
    for alarm in sorted(desk.cards["alarm"].values(), key=lambda card: int(card["id"])):
        if _is_ours(desk, alarm["acknowledged_by"]):
            yield from _alarm_steps(desk, alarm)
    for order in sorted(desk.cards["order"].values(), key=lambda card: int(card["id"])):
        if order["requested_by"] is not None and _is_ours(desk, order["requested_by"]) and _is_mine(desk, order):
            yield from _order_steps(desk, order)
    for task in sorted(desk.cards["task"].values(), key=lambda card: int(card["id"])):
        if not task["for_supervisor"] and _is_ours(desk, task["taken_by"]) and _is_mine(desk, task):
            yield from _task_steps(desk, task)


def _is_ours(desk: Desk, person: Card | None) -> bool:
    """Nobody's yet, or one of ours: what somebody at the console has begun is left to them."""
    return person is None or person["id"] in desk.ours


def _is_mine(desk: Desk, card: Card) -> bool:
    rng = random.Random(f"anban-beibei:desk:{card['id']}")
    return (rng.random() < QUICK.share) == (desk.manner is QUICK)


def _draw(card: Card, about_what: str) -> random.Random:
    return random.Random(f"anban-beibei:{about_what}:{card['id']}")


def _alarm_steps(desk: Desk, alarm: Card) -> Iterator[Step]:
    alarm_id, state = alarm["id"], alarm["state"]
    mine = _is_mine(desk, alarm)
    if not mine and not desk.waited("alarm", alarm_id, TAKE_OVER_SECONDS):
        return
    name, path = about("alarm", alarm_id), f"/api/alarms/{alarm_id}"
    match state:
        case "raised":
            delay = _draw(alarm, "answer").uniform(desk.manner.soonest, desk.manner.latest)
            if desk.waited("alarm", alarm_id, delay):
                yield Do(f"{name} acknowledge", f"{path}/acknowledge")
        case "acknowledged":
            yield from _talk(desk, alarm, name, path)
        case "on_scene" if desk.waited("alarm", alarm_id, _draw(alarm, "on-scene").uniform(*_ON_SCENE_SECONDS)):
            yield _resolve(alarm, name, path, _draw(alarm, "outcome").choice(_ON_SCENE))


def _talk(desk: Desk, alarm: Card, name: str, path: str) -> Iterator[Step]:
    rng = _draw(alarm, "talk")
    talked = desk.waited("alarm", alarm["id"], rng.uniform(*_TALK_SECONDS))
    if talked and rng.random() < _NOTE_SHARE:
        yield Do(f"{name} note", f"{path}/notes", {"text": rng.choice(_NOTES)}, once=True)
    if alarm["is_test"]:
        if talked:
            yield _resolve(alarm, name, path, "test_call")
        return
    response = (alarm.get("response") or {}).get("state")
    sends = rng.random() < _SENT_SHARE.get(alarm["severity"], 0.0)
    if sends and response is None:
        if talked:
            yield Do(f"{name} dispatch", f"{path}/dispatch", once=True)
    elif response != "searching" and desk.waited("alarm", alarm["id"], rng.uniform(*_BY_PHONE_SECONDS)):
        outcome = "ambulance_called" if response == "nobody" and sends else rng.choice(_BY_PHONE)
        yield _resolve(alarm, name, path, outcome)


def _resolve(alarm: Card, name: str, path: str, outcome: str) -> Do:
    if alarm["kind"] in ("unreadable_event", "street_dark") or alarm["severity"] == "technical":
        outcome = "device_fault"
    ended = {"outcome": outcome, "note": None}
    if outcome == "false_alarm":
        ended["cause"] = _draw(alarm, "cause").choice(_CAUSES.get(alarm["kind"], ("unknown",)))
    return Do(f"{name} resolve", f"{path}/resolve", ended)


def _task_steps(desk: Desk, task: Card) -> Iterator[Step]:
    """Call back whom they helped; the day after is far away in a demonstration."""
    if desk.waited("task", task["id"], _draw(task, "call").uniform(*_CALL_BACK_SECONDS)):
        outcome = _CALLED_BACK.get(task["kind"])
        if outcome is None:
            return
        done = {"outcome": outcome, "note": None}
        yield Do(f"task {task['id']} complete", f"/api/tasks/{task['id']}/complete", done)


def _order_steps(desk: Desk, order: Card) -> Iterator[Step]:
    """Only what the engine gave up on: asked for once more, then called off."""
    attention = (order.get("attention") or {}).get("kind")
    name, path = about("order", order["id"]), f"/api/orders/{order['id']}"
    if attention == "elder_away" and desk.waited("order", order["id"], _SEARCH_AGAIN_SECONDS):
        yield Do(f"{name} cancel", f"{path}/cancel", {"reason": "老人不在家，已与家属确认取消"})
    if order["state"] != "requested" or attention not in ("nobody_eligible", "nobody_accepted"):
        return
    if desk.waited("order", order["id"], _CANCEL_SECONDS):
        yield Do(f"{name} cancel", f"{path}/cancel", {"reason": "暂无合适人员，已与老人另约时间"})
    elif desk.waited("order", order["id"], _SEARCH_AGAIN_SECONDS):
        yield Do(f"{name} search", f"{path}/search", once=True)
