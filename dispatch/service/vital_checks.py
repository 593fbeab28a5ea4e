"""Vital signs that must be in range just before a service: measured by the worker, or told by the elder's wearable."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.types.json import Jsonb

from dispatch.catalogue.pre_checks import Measured, Verdict, checks_of, hold
from dispatch.order_rows import subject_of
from dispatch.service.evidence import require_there
from dispatch.service.visit_rows import own
from dispatch.timelines import record
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.vitals import VITALS

LONGEST: Final = timedelta(hours=24)
"""Nothing older is read, whatever an item allows."""
MEASURE = statement("""
    INSERT INTO visit_measurement (order_id, at, account_id, signs)
    VALUES (%(order_id)s::bigint, %(now)s::timestamptz, %(account_id)s::integer, %(signs)s::jsonb)
""")
MEASURED = statement("""
    SELECT at, signs FROM visit_measurement
    WHERE order_id = %(order_id)s::bigint AND at > %(since)s::timestamptz AND at <= %(now)s::timestamptz
""")
# Only of what the elder wore at the time: a hub's or a couple's device says nothing of one of two.
WORN = statement("""
    SELECT vitals.at, jsonb_strip_nulls(jsonb_build_object(
        'hr', hr, 'spo2', spo2, 'rr', rr, 'temp', temp, 'sbp', sbp, 'dbp', dbp)) AS signs
    FROM device_assignment AS worn
    JOIN vitals ON vitals.device_key = worn.device_key AND vitals.at >= worn.valid_from
              AND (worn.valid_to IS NULL OR vitals.at < worn.valid_to)
    WHERE worn.elder_id = %(elder_id)s::integer
      AND vitals.at > %(since)s::timestamptz AND vitals.at <= %(now)s::timestamptz
""")


def judged(tx: Transaction, now: datetime, order: Row, written: Sequence[Mapping[str, Any]]) -> Verdict:
    """Hold what is known of the elder of a locked visit against what its item asks for, as `pre_checks` wrote it."""
    checks = checks_of(written)
    if not checks:
        return hold((), (), now)
    since = now - min(LONGEST, timedelta(minutes=max(check.minutes for check in checks)))
    about = {"order_id": order["id"], "elder_id": order["elder_id"], "since": since, "now": now}
    # The worker's own measurement comes last: of two at one moment it counts.
    found = [*tx.rows(WORN, about), *tx.rows(MEASURED, about)]
    values = [Measured(sign, value, one["at"]) for one in found for sign, value in one["signs"].items()]
    return hold(checks, values, now)


def measure(tx: Transaction, now: datetime, order_id: int, account_id: int, signs: Mapping[str, float]) -> None:
    """Write down what a worker measured at the home, in the units of readings.

    Raises Refused: not_found, wrong_step, order_ended, order_cancelled.
    """
    order = own(tx, order_id, account_id, None)
    require_there(order)
    known = {sign: value for sign, value in signs.items() if sign in VITALS}
    tx.execute(MEASURE, {"order_id": order_id, "now": now, "account_id": account_id, "signs": Jsonb(known)})
    record(tx, now, subject_of(order), "measured", actor_id=account_id, detail={"signs": known})
    tx.emit(subject_of(order).event("order.changed", now, account_id=account_id))
