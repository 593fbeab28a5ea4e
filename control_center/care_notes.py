"""What the register knows for an emergency: medicine, allergies, how to get in, who has a key."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError

from control_center.access import log_access
from control_center.auth import SignedIn, Staff
from control_center.dependencies import Db, ElderId, Now, Storable
from control_center.elder_cards import ElderCard
from control_center.registry import elder_card, found_in_scope
from schemas.database import Transaction
from schemas.events import Event
from schemas.statements import statement

SET_MEDICAL = statement("""
    UPDATE elder
    SET conditions = %(conditions)s::text[], medicines = %(medicines)s::text[], allergies = %(allergies)s::text[]
    WHERE id = %(elder_id)s::integer
""")
SET_ENTRY = statement("""
    UPDATE household
    SET phone = %(phone)s::text, door_note = %(door_note)s::text, key_holder = %(key_holder)s::text,
        key_holder_phone = %(key_holder_phone)s::text
    FROM elder
    WHERE elder.id = %(elder_id)s::integer AND household.id = elder.household_id
""")
RESIDENTS = statement("""
    SELECT resident.id FROM elder JOIN elder AS resident ON resident.household_id = elder.household_id
    WHERE elder.id = %(elder_id)s::integer
    ORDER BY resident.id
""")
router = APIRouter(prefix="/api/elders/{elder_id}", tags=["elders"])


def _dialable(number: str) -> str:
    """Refuse what has no digits: nobody could call it."""
    if number and not any(letter.isdigit() for letter in number):
        raise PydanticCustomError("bad_number", "is not a telephone number")
    return number


Item = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Storable]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40), Storable, AfterValidator(_dialable)]


class MedicalNotes(BaseModel):
    """What whoever treats an elder must know; conditions by code where there is one. Replaces what was on file."""

    conditions: Annotated[list[Item], Field(max_length=50)]
    medicines: Annotated[list[Item], Field(max_length=50)]
    allergies: Annotated[list[Item], Field(max_length=50)]


class EntryNotes(BaseModel):
    """How to get into a home; it holds for everybody who lives there. Replaces what was on file."""

    phone: Phone | None = None
    door_note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable] | None = None
    key_holder: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), Storable] | None = None
    key_holder_phone: Phone | None = None


def _answer(tx: Transaction, now: datetime, account: SignedIn, elder_id: int, changed: dict[str, Any]) -> ElderCard:
    """The card after the change; only the names of what was set are recorded, the words stand in the register."""
    card = elder_card(tx.conn, now, account, found_in_scope(tx, now, account, elder_id))
    shown = [resident["id"] for resident in tx.rows(RESIDENTS, {"elder_id": elder_id})]
    log_access(
        tx,
        now,
        account.id,
        "elder.notes_changed",
        elder_id=elder_id,
        elder_ids=shown,
        detail={"set": sorted(name for name, value in changed.items() if value)},
    )
    tx.emit(Event("elder.changed", now, elder_id=elder_id, account_id=account.id))
    return card


@router.put("/medical")
def set_medical(elder_id: ElderId, notes: MedicalNotes, account: Staff, db: Db, now: Now) -> ElderCard:
    """Write down conditions, medicine and allergies, as 120 would be told."""
    with db.transaction() as tx:
        found_in_scope(tx, now, account, elder_id)
        told = notes.model_dump()
        tx.execute(SET_MEDICAL, {"elder_id": elder_id, **told})
        return _answer(tx, now, account, elder_id, told)


@router.put("/entry")
def set_entry(elder_id: ElderId, notes: EntryNotes, account: Staff, db: Db, now: Now) -> ElderCard:
    """Write down how to get into the home, who has a key, and the telephone there."""
    with db.transaction() as tx:
        found_in_scope(tx, now, account, elder_id)
        told = {name: value or None for name, value in notes.model_dump().items()}
        tx.execute(SET_ENTRY, {"elder_id": elder_id, **told})
        return _answer(tx, now, account, elder_id, told)
