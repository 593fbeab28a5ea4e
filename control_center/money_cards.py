"""The shapes of settlements, corrections, statements and balances; all sums of money are in fen."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from control_center.cards import Person, Shape
from control_center.dependencies import LARGEST_INTEGER, Storable
from dispatch.catalogue.subsidies import Category
from dispatch.money.ledger import AccountKind, EntryKind
from dispatch.money.settlements import SettlementState

Month = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
"""A month of the district as 2026-11."""
Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), Storable]
Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), Storable]
Sum = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
Change = Annotated[int, Field(strict=True, ge=-10_000_000, le=10_000_000)]


def first_of(month: str) -> date:
    """The first day of a month."""
    return date.fromisoformat(f"{month}-01")


class ProviderName(Shape):
    """A provider."""

    id: int
    name: str


class SettlementTotals(Shape):
    """Visits, what they cost, who pays it, what the provider gets for them; what was added or taken off for everything
    else; what the provider is paid in all."""

    visits: int
    price_fen: int
    subsidy_fen: int
    elder_fen: int
    provider_fen: int
    adjustment_fen: int
    due_fen: int


class SettlementBrief(Shape):
    """A provider's month; without a state nobody has drafted it yet."""

    id: int | None
    district_code: str
    provider: ProviderName
    month: Month
    state: SettlementState | None
    visits: int
    due_fen: int
    drafted_by: Person | None
    approved_by: Person | None


class SettlementList(Shape):
    """Settlements, the latest month first, drafted or not."""

    settlements: list[SettlementBrief]


class SettlementLine(Shape):
    """One entry of a settlement: a visit, or what was corrected about one. The elder's name as far as her provider may
    know it once the visit is over: the family name."""

    entry_id: int
    kind: EntryKind
    at: datetime
    order_id: int | None
    served_at: datetime | None
    item_zh: str | None
    item_en: str | None
    elder: str | None
    minutes: int | None
    category: Category | None
    price_fen: int
    subsidy_fen: int
    elder_fen: int
    provider_fen: int
    reverses: int | None
    note: str | None


class Difference(Shape):
    """An order of which the ledger does not say what follows from its confirmation, a no-show or a complaint; null on
    the side that knows nothing."""

    kind: EntryKind
    order_id: int
    told_price_fen: int | None
    told_subsidy_fen: int | None
    told_provider_fen: int | None
    booked_price_fen: int | None
    booked_subsidy_fen: int | None
    booked_provider_fen: int | None


class Settlement(Shape):
    """A settlement with all that it consists of, who did what with it, and whether it follows from the events."""

    id: int
    district_code: str
    provider: ProviderName
    month: Month
    state: SettlementState
    drafted_at: datetime
    drafted_by: Person
    approved_at: datetime | None
    approved_by: Person | None
    paid_at: datetime | None
    paid_by: Person | None
    payment_reference: str | None
    totals: SettlementTotals
    lines: list[SettlementLine]
    differences: list[Difference]


class DraftBody(BaseModel):
    """Whose month is to be settled."""

    district_code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,40}$")]
    provider_id: Annotated[int, Field(strict=True, ge=1, le=LARGEST_INTEGER)]
    month: Month


class PaidBody(BaseModel):
    """The bank's reference of a payment."""

    reference: Reference


class AdjustmentBody(BaseModel):
    """By how much an order's sides are corrected, and why. `key` is the correction's own name, made up by whoever asks:
    sent twice it is booked once."""

    key: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{8,60}$")]
    elder_fen: Change = 0
    subsidy_fen: Change = 0
    provider_fen: Change = 0
    reason: Why

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.elder_fen or self.subsidy_fen or self.provider_fen):
            raise ValueError("corrects nothing")
        return self


class ReversalBody(BaseModel):
    """Why an entry is undone."""

    reason: Why


class PaymentBody(BaseModel):
    """What was received, and the number of the receipt, which books it once."""

    amount_fen: Sum
    receipt: Reference


class SubsidyPaymentBody(PaymentBody):
    """What a subsidy fund paid the district."""

    category: Category


class Booked(Shape):
    """The entry that was written."""

    entry_id: int


class OrderEntry(Shape):
    """One entry of an order, with what it moved."""

    id: int
    at: datetime
    kind: EntryKind
    month: Month
    elder_fen: int
    subsidy_fen: int
    provider_fen: int
    reverses: int | None
    reversed_by: int | None
    actor: str | None
    note: str | None


class OrderLedger(Shape):
    """Everything that was booked for an order, oldest first."""

    entries: list[OrderEntry]


class AccountBalance(Shape):
    """All elders' accounts together, one fund's, one provider's, the district's or the cash: what was booked on either
    side. Above zero they owe the district."""

    kind: AccountKind
    category: Category | None
    provider: ProviderName | None
    accounts: int
    debit_fen: int
    credit_fen: int
    balance_fen: int


class TrialBalance(Shape):
    """A district's books at the end of a month; both sides come to the same."""

    month: Month
    accounts: list[AccountBalance]
    debit_fen: int
    credit_fen: int


class StatementEntry(Shape):
    """One entry of an elder's account; the reason of a correction is for staff."""

    id: int
    at: datetime
    kind: EntryKind
    order_id: int | None
    item_zh: str | None
    item_en: str | None
    amount_fen: int
    subsidy_fen: int
    note: str | None


class ElderAccount(Shape):
    """A month of an elder's account: what was owed before, what was booked, what is owed after."""

    month: Month
    opening_fen: int
    closing_fen: int
    entries: list[StatementEntry]
