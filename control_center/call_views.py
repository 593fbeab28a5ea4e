"""Builds call cards from the tables, set by set."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from control_center.call_cards import CallCandidate, CallCard
from control_center.cards import ElderBrief
from control_center.dependencies import Connection
from control_center.shapes import Org, Person, SeatBrief
from control_center.views import elder_briefs
from schemas.calls import BY_HAND
from schemas.database import Row, rows
from schemas.statements import statement

CALLS = statement("""
    SELECT call.*, call_figure.wait_seconds, call_figure.talk_seconds, org_unit.name AS org_name,
           account.name AS account_name, seat.name AS seat_name, desk.code AS seat_org, desk.name AS seat_org_name
    FROM call
    JOIN call_figure ON call_figure.id = call.id
    JOIN org_unit ON org_unit.code = call.org_code
    LEFT JOIN account ON account.id = call.account_id
    LEFT JOIN seat ON seat.id = call.seat_id
    LEFT JOIN org_unit AS desk ON desk.code = seat.org_code
    WHERE call.id = ANY(%(ids)s::bigint[])
    ORDER BY call.id
""")
CANDIDATES = statement("""
    SELECT call_id, elder_id, party, party_name FROM call_candidate WHERE call_id = ANY(%(ids)s::bigint[])
    ORDER BY call_id, elder_id
""")
ORDERS = statement("""
    SELECT source_ref AS call_id, array_agg(id ORDER BY id) AS ids FROM service_order
    WHERE source = 'hotline' AND source_ref = ANY(%(ids)s::bigint[])
    GROUP BY source_ref
""")


def call_cards(conn: Connection, ids: Collection[int], now: datetime) -> dict[int, CallCard]:
    """The cards of calls by id; ids that no call has are left out. Scope is the caller's business."""
    if not ids:
        return {}
    found = rows(conn, CALLS, {"ids": list(ids)})
    candidates: defaultdict[int, list[Row]] = defaultdict(list)
    for candidate in rows(conn, CANDIDATES, {"ids": list(ids)}):
        candidates[candidate["call_id"]].append(candidate)
    about = {call["elder_id"] for call in found if call["elder_id"] is not None}
    about |= {candidate["elder_id"] for those in candidates.values() for candidate in those}
    briefs = elder_briefs(conn, about, now) if about else {}
    ordered = {row["call_id"]: row["ids"] for row in rows(conn, ORDERS, {"ids": list(ids)})}
    return {call["id"]: _card(call, candidates[call["id"]], briefs, ordered.get(call["id"], [])) for call in found}


def _card(call: Row, candidates: list[Row], briefs: dict[int, ElderBrief], order_ids: list[int]) -> CallCard:
    return CallCard(
        id=call["id"],
        direction=call["direction"],
        state=call["state"],
        number=call["number"],
        line=call["line"],
        party=call["party"],
        party_name=call["party_name"],
        elder=briefs.get(call["elder_id"]),
        candidates=[
            CallCandidate(
                elder=briefs[candidate["elder_id"]], party=candidate["party"], party_name=candidate["party_name"]
            )
            for candidate in candidates
            if candidate["elder_id"] in briefs
        ],
        alarm_id=call["alarm_id"],
        org=Org(code=call["org_code"], name=call["org_name"]),
        account=Person(id=call["account_id"], name=call["account_name"]) if call["account_id"] else None,
        seat=_seat(call),
        by_hand=call["provider"] == BY_HAND,
        queued_at=call["queued_at"],
        rang_at=call["rang_at"],
        answered_at=call["answered_at"],
        ended_at=call["ended_at"],
        wait_seconds=call["wait_seconds"],
        talk_seconds=call["talk_seconds"],
        cause=call["cause"],
        recording=call["recording"],
        outcome=call["outcome"],
        note=call["note"],
        order_ids=order_ids,
    )


def _seat(call: Row) -> SeatBrief | None:
    if call["seat_id"] is None:
        return None
    return SeatBrief(
        id=call["seat_id"], name=call["seat_name"], org=Org(code=call["seat_org"], name=call["seat_org_name"])
    )


def elders_on_call(card: CallCard) -> frozenset[int]:
    """Everybody whom a card shows."""
    shown = {candidate.elder.id for candidate in card.candidates}
    return frozenset(shown | {card.elder.id} if card.elder else shown)
