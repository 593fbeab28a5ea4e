"""What makes a visit suspicious: pure patterns over what was recorded, each with what shows it.

A pattern accuses nobody: it puts what is odd before a supervisor. Where each begins and how much it counts is data
(`fraud_pattern`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Literal

from dispatch.travel import Place, distance_m

Pattern = Literal[
    "same_photo",
    "impossible_travel",
    "too_short",
    "clustered",
    "vague_position",
    "code_elsewhere",
    "back_entries",
    "capture_time",
    "ended_together",
    "evidence_missing",
    "not_taken_place",
]
Evidence = dict[str, Any]
USUAL_VISITS: Final = 20
"""A score is told for so many visits, so that whoever works much is not suspected for it."""


@dataclass(frozen=True)
class Match:
    """A picture of a visit that was seen before with another: the same file, or so many bits of its hash apart."""

    photo_id: int
    earlier_photo_id: int
    earlier_order_id: int
    exact: bool
    bits: int


@dataclass(frozen=True)
class Taken:
    """When a picture was taken, by the phone and by the camera as written into the file."""

    photo_id: int
    captured_at: datetime | None
    exif_at: datetime | None


@dataclass(frozen=True)
class Visit:
    """A completed visit as it was recorded; `began` and `ended` are the phone's own times where it had no network, and
    where it stood at both ends with the accuracy in metres."""

    order_id: int
    elder_id: int
    home: Place | None
    by: str | None
    checked_in_at: datetime | None
    began: datetime | None
    ended: datetime
    arrived_at: Place | None
    arrived_accuracy_m: float | None
    left_at: Place | None
    radius_m: float
    least: timedelta
    flags: tuple[str, ...]
    photos: tuple[Taken, ...] = ()
    matches: tuple[Match, ...] = ()

    @property
    def arrived(self) -> datetime | None:
        """When the worker stood at the door, as far as it is known."""
        return self.checked_in_at or self.began


@dataclass(frozen=True)
class Rule:
    """How much a pattern counts, and its limits."""

    weight: int
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """A pattern found in a visit, how much it counts, and what shows it."""

    pattern: Pattern
    weight: int
    evidence: Evidence


def find(visit: Visit, others: Sequence[Visit], rules: Mapping[Pattern, Rule], pace: float = 1.0) -> list[Finding]:
    """Everything suspicious about a visit, given the worker's other visits of the last weeks in any order.

    `pace`: how many times faster than life visits and ways pass in a demonstration.
    """
    earlier_and_later = sorted(others, key=lambda one: one.ended)
    found: list[Finding] = []
    for pattern, look in _LOOKS.items():
        rule = rules.get(pattern)
        evidence = look(visit, earlier_and_later, rule.limits, pace) if rule else None
        if rule is not None and evidence is not None:
            found.append(Finding(pattern, rule.weight, evidence))
    return found


def score(weights: Sequence[int], visits: int) -> int:
    """A worker's score: the sum of what counts against her, for twenty visits."""
    return round(sum(weights) * USUAL_VISITS / max(USUAL_VISITS, visits))


def _same_photo(visit: Visit, _others: Sequence[Visit], limits: Mapping[str, float], _pace: float) -> Evidence | None:
    alike = [match for match in visit.matches if match.exact or match.bits <= limits.get("bits", 0)]
    if not alike:
        return None
    return {
        "photos": [
            {
                "photo": match.photo_id,
                "earlier_photo": match.earlier_photo_id,
                "earlier_order": match.earlier_order_id,
                "same_file": match.exact,
                "bits_apart": match.bits,
            }
            for match in alike
        ]
    }


def _impossible_travel(
    visit: Visit, others: Sequence[Visit], limits: Mapping[str, float], pace: float
) -> Evidence | None:
    """From where she left the visit before, or checked in, to where she checked in next, faster than anybody drives."""
    arrived, here = visit.arrived, visit.arrived_at
    before = [one for one in others if arrived is not None and one.ended <= arrived]
    if arrived is None or here is None or not before:
        return None
    last = before[-1]
    there = last.left_at or last.arrived_at
    if there is None:
        return None
    away = distance_m(there, here)
    hours = (arrived - last.ended).total_seconds() / 3600
    if away < limits.get("least_m", 0) or away <= limits["kmh"] * pace * hours * 1000:
        return None
    return {
        "from_order": last.order_id,
        "left_at": last.ended.isoformat(),
        "arrived_at": arrived.isoformat(),
        "distance_m": round(away),
        "kmh": round(away / 1000 / hours) if hours > 0 else None,
    }


def _too_short(visit: Visit, _others: Sequence[Visit], _limits: Mapping[str, float], _pace: float) -> Evidence | None:
    if visit.began is None or visit.ended - visit.began >= visit.least:
        return None
    lasted = visit.ended - visit.began
    return {"seconds": round(lasted.total_seconds()), "least_seconds": round(visit.least.total_seconds())}


def _clustered(visit: Visit, others: Sequence[Visit], limits: Mapping[str, float], _pace: float) -> Evidence | None:
    """Checked in at one point for homes that lie apart: neighbours of one building may, homes of a street may not."""
    here = visit.arrived_at
    if here is None or visit.home is None:
        return None
    homes = [visit.home]
    orders = [visit.order_id]
    for other in reversed(others):
        if other.arrived_at is None or other.home is None or distance_m(here, other.arrived_at) > limits["within_m"]:
            continue
        if all(distance_m(other.home, home) > limits["apart_m"] for home in homes):
            homes.append(other.home)
            orders.append(other.order_id)
    if len(homes) < limits["homes"]:
        return None
    return {"orders": sorted(orders), "lat": here.lat, "lon": here.lon}


def _vague_position(
    visit: Visit, others: Sequence[Visit], limits: Mapping[str, float], _pace: float
) -> Evidence | None:
    """Habitually without a position that says anything."""
    if not _is_vague(visit, limits["accuracy_m"]):
        return None
    vague = [one.order_id for one in (*others, visit) if _is_vague(one, limits["accuracy_m"])]
    visits = len(others) + 1
    if len(vague) < limits["least"] or len(vague) < limits["share"] * visits:
        return None
    return {"vague": len(vague), "visits": visits, "orders": vague[-10:]}


def _is_vague(visit: Visit, accuracy_m: float) -> bool:
    if visit.by == "back_entry":
        return False
    return visit.arrived_accuracy_m is None or visit.arrived_accuracy_m > accuracy_m


def _code_elsewhere(
    visit: Visit, _others: Sequence[Visit], _limits: Mapping[str, float], _pace: float
) -> Evidence | None:
    """The code of the home, while the phone knew itself to be elsewhere."""
    if visit.by != "code" or visit.home is None or visit.arrived_at is None:
        return None
    away = distance_m(visit.home, visit.arrived_at)
    if away <= visit.radius_m + (visit.arrived_accuracy_m or 0):
        return None
    return {"distance_m": round(away), "accuracy_m": round(visit.arrived_accuracy_m or 0)}


def _back_entries(visit: Visit, others: Sequence[Visit], limits: Mapping[str, float], _pace: float) -> Evidence | None:
    if "back_entry" not in visit.flags:
        return None
    entered = [one.order_id for one in (*others, visit) if "back_entry" in one.flags]
    visits = len(others) + 1
    if len(entered) < limits["least"] or len(entered) < limits["share"] * visits:
        return None
    return {"entered": len(entered), "visits": visits, "orders": entered[-10:]}


def _capture_time(visit: Visit, _others: Sequence[Visit], limits: Mapping[str, float], _pace: float) -> Evidence | None:
    """A picture that was taken before she came or after she left."""
    arrived = visit.arrived
    if arrived is None:
        return None
    grace = timedelta(minutes=limits["minutes"])
    first, last = min(arrived, visit.began or arrived) - grace, visit.ended + grace
    odd = [
        {"photo": one.photo_id, "by": by, "at": at.isoformat()}
        for one in visit.photos
        for by, at in (("phone", one.captured_at), ("camera", one.exif_at))
        if at is not None and not first <= at <= last
    ]
    return {"photos": odd, "from": arrived.isoformat(), "to": visit.ended.isoformat()} if odd else None


def _ended_together(visit: Visit, others: Sequence[Visit], limits: Mapping[str, float], pace: float) -> Evidence | None:
    """Several homes checked out of within minutes, as when a day is written down at its end."""
    span = timedelta(minutes=limits["minutes"]) / pace
    near = [one for one in others if one.elder_id != visit.elder_id and abs(one.ended - visit.ended) <= span]
    homes = {one.elder_id for one in near} | {visit.elder_id}
    run = sorted([*near, visit], key=lambda one: one.ended)
    if len(homes) < limits["visits"] or any(later.ended - former.ended > span for former, later in pairwise(run)):
        return None
    return {"orders": [one.order_id for one in run], "from": run[0].ended.isoformat(), "to": run[-1].ended.isoformat()}


def _evidence_missing(
    visit: Visit, _others: Sequence[Visit], _limits: Mapping[str, float], _pace: float
) -> Evidence | None:
    return {} if "evidence_missing" in visit.flags else None


Look = Callable[[Visit, Sequence[Visit], Mapping[str, float], float], Evidence | None]
_LOOKS: Final[dict[Pattern, Look]] = {
    "same_photo": _same_photo,
    "impossible_travel": _impossible_travel,
    "too_short": _too_short,
    "clustered": _clustered,
    "vague_position": _vague_position,
    "code_elsewhere": _code_elsewhere,
    "back_entries": _back_entries,
    "capture_time": _capture_time,
    "ended_together": _ended_together,
    "evidence_missing": _evidence_missing,
}
