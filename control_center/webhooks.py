"""Other systems that are told of alarms: a supervisor subscribes them to events of units in her scope."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Path, Request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from pydantic_core import PydanticCustomError

from control_center.access import log_access
from control_center.auth import Supervisor
from control_center.dependencies import LARGEST_INTEGER, Db, Now, Storable
from control_center.shapes import Shape
from dispatch import subscriptions
from schemas.events import EventKind

KINDS = frozenset(kind for kind in get_args(EventKind) if kind.startswith("alarm."))
router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise PydanticCustomError("literal_error", "is no kind of event of an alarm")
    return kind


class NewWebhook(BaseModel):
    """Which unit's alarms, which of their events, and where they are posted."""

    org_code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,40}$")]
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Storable]
    url: Annotated[str, StringConstraints(max_length=1000), Storable]
    kinds: Annotated[list[Annotated[str, AfterValidator(_kind)]], Field(min_length=1, max_length=50)]


class Webhook(Shape):
    """A subscription, and how its last delivery went."""

    id: int
    org_code: str
    name: str
    url: str
    kinds: list[str]
    created_at: datetime
    last_state: Literal["queued", "sending", "sent", "delivered", "failed", "withdrawn"] | None = None
    last_error: str | None = None
    last_sent_at: datetime | None = None


class WebhookList(Shape):
    """The subscriptions of the supervisor's units."""

    webhooks: list[Webhook]


class MadeWebhook(Shape):
    """A new subscription with the key of its signatures, which is shown this once."""

    webhook: Webhook
    secret: str


@router.get("")
def list_webhooks(account: Supervisor, db: Db, now: Now) -> WebhookList:
    """Who is told of alarms in the supervisor's scope."""
    with db.transaction() as tx:
        found = subscriptions.in_scope(tx, now, account.id)
    return WebhookList(webhooks=[Webhook(**one) for one in found])


@router.post("", status_code=201)
def subscribe(wanted: NewWebhook, account: Supervisor, request: Request, db: Db, now: Now) -> MadeWebhook:
    """Have a system told. What it gets (CloudEvents 1.0, signed) never says whose alarm it is."""
    https = not request.app.state.settings.private_targets
    with db.transaction() as tx:
        made: dict[str, Any] = subscriptions.subscribe(
            tx, now, account.id, wanted.org_code, wanted.name, wanted.url, wanted.kinds, https=https
        )
        detail = {"id": made["id"], "org_code": wanted.org_code, "url": wanted.url}
        log_access(tx, now, account.id, "webhook.made", detail=detail)
    secret: str = made.pop("secret")
    return MadeWebhook(webhook=Webhook(**made), secret=secret)


@router.delete("/{webhook_id}", status_code=204)
def end(webhook_id: Annotated[int, Path(ge=1, le=LARGEST_INTEGER)], account: Supervisor, db: Db, now: Now) -> None:
    """Tell a system nothing more."""
    with db.transaction() as tx:
        subscriptions.end(tx, now, account.id, webhook_id)
        log_access(tx, now, account.id, "webhook.ended", detail={"id": webhook_id})
