"""Whether somebody who was asked, or has promised, may still come; pure, from what one query finds."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from dispatch.pool.policy import PoolPolicy
from schemas.states import OrderState

Lapse = Literal["account", "provider", "excluded", "leave", "skill", "item", "area", "shift"]
"""Her account was closed or she left; her provider is not admitted (any more); she is not to come to this elder; she is
on leave or ill; a certificate has ended or been revoked; her provider does this, or serves there, no longer; she has
no shift then."""
Consequence = Literal["taken_away", "person_decides", "nothing"]

ON_THE_WAY: Final[dict[Lapse, Consequence]] = {
    "account": "taken_away",
    "excluded": "taken_away",
    "leave": "taken_away",
    "provider": "person_decides",
    "skill": "person_decides",
}
"""What becomes of a visit to which she is on the way. Whoever cannot or must not come is replaced; where what ended is
a paper, a person decides who may know that she is at the next corner and the elder waits. The rest does not count any
more once she has set out."""


@dataclass(frozen=True)
class Facts:
    """What holds of a worker for one visit on `visit_day`: skills without a standing certificate on that day, and
    without one today."""

    visit_day: date
    disabled: bool = False
    admitted: bool = True
    excluded: bool = False
    on_leave: bool = False
    lacking: frozenset[str] = frozenset()
    lacking_today: frozenset[str] = frozenset()
    offers_item: bool = True
    covers: bool = True
    on_shift: bool = True
    waived: frozenset[str] = frozenset()
    """Limits that were set aside when she was asked."""


def lapse_of(facts: Facts, today: date, policy: PoolPolicy, *, promised: bool) -> Lapse | None:
    """Why she may not come; None while she may.

    A promise beyond the end of a certificate that stands today waits for its renewal until `redispatch_days` before the
    visit; an offer waits for nothing.
    """
    early = facts.visit_day - today <= timedelta(days=policy.redispatch_days)
    lapsed: dict[Lapse, bool] = {
        "account": facts.disabled,
        "provider": not facts.admitted,
        "excluded": facts.excluded,
        "leave": facts.on_leave,
        "skill": bool(facts.lacking) and (early or not promised or bool(facts.lacking & facts.lacking_today)),
        "item": not facts.offers_item,
        "area": not facts.covers,
        "shift": not facts.on_shift,
    }
    return next((lapse for lapse, holds in lapsed.items() if holds and lapse not in facts.waived), None)


def consequence(state: OrderState, lapse: Lapse) -> Consequence:
    """What becomes of a visit that somebody has promised who may not come."""
    if state == "accepted":
        return "taken_away"
    return ON_THE_WAY.get(lapse, "nothing") if state == "en_route" else "nothing"


def ending(ends: Collection[date | None]) -> date | None:
    """The last day on which somebody holds a skill, by the ends of all its certificates; None: without end."""
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) and known else None


def warning_days(last_day: date, today: date, policy: PoolPolicy) -> int | None:
    """For which warning it is time: first_warning_days or last_warning_days before the last day; None: neither, or
    over."""
    left = (last_day - today).days
    if left < 0 or left > policy.first_warning_days:
        return None
    return policy.last_warning_days if left <= policy.last_warning_days else policy.first_warning_days
