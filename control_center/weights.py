"""How workers are ranked and orders given to them, as supervisors of a whole district set it: weights and modes."""

from datetime import datetime, time
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from control_center.access import log_access
from control_center.auth import SignedIn, Staff, Supervisor
from control_center.dependencies import Db, Now, Storable
from control_center.errors import ApiError
from control_center.planning_scope import answers_for_district
from control_center.shapes import Shape
from dispatch import weights
from dispatch.order_policies import ModePolicy, policies, set_policy
from schemas.database import Transaction
from schemas.states import AssignmentMode, Assist

router = APIRouter(prefix="/api", tags=["assignment"])
Task = Annotated[Literal["order", "alarm"], Path()]
Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable]
MOST_REPLAYED: Final = 500


class Weights(BaseModel):
    """What counts how much, in minutes of travel: see docs/operations.md."""

    travel_weight: Weight
    load_minutes: Weight
    familiarity_minutes: Weight
    usual_minutes: Weight
    paired_minutes: Weight
    balance_minutes: Weight
    earnings_minutes: Weight
    rating_minutes: Weight
    risk_minutes: Weight
    calm_minutes: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
    spare_minutes: Weight
    sex_minutes: Weight
    unskilled_minutes: Weight
    doubt_minutes: Weight
    position_trusted_seconds: Annotated[int, Field(ge=0, le=86400)]
    position_lost_seconds: Annotated[int, Field(ge=1, le=86400)]

    @model_validator(mode="after")
    def _in_order(self) -> "Weights":
        if self.position_lost_seconds <= self.position_trusted_seconds:
            raise PydanticCustomError("invalid", "a position is lost after it was trusted")
        return self


class NewWeights(Weights):
    """Weights as they are to be, and why."""

    note: Note | None = None


class WeightsTried(Weights):
    """Weights to be held against the decisions about the last so many orders."""

    orders: Annotated[int, Field(ge=1, le=MOST_REPLAYED)] = 100


class WeightsShape(Shape):
    """One version of the weights; `set_by` is null for those that came with the service."""

    weights: Weights
    note: str | None
    valid_from: datetime
    valid_to: datetime | None
    set_by: str | None
    ended_by: str | None


class WeightsHistory(Shape):
    """Every version, the standing one first."""

    versions: list[WeightsShape]


class OtherChoice(Shape):
    """An order for which somebody else would have been asked first."""

    order_id: int
    asked: int
    instead: int


class Tried(Shape):
    """What other weights would have done: of how many orders, for which somebody else, and by how many minutes of
    travel more on the whole. Only the workers into whose days was looked are held against each other."""

    orders: int
    others: list[OtherChoice]
    travel_minutes: float


class ModeBody(BaseModel):
    """How the orders of an assist find their worker; `plan_cutoff` is on the district's day before the visit."""

    mode: AssignmentMode
    offer_seconds: Annotated[int, Field(ge=10, le=86400)]
    offers_at_once: Annotated[int, Field(ge=1, le=50)]
    hall_seconds: Annotated[int, Field(ge=10, le=86400)]
    hall_most: Annotated[int, Field(ge=1, le=100)]
    plan_cutoff: time
    plan_minutes: Annotated[int, Field(ge=1, le=600)]
    unfilled_seconds: Annotated[int, Field(ge=60, le=604800)]


class ModeShape(Shape):
    """The policy of an assist."""

    assist: Assist
    policy: ModeBody


class Modes(Shape):
    """The policies of all assists."""

    assists: list[ModeShape]


def _refuse_unless_district(tx: Transaction, now: datetime, account: SignedIn) -> None:
    if not answers_for_district(tx, now, account.id):
        raise ApiError("not_permitted")


def _history(tx: Transaction, task: Literal["order", "alarm"]) -> WeightsHistory:
    return WeightsHistory(
        versions=[
            WeightsShape(
                weights=Weights(**{name: row[name] for name in weights.COLUMNS}),
                note=row["note"],
                valid_from=row["valid_from"],
                valid_to=row["valid_to"],
                set_by=row["setter"],
                ended_by=row["ender"],
            )
            for row in weights.history(tx, task)
        ]
    )


@router.get("/ranking-policies/{task}")
def read_weights(task: Task, _account: Staff, db: Db) -> WeightsHistory:
    """The weights by which workers are ranked for orders, or for alarms, in every version."""
    with db.transaction() as tx:
        return _history(tx, task)


@router.put("/ranking-policies/{task}")
def set_weights(task: Task, body: NewWeights, account: Supervisor, db: Db, now: Now) -> WeightsHistory:
    """Rank by other weights from now on; what stood is kept."""
    with db.transaction(account.seat_id) as tx:
        _refuse_unless_district(tx, now, account)
        wanted = body.model_dump(include=set(weights.COLUMNS))
        weights.set_weights(tx, now, account.id, task, wanted, body.note)
        log_access(tx, now, account.id, "weights.set", detail={"task": task, **wanted})
        return _history(tx, task)


@router.post("/ranking-policies/order/try")
def try_weights(body: WeightsTried, account: Supervisor, db: Db, now: Now) -> Tried:
    """Hold the last decisions about orders against other weights; nothing is changed."""
    with db.transaction() as tx:
        _refuse_unless_district(tx, now, account)
        found = weights.replay(tx, body.model_dump(include=set(weights.COLUMNS)), body.orders)
    others = [OtherChoice(order_id=order_id, asked=asked, instead=instead) for order_id, asked, instead in found.others]
    return Tried(orders=found.orders, others=others, travel_minutes=round(found.travel_minutes, 1))


def _modes(tx: Transaction) -> Modes:
    return Modes(assists=[ModeShape(assist=row["assist"], policy=ModeBody(**row)) for row in policies(tx)])


@router.get("/order-policies")
def read_modes(_account: Staff, db: Db) -> Modes:
    """How the orders of each assist find their worker."""
    with db.transaction() as tx:
        return _modes(tx)


@router.put("/order-policies/{assist}")
def set_mode(assist: Assist, body: ModeBody, account: Supervisor, db: Db, now: Now) -> Modes:
    """Set how the orders of an assist find their worker; searches that begin from now on follow it."""
    with db.transaction(account.seat_id) as tx:
        _refuse_unless_district(tx, now, account)
        was = set_policy(tx, assist, ModePolicy(**body.model_dump()))
        log_access(tx, now, account.id, "mode.set", detail={"assist": assist, "was": was})
        return _modes(tx)
