"""The provider pool: who is admitted, suspended and gone, with which papers, for which services and where."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, StringConstraints

from control_center.access import log_access
from control_center.auth import SignedIn, Staff, Supervisor
from control_center.dependencies import LARGEST_BIGINT, LARGEST_INTEGER, Db, Moment, Now, Storable
from control_center.errors import ApiError
from control_center.provider_cards import ProviderDetail, ProviderList
from control_center.provider_views import provider_detail, provider_row, provider_rows
from dispatch.pool import admission, documents, services
from dispatch.pool.documents import DocumentKind
from schemas.database import Row, Transaction
from schemas.states import ProviderState

router = APIRouter(prefix="/api/providers", tags=["provider pool"])
ProviderId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
DocumentId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80), Storable]
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), Storable]
ReasonText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]
Code = Annotated[str, StringConstraints(min_length=1, max_length=40), Storable]
PathCode = Annotated[str, Path(min_length=1, max_length=40), Storable]
Capacity = Annotated[int, Field(ge=1, le=100_000)]


class ProviderBody(BaseModel):
    """What a provider says of itself."""

    name: Name
    contact_name: Words | None = None
    contact_phone: Words | None = None
    address: Words | None = None
    orders_a_day: Capacity | None = None
    orders_at_once: Capacity | None = None
    every_service: bool = True

    def profile(self) -> admission.Profile:
        """As dispatch takes it."""
        return admission.Profile(
            name=self.name,
            contact_name=self.contact_name or None,
            contact_phone=self.contact_phone or None,
            address=self.address or None,
            orders_a_day=self.orders_a_day,
            orders_at_once=self.orders_at_once,
            every_service=self.every_service,
        )


class NewProvider(ProviderBody):
    """An application, with the units that it wants to serve."""

    areas: Annotated[list[Code], Field(min_length=1, max_length=100)]


class Decision(BaseModel):
    """What becomes of a provider, and why; only a suspension names its end."""

    to: ProviderState
    reason: ReasonText
    until: Moment | None = None


class Appraisal(BaseModel):
    """The score of an appraisal."""

    score: Annotated[int, Field(ge=0, le=100)]
    reason: ReasonText


class NewDocument(BaseModel):
    """A document that the caller has seen; both days are included."""

    kind: DocumentKind
    number: Name
    issuer: Words | None = None
    valid_from: date
    valid_to: date | None = None


class Reason(BaseModel):
    """Why."""

    reason: ReasonText


class ServiceBody(BaseModel):
    """A provider's own rate in fen; null is the catalogue's."""

    provider_fen: Annotated[int, Field(ge=0, le=10_000_000)] | None = None


def _visible(tx: Transaction, now: datetime, account: SignedIn, provider_id: int) -> Row:
    found = provider_rows(tx, now, account.id, provider_id=provider_id)
    if not found:
        raise ApiError("not_found")
    return found[0]


def _answer(
    tx: Transaction, now: datetime, account: SignedIn, provider_id: int, what: str, changed: int | None = None
) -> ProviderDetail:
    log_access(tx, now, account.id, "provider.changed", detail={"provider_id": provider_id, "what": what})
    return provider_detail(tx, now, _visible(tx, now, account, provider_id), changed)


@router.get("")
def list_providers(
    account: Staff,
    db: Db,
    now: Now,
    state: ProviderState | None = None,
    text: Annotated[str | None, Query(max_length=80), Storable] = None,
    org_code: Annotated[str | None, Query(max_length=40, description="Serving this unit"), Storable] = None,
) -> ProviderList:
    """The providers that serve, or want to serve, any part of what the caller answers for."""
    with db.transaction(account.seat_id) as tx:
        found = provider_rows(tx, now, account.id, state=state, text=text or None, org_code=org_code or None)
    return ProviderList(providers=[provider_row(row) for row in found], server_time=now)


@router.post("", status_code=201)
def enter_provider(body: NewProvider, account: Supervisor, db: Db, now: Now) -> ProviderDetail:
    """Enter a provider that applies."""
    with db.transaction(account.seat_id) as tx:
        provider_id = admission.apply(tx, now, account.id, body.profile(), body.areas)
        return _answer(tx, now, account, provider_id, "applied")


@router.get("/{provider_id}")
def read_provider(provider_id: ProviderId, account: Staff, db: Db, now: Now) -> ProviderDetail:
    """A provider with papers, services, areas, workers and history."""
    with db.transaction(account.seat_id) as tx:
        return provider_detail(tx, now, _visible(tx, now, account, provider_id))


@router.put("/{provider_id}")
def change_provider(
    provider_id: ProviderId, body: ProviderBody, account: Supervisor, db: Db, now: Now
) -> ProviderDetail:
    """Change what a provider says of itself."""
    with db.transaction(account.seat_id) as tx:
        admission.change(tx, now, provider_id, account.id, body.profile())
        return _answer(tx, now, account, provider_id, "changed")


@router.post("/{provider_id}/decisions")
def decide(provider_id: ProviderId, body: Decision, account: Supervisor, db: Db, now: Now) -> ProviderDetail:
    """Admit, suspend, admit again or let a provider exit; offers are withdrawn and promises given to others at once."""
    with db.transaction(account.seat_id) as tx:
        changed = admission.decide(tx, now, provider_id, account.id, body.to, body.reason, body.until)
        return _answer(tx, now, account, provider_id, body.to, changed)


@router.post("/{provider_id}/appraisals")
def appraise(provider_id: ProviderId, body: Appraisal, account: Supervisor, db: Db, now: Now) -> ProviderDetail:
    """Write down the score of an appraisal."""
    with db.transaction(account.seat_id) as tx:
        admission.appraise(tx, now, provider_id, account.id, body.score, body.reason)
        return _answer(tx, now, account, provider_id, "appraised")


@router.post("/{provider_id}/documents", status_code=201)
def add_document(provider_id: ProviderId, body: NewDocument, account: Supervisor, db: Db, now: Now) -> ProviderDetail:
    """Write in a document."""
    document = documents.Document(body.kind, body.number, body.issuer or None, body.valid_from, body.valid_to)
    with db.transaction(account.seat_id) as tx:
        documents.add_document(tx, now, provider_id, account.id, document)
        return _answer(tx, now, account, provider_id, "document_added")


@router.post("/{provider_id}/documents/{document_id}/revoke")
def revoke_document(
    provider_id: ProviderId, document_id: DocumentId, body: Reason, account: Supervisor, db: Db, now: Now
) -> ProviderDetail:
    """A document does not count any more."""
    with db.transaction(account.seat_id) as tx:
        documents.revoke_document(tx, now, provider_id, account.id, document_id, body.reason)
        return _answer(tx, now, account, provider_id, "document_revoked")


@router.put("/{provider_id}/areas/{org_code}")
def add_area(provider_id: ProviderId, org_code: PathCode, account: Supervisor, db: Db, now: Now) -> ProviderDetail:
    """Let a provider serve a unit with all below it."""
    with db.transaction(account.seat_id) as tx:
        services.add_area(tx, now, provider_id, account.id, org_code)
        return _answer(tx, now, account, provider_id, "area_added")


@router.delete("/{provider_id}/areas/{org_code}")
def end_area(provider_id: ProviderId, org_code: PathCode, account: Supervisor, db: Db, now: Now) -> ProviderDetail:
    """Let a provider serve a unit no longer."""
    with db.transaction(account.seat_id) as tx:
        known = _visible(tx, now, account, provider_id)
        changed = services.end_area(tx, now, provider_id, account.id, org_code)
        log_access(tx, now, account.id, "provider.changed", detail={"provider_id": provider_id, "what": "area_ended"})
        # Whoever serves only other districts now is shown this once more.
        others = [area for area in known["areas"] if area["code"] != org_code]
        found = provider_rows(tx, now, account.id, provider_id=provider_id) or [{**known, "areas": others}]
        return provider_detail(tx, now, found[0], changed)


@router.put("/{provider_id}/services/{item_code}")
def set_service(
    provider_id: ProviderId, item_code: PathCode, body: ServiceBody, account: Supervisor, db: Db, now: Now
) -> ProviderDetail:
    """Let a provider do an item, at its own or the catalogue's rate."""
    with db.transaction(account.seat_id) as tx:
        services.set_service(tx, now, provider_id, account.id, item_code, body.provider_fen)
        return _answer(tx, now, account, provider_id, "service_set")


@router.delete("/{provider_id}/services/{item_code}")
def end_service(provider_id: ProviderId, item_code: PathCode, account: Supervisor, db: Db, now: Now) -> ProviderDetail:
    """Let a provider do an item no longer."""
    with db.transaction(account.seat_id) as tx:
        changed = services.end_service(tx, now, provider_id, account.id, item_code)
        return _answer(tx, now, account, provider_id, "service_ended", changed)
