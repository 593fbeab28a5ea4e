"""What a phone without a network says too late of a visit that was taken from its worker because she did not come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatch.order_rows import locked_order
from dispatch.positions import Spot
from dispatch.refusals import Refused
from dispatch.service.checking_in import proof_of
from dispatch.service_level import no_shows
from schemas.database import Row, Transaction


@dataclass(frozen=True)
class AtDoor:
    """That she checked in, by the phone's time, with what proves it."""

    at: datetime
    spot: Spot | None
    code_hash: bytes | None


@dataclass(frozen=True)
class LateReport:
    """When she set out, earliest first, and stood at the door, by the phone's times."""

    departed: Sequence[datetime]
    arrived: Sequence[AtDoor]


def hear(tx: Transaction, now: datetime, order_id: int, worker_id: int, account_id: int, report: LateReport) -> None:
    """Hold a report against the case by which the engine gave up a locked order's worker, if there is one.

    With a network she would not have been given up had she set out before. Whoever proves that she was at the door by
    then has the visit again, unless somebody else has taken it; for everything else a supervisor is asked.
    """
    case = no_shows.given_up(tx, order_id, worker_id)
    if case is None:
        return
    departed = [at for at in report.departed if at <= case["at"]]
    arrived = [one for one in report.arrived if one.at <= case["at"]]
    if not departed and not arrived:
        return
    order = locked_order(tx, order_id)
    proven = next((one.at for one in arrived if _is_proof(tx, order, one)), None)
    if departed and proven and no_shows.give_back(tx, now, case, account_id, departed[0], proven):
        return
    first = arrived[0].at if arrived else None
    no_shows.ask_about(tx, now, case, order["elder_id"], departed[0] if departed else None, proven or first)


def _is_proof(tx: Transaction, order: Row, said: AtDoor) -> bool:
    try:
        proof_of(tx, said.at, order, said.spot, said.code_hash)
    except Refused:
        return False
    return True
