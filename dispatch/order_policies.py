"""How the orders of each assist find their worker: read and set."""

from dataclasses import asdict, dataclass
from datetime import time
from typing import Any, Final

from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import AssignmentMode, Assist

COLUMNS: Final = (
    "mode", "offer_seconds", "offers_at_once", "hall_seconds", "hall_most", "plan_cutoff", "plan_minutes",
    "unfilled_seconds",
)  # fmt: skip
READ = statement("""
    SELECT assist, policy_mode AS mode, offer_seconds, offers_at_once, hall_seconds, hall_most, plan_cutoff,
           plan_minutes, unfilled_seconds
    FROM assist_policy ORDER BY assist
""")
LOCK = statement("SELECT * FROM order_policy WHERE assist = %(assist)s::text FOR UPDATE")
SET = statement("""
    INSERT INTO order_policy (assist, accept_seconds, mode, offer_seconds, offers_at_once, hall_seconds, hall_most,
                              plan_cutoff, plan_minutes, unfilled_seconds)
    VALUES (%(assist)s::text, 600, %(mode)s::text, %(offer_seconds)s::integer, %(offers_at_once)s::smallint,
            %(hall_seconds)s::integer, %(hall_most)s::smallint, %(plan_cutoff)s::time, %(plan_minutes)s::smallint,
            %(unfilled_seconds)s::integer)
    ON CONFLICT (assist) DO UPDATE
    SET mode = EXCLUDED.mode, offer_seconds = EXCLUDED.offer_seconds, offers_at_once = EXCLUDED.offers_at_once,
        hall_seconds = EXCLUDED.hall_seconds, hall_most = EXCLUDED.hall_most, plan_cutoff = EXCLUDED.plan_cutoff,
        plan_minutes = EXCLUDED.plan_minutes, unfilled_seconds = EXCLUDED.unfilled_seconds
""")


@dataclass(frozen=True)
class ModePolicy:
    """How orders find their worker: see `order_policy` in the migrations. The cut-off is the district's time."""

    mode: AssignmentMode
    offer_seconds: int
    offers_at_once: int
    hall_seconds: int
    hall_most: int
    plan_cutoff: time
    plan_minutes: int
    unfilled_seconds: int


def policies(tx: Transaction) -> list[Row]:
    """What holds for each assist."""
    return tx.rows(READ)


def set_policy(tx: Transaction, assist: Assist, policy: ModePolicy) -> dict[str, Any] | None:
    """Let the orders of an assist find their worker so; returns what held before, as plain values."""
    was = tx.row(LOCK, {"assist": assist})
    tx.execute(SET, {"assist": assist, **asdict(policy)})
    return None if was is None else {name: str(was[name]) for name in COLUMNS}
