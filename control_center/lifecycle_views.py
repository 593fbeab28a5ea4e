"""Parts of an alarm card that say who deals with it, why it is put aside, and what it belongs with."""

from control_center.cards import Claim, GroupBrief, Person, Shelved
from schemas.database import Row


def claim_on(alarm: Row) -> Claim | None:
    """Who says "mine"; the row has claimed_by, claimed_name, claimed_seat_name, claimed_until."""
    if alarm["claimed_by"] is None:
        return None
    by = Person(id=alarm["claimed_by"], name=alarm["claimed_name"])
    return Claim(by=by, seat=alarm["claimed_seat_name"], until=alarm["claimed_until"])


def shelving_of(alarm: Row) -> Shelved | None:
    """Why it is put aside; the row has state, shelved_reason, due_at."""
    return Shelved(reason=alarm["shelved_reason"], until=alarm["due_at"]) if alarm["state"] == "shelved" else None


def group_of(alarm: Row) -> GroupBrief | None:
    """What its incident is grouped with; the row has group_id, group_kind, group_place, group_incidents."""
    if alarm["group_id"] is None:
        return None
    return GroupBrief(
        id=alarm["group_id"],
        kind=alarm["group_kind"],
        place=alarm["group_place"],
        incidents=alarm["group_incidents"],
    )
