"""How a signed-in person can be reached away from the screen: own telephones, mail addresses and browsers."""

import json
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError

from control_center.auth import Anyone, SignedIn
from control_center.dependencies import LARGEST_INTEGER, Db, Nothing, Now, Storable
from control_center.errors import ApiError
from control_center.shapes import Shape
from dispatch import ways
from dispatch.reach import TransportName
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.statements import statement

OWN = statement("""
    SELECT reach.id, reach.transport, reach.address, reach.verified_at, reach.gone_at, transport.ready
    FROM reach JOIN transport ON transport.name = reach.transport
    WHERE reach.account_id = %(account_id)s::integer
    ORDER BY reach.rank
""")
READY = statement("""
    SELECT name, ready, public_key FROM transport WHERE name IN ('web_push', 'voice', 'sms', 'email') ORDER BY name
""")
LANGUAGE = statement("SELECT language FROM account WHERE id = %(account_id)s::integer")
SET_LANGUAGE = statement("UPDATE account SET language = %(language)s::text WHERE id = %(account_id)s::integer")

router = APIRouter(prefix="/api/reach", tags=["reach"])
ReachId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]


class OwnWay(Shape):
    """One way; it is used once it is verified, unless the other side said that nobody is there any more."""

    id: int
    transport: TransportName
    address: str
    """Of a browser only its push service's host."""
    verified: bool
    gone: bool
    ready: bool
    """Whether anything can be sent that way at present."""


class PossibleWay(Shape):
    """A transport that may be added, and what a browser needs to subscribe."""

    transport: TransportName
    ready: bool
    public_key: str | None


class OwnReach(Shape):
    """All ways in the order in which they are tried, after an open screen."""

    ways: list[OwnWay]
    possible: list[PossibleWay]
    language: Literal["zh-CN", "en"]


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None:
        raise PydanticCustomError("invalid", "is no push service's address")
    return url


class PushKeys(BaseModel):
    """A browser's keys, as its PushSubscription says them."""

    p256dh: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{80,100}=*$")]
    auth: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{20,30}=*$")]


class PushSubscription(BaseModel):
    """What a browser's PushSubscription says as JSON."""

    endpoint: Annotated[str, StringConstraints(max_length=1000), Storable, AfterValidator(_endpoint)]
    keys: PushKeys


class NewTelephone(BaseModel):
    """A number, for calls or for text messages."""

    transport: Literal["voice", "sms"]
    address: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40), Storable]


class NewMailbox(BaseModel):
    """A mail address."""

    transport: Literal["email"]
    address: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[\w.+-]+@[\w-]+(\.[\w-]+)+$"),
        Storable,
    ]


class NewBrowser(BaseModel):
    """A browser that has subscribed."""

    transport: Literal["web_push"]
    subscription: PushSubscription


class Code(BaseModel):
    """The six digits that were sent."""

    code: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\d{6}$")]


class Order(BaseModel):
    """All own ways, the one to be tried first at the front."""

    ids: Annotated[list[Annotated[int, Field(strict=True, ge=1, le=LARGEST_INTEGER)]], Field(max_length=ways.MOST_WAYS)]


class Language(BaseModel):
    """In which language messages are sent."""

    language: Literal["zh-CN", "en"]


def _shown(found: Row) -> OwnWay:
    address = found["address"]
    if found["transport"] == "web_push":
        address = urlsplit(json.loads(address)["endpoint"]).hostname or ""
    return OwnWay(
        id=found["id"],
        transport=found["transport"],
        address=address,
        verified=found["verified_at"] is not None,
        gone=found["gone_at"] is not None,
        ready=found["ready"],
    )


def _own(tx: Transaction, account: SignedIn) -> OwnReach:
    [spoken] = tx.rows(LANGUAGE, {"account_id": account.id})
    return OwnReach(
        ways=[_shown(found) for found in tx.rows(OWN, {"account_id": account.id})],
        possible=[
            PossibleWay(transport=found["name"], ready=found["ready"], public_key=found["public_key"])
            for found in tx.rows(READY)
        ],
        language=spoken["language"],
    )


@router.get("")
def read_own(account: Anyone, db: Db) -> OwnReach:
    """The caller's own ways."""
    with db.transaction() as tx:
        return _own(tx, account)


@router.post("", status_code=201)
def add_way(
    wanted: Annotated[NewTelephone | NewMailbox | NewBrowser, Field(discriminator="transport")],
    account: Anyone,
    request: Request,
    db: Db,
    now: Now,
) -> OwnReach:
    """Add a way; a telephone or mailbox is sent a code, and used once that was typed."""
    with db.transaction() as tx:
        if isinstance(wanted, NewBrowser):
            if not request.app.state.settings.private_targets and not wanted.subscription.endpoint.startswith(
                "https://"
            ):
                raise Refused("bad_url")
            subscription = wanted.subscription.model_dump()
            ways.add_browser(tx, now, account.id, json.dumps(subscription, sort_keys=True))
        else:
            ways.add(tx, now, account.id, wanted.transport, wanted.address)
        return _own(tx, account)


@router.post("/{reach_id}/code", status_code=204)
def send_code(reach_id: ReachId, account: Anyone, db: Db, now: Now, _body: Nothing | None = None) -> None:
    """Send another code."""
    with db.transaction() as tx:
        ways.send_code(tx, now, account.id, reach_id)


@router.post("/{reach_id}/verify")
def verify(reach_id: ReachId, typed: Code, account: Anyone, db: Db, now: Now) -> OwnReach:
    """Prove a way by the code that was sent to it. After five wrong ones another code is needed."""
    with db.transaction() as tx:
        right = ways.verify(tx, now, account.id, reach_id, typed.code)
        own = _own(tx, account)
    # Outside the transaction: a wrong code has to stay counted.
    if not right:
        raise ApiError("wrong_code")
    return own


@router.put("/order")
def put_in_order(order: Order, account: Anyone, db: Db) -> OwnReach:
    """Say in which order the ways are tried."""
    with db.transaction() as tx:
        ways.put_in_order(tx, account.id, order.ids)
        return _own(tx, account)


@router.put("/language")
def set_language(wanted: Language, account: Anyone, db: Db) -> OwnReach:
    """Say in which language messages are sent."""
    with db.transaction() as tx:
        tx.execute(SET_LANGUAGE, {"account_id": account.id, "language": wanted.language})
        return _own(tx, account)


@router.delete("/{reach_id}", status_code=204)
def remove(reach_id: ReachId, account: Anyone, db: Db) -> None:
    """Take out a way."""
    with db.transaction() as tx:
        ways.remove(tx, account.id, reach_id)
