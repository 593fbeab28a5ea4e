"""Builds the summary for the emergency medical service from an alarm's card and the register."""

from datetime import datetime
from typing import Final

from control_center.auth import SignedIn
from control_center.cards import AlarmCard, ElderBrief
from control_center.dependencies import Connection
from control_center.elder_cards import Measured
from control_center.handoff_cards import HandoffPerson, HandoffSign, HandoffSummary
from control_center.registry import elder_card
from control_center.shapes import Entry
from control_center.views import alarm_cards
from schemas.database import row, rows
from schemas.statements import statement

NO_ENTRY: Final = Entry(phone=None, door_note=None, key_holder=None, key_holder_phone=None)

MEDICAL = statement("""
    SELECT id, conditions, oxygen_scale, medicines, allergies FROM elder WHERE id = ANY(%(ids)s::integer[])
""")
ENTRY = statement("""
    SELECT household.phone, household.door_note, household.key_holder, household.key_holder_phone
    FROM alarm
    LEFT JOIN elder ON elder.id = alarm.elder_id
    JOIN household ON household.id = COALESCE(elder.household_id, alarm.household_id)
    WHERE alarm.id = %(alarm_id)s::bigint
""")


def summary_of(conn: Connection, now: datetime, account: SignedIn, alarm_id: int) -> HandoffSummary:
    """The summary of an alarm that the member of staff may see; the wearer comes first, then who else lives there."""
    card = alarm_cards(conn, [alarm_id], now)[alarm_id]
    entry = row(conn, ENTRY, {"alarm_id": alarm_id})
    responder = card.response.responder
    return HandoffSummary(
        alarm_id=card.id,
        kind=card.kind,
        severity=card.severity,
        is_test=card.is_test,
        occurred_at=card.occurred_at,
        presses=card.signal_count,
        address=card.address,
        org=card.org,
        place=card.home,
        entry=Entry(**entry) if entry else NO_ENTRY,
        people=_people(conn, now, account, card),
        responder=responder.name if responder else None,
        responder_phone=responder.phone if responder else None,
        responder_on_scene=card.state == "on_scene",
        made_at=now,
    )


def _people(conn: Connection, now: datetime, account: SignedIn, card: AlarmCard) -> list[HandoffPerson]:
    there: list[ElderBrief] = [*([card.elder] if card.elder else []), *card.residents]
    medical = {found["id"]: found for found in rows(conn, MEDICAL, {"ids": [elder.id for elder in there]})}
    people = []
    for brief in there:
        elder = elder_card(conn, now, account, medical[brief.id])
        people.append(
            HandoffPerson(
                id=elder.id,
                name=elder.name,
                gender=elder.gender,
                age=elder.age,
                state=elder.state,
                phone=elder.phone,
                living_alone=elder.living_alone,
                wears_the_device=card.elder is not None and elder.id == card.elder.id,
                conditions=elder.conditions,
                medicines=elder.medicines,
                allergies=elder.allergies,
                signs={
                    name: HandoffSign(value=sign.value, at=sign.at, age_seconds=(now - sign.at).total_seconds())
                    for name, sign in elder.latest
                    if isinstance(sign, Measured) and name != "steps"
                },
                news2=elder.news2.score if elder.news2 else None,
                news2_missing=elder.news2.missing if elder.news2 else [],
                contacts=elder.contacts,
            )
        )
    return people
