"""Steps that a phone took without a network and reports later: taken in order, each once, and kept whatever they meet.

The server's time of receipt is what counts; the phone's own is kept beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from psycopg.types.json import Jsonb

from dispatch.order_rows import locked_order
from dispatch.positions import Spot
from dispatch.refusals import RefusalCode, Refused
from dispatch.service import checking_in, completing, evidence, late_reports, visits, vital_checks
from dispatch.service.late_reports import AtDoor, LateReport
from dispatch.service.photos import LATELY
from dispatch.service.policy import ProofPolicy, visit_rules
from dispatch.service_level.breaches import arrived_earlier
from dispatch.timelines import Subject, record
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import FailReason

Kind = Literal["depart", "check_in", "begin", "tick", "measure", "complete", "fail"]
LIVE: Final = timedelta(minutes=1)
"""A step that is heard of so soon was not taken without a network."""
WORKER = statement("""
    SELECT worker.id FROM worker JOIN account ON account.id = worker.account_id
    WHERE worker.account_id = %(account_id)s::integer AND account.disabled_at IS NULL
""")
# All orders of the batch at once and by number, so that two batches that meet wait for each other in one direction.
LOCK_HELD = statement("""
    SELECT service_order.id, service_order.elder_id FROM service_order
    WHERE service_order.id = ANY(%(ids)s::bigint[])
      AND (service_order.worker_id = %(worker_id)s::integer OR EXISTS (
          SELECT FROM offer WHERE offer.order_id = service_order.id AND offer.worker_id = %(worker_id)s::integer
            AND offer.state = 'accepted' AND offer.answered_at >= %(since)s::timestamptz))
    ORDER BY service_order.id FOR UPDATE OF service_order
""")
KNOWN = statement("""
    SELECT client_id, refusal, received_at FROM visit_step
    WHERE worker_id = %(worker_id)s::integer AND client_id = ANY(%(client_ids)s::text[])
""")
KEEP = statement("""
    INSERT INTO visit_step (worker_id, client_id, order_id, step, captured_at, received_at, body, refusal)
    VALUES (%(worker_id)s::integer, %(client_id)s::text, %(order_id)s::bigint, %(step)s::text,
            %(captured_at)s::timestamptz, %(now)s::timestamptz, %(body)s::jsonb, %(refusal)s::text)
""")


@dataclass(frozen=True)
class PhoneStep:
    """One step as a phone kept it: `client_id` is its name for it, `captured_at` its own time. What else a step needs
    is empty for the others; `photos` are the hashes of pictures that were sent apart, in hexadecimal."""

    client_id: str
    order_id: int
    step: Kind
    captured_at: datetime
    spot: Spot | None = None
    code_hash: bytes | None = None
    tick: str | None = None
    done: bool = True
    signs: dict[str, float] | None = None
    note: str | None = None
    reason: str | None = None
    fail_reason: FailReason | None = None
    elder_code: str | None = None
    photos: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """As it is kept; of the home's code only that there was one."""
        where = None
        if self.spot is not None and self.spot.sane():
            where = {"lat": self.spot.lat, "lon": self.spot.lon, "accuracy_m": self.spot.accuracy_m}
        told = {
            "spot": where,
            "by_code": self.code_hash is not None,
            "tick": self.tick,
            "done": self.done if self.tick else None,
            "signs": self.signs,
            "note": self.note,
            "reason": self.reason,
            "fail_reason": self.fail_reason,
            "photos": list(self.photos),
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True)
class Received:
    """What became of a step; `refusal` is why it changed nothing, `repeated` that it was known already."""

    client_id: str
    received_at: datetime
    refusal: RefusalCode | None
    repeated: bool


def clock_refusal(captured_at: datetime, now: datetime, policy: ProofPolicy) -> RefusalCode | None:
    """Why a step with this time of the phone's is not taken; None when it is; pure."""
    if captured_at < now - policy.offline:
        return "too_long_ago"
    return "clock_ahead" if captured_at > now + policy.ahead else None


def late_report(steps: Sequence[PhoneStep], now: datetime, policy: ProofPolicy) -> LateReport:
    """What steps about one order say of being on the way and at the door, as far as their times are believed; pure."""
    believed = [step for step in steps if clock_refusal(step.captured_at, now, policy) is None]
    return LateReport(
        departed=sorted(step.captured_at for step in believed if step.step == "depart"),
        arrived=[AtDoor(step.captured_at, step.spot, step.code_hash) for step in believed if step.step == "check_in"],
    )


def reconcile(tx: Transaction, now: datetime, account_id: int, steps: Sequence[PhoneStep]) -> list[Received]:
    """Take the steps in the order given and say what became of each. Raises Refused not_found for nobody's phone.

    One that is refused changes nothing but is kept, and told on the timeline of the order if that was hers: what she
    saw stays evidence, though the order was called off or given to another meanwhile. A visit that was taken from her
    because she did not come is hers again if she did, and nobody else has it.
    """
    worker = tx.row(WORKER, {"account_id": account_id})
    if worker is None:
        raise Refused("not_found")
    about = {"worker_id": worker["id"], "since": now - LATELY}
    held = {row["id"]: row for row in tx.rows(LOCK_HELD, {**about, "ids": sorted({one.order_id for one in steps})})}
    asked = {"worker_id": worker["id"], "client_ids": [one.client_id for one in steps]}
    known = {
        row["client_id"]: Received(row["client_id"], row["received_at"], row["refusal"], repeated=True)
        for row in tx.rows(KNOWN, asked)
    }
    policy = visit_rules(tx)
    for order_id in held:
        news = [step for step in steps if step.order_id == order_id and step.client_id not in known]
        late_reports.hear(tx, now, order_id, worker["id"], account_id, late_report(news, now, policy))
    answers: list[Received] = []
    for step in steps:
        if step.client_id not in known:
            refusal = _take(tx, now, account_id, step, policy) if step.order_id in held else "not_found"
            _keep(tx, now, worker["id"], step, refusal)
            if refusal is not None and step.order_id in held:
                _tell_refused(tx, now, held[step.order_id], account_id, step, refusal)
            known[step.client_id] = Received(step.client_id, now, refusal, repeated=True)
            answers.append(Received(step.client_id, now, refusal, repeated=False))
        else:
            answers.append(known[step.client_id])
    return answers


def _take(tx: Transaction, now: datetime, account_id: int, step: PhoneStep, policy: ProofPolicy) -> RefusalCode | None:
    refusal = clock_refusal(step.captured_at, now, policy)
    if refusal is not None:
        return refusal
    captured_at = step.captured_at if now - step.captured_at > LIVE else None
    try:
        with tx.savepoint():
            return _TAKERS[step.step](tx, now, account_id, step, captured_at)
    except Refused as refused:
        return refused.code


def _keep(tx: Transaction, now: datetime, worker_id: int, step: PhoneStep, refusal: RefusalCode | None) -> None:
    tx.execute(
        KEEP,
        {
            "worker_id": worker_id,
            "client_id": step.client_id,
            "order_id": step.order_id,
            "step": step.step,
            "captured_at": step.captured_at,
            "now": now,
            "body": Jsonb(step.told()),
            "refusal": refusal,
        },
    )


def _tell_refused(
    tx: Transaction, now: datetime, order: Row, account_id: int, step: PhoneStep, refusal: RefusalCode
) -> None:
    subject = Subject("order", order["id"], order["elder_id"])
    said = {"step": step.step, "refusal": refusal, "captured_at": step.captured_at.isoformat(), **step.told()}
    record(tx, now, subject, "step_refused", actor_id=account_id, detail=said)
    tx.emit(subject.event("order.changed", now, account_id=account_id))


Taker = Callable[[Transaction, datetime, int, PhoneStep, datetime | None], RefusalCode | None]


def _depart(tx: Transaction, now: datetime, account_id: int, step: PhoneStep, at: datetime | None) -> None:
    visits.depart(tx, now, step.order_id, account_id, captured_at=at)


def _check_in(tx: Transaction, now: datetime, account_id: int, step: PhoneStep, at: datetime | None) -> None:
    checking_in.check_in(tx, now, step.order_id, account_id, step.spot, code_hash=step.code_hash, captured_at=at)
    if at is not None:
        arrived_earlier(tx, now, locked_order(tx, step.order_id))


def _begin(tx: Transaction, now: datetime, account_id: int, step: PhoneStep, at: datetime | None) -> RefusalCode | None:
    return visits.begin(tx, now, step.order_id, account_id, captured_at=at)


def _tick(tx: Transaction, now: datetime, account_id: int, step: PhoneStep, at: datetime | None) -> None:
    evidence.tick(tx, now, step.order_id, account_id, step.tick or "", done=step.done, captured_at=at)


def _measure(tx: Transaction, now: datetime, account_id: int, step: PhoneStep, _at: datetime | None) -> None:
    vital_checks.measure(tx, now, step.order_id, account_id, step.signs or {})


def _complete(
    tx: Transaction, now: datetime, account_id: int, step: PhoneStep, at: datetime | None
) -> RefusalCode | None:
    return completing.complete(
        tx,
        now,
        step.order_id,
        account_id,
        step.spot,
        step.note,
        reason=step.reason,
        elder_code=step.elder_code,
        captured_at=at,
    )


def _fail(tx: Transaction, now: datetime, account_id: int, step: PhoneStep, at: datetime | None) -> None:
    visits.fail(tx, now, step.order_id, account_id, step.fail_reason or "other", step.note, captured_at=at)


_TAKERS: Final[dict[Kind, Taker]] = {
    "depart": _depart,
    "check_in": _check_in,
    "begin": _begin,
    "tick": _tick,
    "measure": _measure,
    "complete": _complete,
    "fail": _fail,
}
