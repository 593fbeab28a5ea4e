"""Calls for help that are not recorded yet: read and acknowledged without the database."""

import asyncio
import functools
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request

from control_center.auth import SignedIn, digest, find_session, token_of
from control_center.dependencies import Nothing
from control_center.errors import ApiError
from control_center.seats import Seat
from control_center.unrecorded_cards import UnrecordedAnswer, UnrecordedCardAnswer
from control_center.watchtower import AWAY, Watchtower

PATIENCE_SECONDS: Final = 2.0
"""A database that has not said by then whose session it is counts as away: somebody is waiting for help."""
Key = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9_-]{1,40}\.[A-Za-z0-9_-]{1,16}\.[0-9]{1,19}$", description="`key` of the call's card"),
]

router = APIRouter(prefix="/api/unrecorded", tags=["alarms"])


def _tower(request: Request) -> Watchtower:
    tower: Watchtower = request.app.state.watchtower
    return tower


Tower = Annotated[Watchtower, Depends(_tower)]


def seat_in_copy(tower: Watchtower, token: str) -> Seat | None:
    """The seat of a staff session as the copy knows it; None when it does not know the session."""
    found = tower.copy.session(digest(token), tower.now())
    return Seat(found[0].id, digest(token), "staff") if found else None


async def _caller(request: Request, tower: Tower) -> SignedIn:
    """The member of staff who asks: the database's word while it answers, else the copy's.

    A session that the copy does not know may be good all the same: nobody is signed out because of it. Raises ApiError:
    not_signed_in, not_permitted, database_away.
    """
    token = token_of(request)
    if not token:
        raise ApiError("not_signed_in")
    known = _known(tower, token)
    if known is not None and tower.away:
        return known
    asked = asyncio.ensure_future(tower.in_database(functools.partial(_signed_in, request, token)))
    try:
        await asyncio.wait([asked], timeout=PATIENCE_SECONDS if known is not None else None)
        if not asked.done() and known is not None:
            return known
        return await asked
    except AWAY as error:
        if known is None:
            raise ApiError("database_away") from error
        return known
    finally:
        asked.cancel()


def _known(tower: Watchtower, token: str) -> SignedIn | None:
    """Whose session it is by the copy."""
    found = tower.copy.session(digest(token), tower.now())
    if found is None:
        return None
    member, session = found
    seat_id = session.seat.id if session.seat else None
    return SignedIn(member.id, member.username, member.name, member.role, digest(token), seat_id)


def _signed_in(request: Request, token: str) -> SignedIn:
    with request.app.state.database.connection() as conn:
        found = find_session(conn, request.app.state.clock(), token)
    if found is None:
        raise ApiError("not_signed_in")
    if found.role not in ("operator", "supervisor"):
        raise ApiError("not_permitted")
    return found


Caller = Annotated[SignedIn, Depends(_caller)]


@router.get("")
async def list_unrecorded(account: Caller, tower: Tower) -> UnrecordedAnswer:
    """Calls in the caller's scope that are not recorded, and whether they would be shown without the database."""
    return UnrecordedAnswer(cards=tower.board.cards_for(account.id), lane=tower.health())


@router.post("/{key}/acknowledge")
async def acknowledge_unrecorded(
    key: Key, account: Caller, tower: Tower, _body: Nothing | None = None
) -> UnrecordedCardAnswer:
    """Take a call that is not recorded: it is on disk before this answers, and becomes the acknowledgement of its alarm
    when the database has it."""
    return UnrecordedCardAnswer(card=await tower.acknowledge(key, account.id, account.seat_id))
