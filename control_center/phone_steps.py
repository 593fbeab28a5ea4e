"""What a worker's phone kept while it had no network, reported together; each step is answered for itself."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from control_center.access import log_access
from control_center.auth import Worker
from control_center.dependencies import LARGEST_BIGINT, Db, Now, Storable
from control_center.language import preferred, text
from control_center.visits import Measurement, PerhapsHere, Words, door_code_hash
from dispatch.refusals import RefusalCode
from dispatch.service.phone_steps import PhoneStep, reconcile
from schemas.states import FailReason

router: Final = APIRouter(prefix="/api/work", tags=["visits"])
MOST_STEPS: Final = 100


class StepReport(PerhapsHere):
    """One step as the phone kept it, under its own name for it and with its own time. `photos` are SHA-256 hashes, in
    hexadecimal, of the pictures that it sends apart."""

    client_id: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9-]{8,64}$")]
    order_id: Annotated[int, Field(strict=True, ge=1, le=LARGEST_BIGINT)]
    step: Literal["depart", "check_in", "begin", "tick", "measure", "complete", "fail"]
    captured_at: AwareDatetime
    code: Annotated[str, StringConstraints(min_length=1, max_length=100), Storable] | None = None
    tick: Annotated[str, StringConstraints(pattern="^[a-z0-9_]{1,40}$")] | None = None
    done: bool = True
    measured: Measurement | None = None
    note: Words | None = None
    reason: Words | None = None
    fail_reason: FailReason | None = None
    elder_code: Annotated[str, StringConstraints(pattern="^[0-9]{4}$")] | None = None
    photos: Annotated[list[Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]], Field(max_length=20)] = Field(
        default_factory=list
    )

    def kept(self) -> PhoneStep:
        """As dispatch takes it. Raises RequestValidationError, ApiError mistyped_code."""
        return PhoneStep(
            client_id=self.client_id,
            order_id=self.order_id,
            step=self.step,
            captured_at=self.captured_at,
            spot=self.spot(),
            code_hash=None if self.code is None else door_code_hash(self.code),
            tick=self.tick,
            done=self.done,
            signs=None if self.measured is None else self.measured.signs(),
            note=self.note or None,
            reason=self.reason or None,
            fail_reason=self.fail_reason,
            elder_code=self.elder_code,
            photos=tuple(self.photos),
        )


class StepReports(BaseModel):
    """Steps in the order in which they were taken."""

    steps: Annotated[list[StepReport], Field(min_length=1, max_length=MOST_STEPS)]


class StepAnswer(BaseModel):
    """What became of a step: done, or refused with why; `repeated` when it was known from an earlier report."""

    client_id: str
    outcome: Literal["done", "refused"]
    code: RefusalCode | None
    message: str | None
    received_at: datetime
    repeated: bool


class StepAnswers(BaseModel):
    """An answer for each step, in their order."""

    steps: list[StepAnswer]
    server_time: datetime


@router.post("/steps")
def report_steps(body: StepReports, request: Request, account: Worker, db: Db, now: Now) -> StepAnswers:
    """Report what was done without a network; the server's time of receipt counts, the phone's is kept beside it."""
    language = preferred(request.headers.get("accept-language"))
    steps = [step.kept() for step in body.steps]
    with db.transaction() as tx:
        received = reconcile(tx, now, account.id, steps)
        log_access(tx, now, account.id, "steps.reported", detail={"steps": len(steps)})
    return StepAnswers(
        steps=[
            StepAnswer(
                client_id=one.client_id,
                outcome="done" if one.refusal is None else "refused",
                code=one.refusal,
                message=None if one.refusal is None else text(language, f"errors.{one.refusal}"),
                received_at=one.received_at,
                repeated=one.repeated,
            )
            for one in received
        ],
        server_time=now,
    )
