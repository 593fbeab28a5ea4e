"""Changing who works when: overrides that a supervisor sets, and swaps that two agree on."""

from datetime import datetime
from typing import Final

from dispatch.notifications import Person, inform
from dispatch.refusals import Refused
from dispatch.rota_rows import load_rota
from dispatch.rotas import on_at, spans
from schemas.database import Row, Transaction
from schemas.statements import statement

FARTHEST: Final = 366 * 86400
"""Seconds into the future up to which something may be planned."""

ADD_OVERRIDE = statement("""
    INSERT INTO rota_override (rota_id, starts_at, ends_at, absent_id, substitute_id, reason, swap_id, set_at, set_by)
    VALUES (%(rota_id)s::integer, %(starts_at)s::timestamptz, %(ends_at)s::timestamptz, %(absent_id)s::integer,
            %(substitute_id)s::integer, %(reason)s::text, %(swap_id)s::integer, %(now)s::timestamptz,
            %(actor_id)s::integer)
    RETURNING id
""")
WITHDRAW_OVERRIDE = statement("""
    UPDATE rota_override SET withdrawn_at = %(now)s::timestamptz, withdrawn_by = %(actor_id)s::integer
    WHERE id = %(id)s::integer AND rota_id = %(rota_id)s::integer AND withdrawn_at IS NULL
""")
ASK = statement("""
    INSERT INTO rota_swap (rota_id, asked_by, asked_at, starts_at, ends_at, partner_id, return_starts_at,
                           return_ends_at, note)
    VALUES (%(rota_id)s::integer, %(asked_by)s::integer, %(now)s::timestamptz, %(starts_at)s::timestamptz,
            %(ends_at)s::timestamptz, %(partner_id)s::integer, %(return_starts_at)s::timestamptz,
            %(return_ends_at)s::timestamptz, %(note)s::text)
    RETURNING id, (SELECT name FROM rota WHERE rota.id = rota_id) AS rota,
              (SELECT name FROM account WHERE account.id = asked_by) AS name
""")
LOCK_SWAP = statement("""
    SELECT swap.* FROM rota_swap AS swap JOIN rota ON rota.id = swap.rota_id AND rota.ended_at IS NULL
    WHERE swap.id = %(id)s::integer AND %(actor_id)s::integer IN (swap.asked_by, swap.partner_id)
    FOR UPDATE OF swap, rota
""")
ANSWER = statement("""
    UPDATE rota_swap SET state = %(state)s::text, answered_at = %(now)s::timestamptz WHERE id = %(id)s::integer
""")
Times = tuple[datetime, datetime]
"""From when until when."""


def _check(now: datetime, times: Times) -> None:
    start, end = times
    if end <= start:
        raise Refused("window_empty")
    if end <= now:
        raise Refused("in_the_past")
    if (end - now).total_seconds() > FARTHEST:
        raise Refused("too_far_ahead")


def add_override(
    tx: Transaction,
    now: datetime,
    actor_id: int,
    rota_id: int,
    times: Times,
    *,
    absent_id: int | None,
    substitute_id: int | None,
    reason: str | None,
    swap_id: int | None = None,
) -> int:
    """For a time somebody else works, nobody does instead of somebody, or somebody as well; the caller has locked the
    rota. Returns its id. Raises Refused: window_empty, in_the_past, too_far_ahead."""
    _check(now, times)
    [made] = tx.rows(
        ADD_OVERRIDE,
        {
            "rota_id": rota_id,
            "starts_at": times[0],
            "ends_at": times[1],
            "absent_id": absent_id,
            "substitute_id": substitute_id,
            "reason": reason,
            "swap_id": swap_id,
            "now": now,
            "actor_id": actor_id,
        },
    )
    return int(made["id"])


def withdraw_override(tx: Transaction, now: datetime, actor_id: int, rota_id: int, override_id: int) -> bool:
    """Take an override back: the layers hold again. False when there is none."""
    where = {"id": override_id, "rota_id": rota_id, "now": now, "actor_id": actor_id}
    return tx.execute(WITHDRAW_OVERRIDE, where) > 0


def ask_swap(
    tx: Transaction,
    now: datetime,
    asked_by: int,
    rota_id: int,
    partner_id: int,
    times: Times,
    in_return: Times | None,
    note: str | None,
) -> int:
    """Ask a colleague, who is told, to work one's shift, for one of theirs or for nothing; returns the swap's id.

    Raises Refused: window_empty, in_the_past, too_far_ahead; not_on_duty where the asker, or in return the partner,
    does not work the whole time; already_on_duty where who takes it over works then already.
    """
    for given in (times, in_return):
        if given is not None:
            _check(now, given)
    _exchangeable(tx, rota_id, asked_by, partner_id, times, in_return)
    asked = {
        "rota_id": rota_id,
        "asked_by": asked_by,
        "partner_id": partner_id,
        "starts_at": times[0],
        "ends_at": times[1],
        "return_starts_at": in_return[0] if in_return else None,
        "return_ends_at": in_return[1] if in_return else None,
        "note": note,
        "now": now,
    }
    [made] = tx.rows(ASK, asked)
    said = {"rota": made["rota"], "name": made["name"]}
    inform(tx, now, [Person(account_id=partner_id)], "swap", said, expires_at=times[0])
    return int(made["id"])


def answer_swap(tx: Transaction, now: datetime, actor_id: int, swap_id: int, *, agrees: bool) -> Row:
    """The partner agrees, and both shifts change hands; or refuses. The asker may withdraw it: `agrees` False.

    Returns the swap. Raises Refused: not_found, already_answered, in_the_past; not_on_duty or already_on_duty when the
    rota has changed so that it cannot be done any more.
    """
    swap = tx.row(LOCK_SWAP, {"id": swap_id, "actor_id": actor_id})
    if swap is None:
        raise Refused("not_found")
    if swap["state"] != "asked":
        raise Refused("already_answered")
    by_asker = actor_id == swap["asked_by"]
    if by_asker and agrees:
        raise Refused("not_found")
    if agrees:
        _exchange(tx, now, swap)
    state = "agreed" if agrees else "withdrawn" if by_asker else "refused"
    tx.execute(ANSWER, {"id": swap_id, "state": state, "now": now})
    return {**swap, "state": state}


def _exchange(tx: Transaction, now: datetime, swap: Row) -> None:
    asker, partner, rota_id = swap["asked_by"], swap["partner_id"], swap["rota_id"]
    times = (swap["starts_at"], swap["ends_at"])
    in_return = (swap["return_starts_at"], swap["return_ends_at"]) if swap["return_starts_at"] else None
    for given in (times, in_return):
        if given is not None:
            _check(now, given)
    _exchangeable(tx, rota_id, asker, partner, times, in_return)
    for given, absent, substitute in ((times, asker, partner), (in_return, partner, asker)):
        if given is not None:
            add_override(
                tx,
                now,
                partner,
                rota_id,
                given,
                absent_id=absent,
                substitute_id=substitute,
                reason=None,
                swap_id=swap["id"],
            )


def _exchangeable(
    tx: Transaction, rota_id: int, asker: int, partner: int, times: Times, in_return: Times | None
) -> None:
    """Whoever gives a time away works the whole of it, and whoever takes it over none of it."""
    for given, giver, taker in ((times, asker, partner), (in_return, partner, asker)):
        if given is None:
            continue
        rota = load_rota(tx, rota_id, *given)
        worked = spans(rota, *given)
        if not worked or not all(giver in span.accounts for span in worked):
            raise Refused("not_on_duty")
        if any(taker in span.accounts for span in worked):
            raise Refused("already_on_duty")


def works_now(tx: Transaction, rota_id: int, account_id: int, now: datetime) -> bool:
    """Whether somebody is on a rota at the moment."""
    return account_id in on_at(load_rota(tx, rota_id, now, now), now)
