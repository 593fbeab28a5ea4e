"""Looks at each completed visit: what is suspicious, whether somebody calls, what its worker's score is."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Final, LiteralString

from prometheus_client import Counter
from psycopg.types.json import Jsonb

from dispatch.candidates import place_of
from dispatch.service import reviews, visit_calls
from dispatch.service.checking_in import USUAL
from dispatch.service.patterns import Finding, Match, Pattern, Rule, Taken, Visit, find, score
from dispatch.service.policy import ProofPolicy, visit_rules
from dispatch.service.visit_rows import HALF
from dispatch.sweeping import Sweep, act_on_each
from dispatch.travel import Place
from schemas.database import Row, Transaction
from schemas.statements import statement

LOOK_BACK: Final = timedelta(days=30)
PHOTOS_BACK: Final = timedelta(days=90)
MOST_VISITS: Final = 600
CLAIM_DUE = statement("""
    SELECT service_order.id, service_order.worker_id, service_order.elder_id, service_order.is_test,
           service_order.lead_id, service_order.item_code, account.name AS worker_name
    FROM service_order
    JOIN worker ON worker.id = service_order.worker_id
    JOIN account ON account.id = worker.account_id
    WHERE service_order.examine_at <= %(now)s::timestamptz
    ORDER BY service_order.examine_at, service_order.id LIMIT %(limit)s::integer
    FOR UPDATE OF service_order SKIP LOCKED
""")
POSTPONE = statement("UPDATE service_order SET examine_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
OVERDUE = statement("SELECT count(*) AS overdue FROM service_order WHERE examine_at < %(before)s::timestamptz")
EXAMINED = statement("UPDATE service_order SET examine_at = NULL WHERE id = %(id)s::bigint")
SWEEP: Final = Sweep(
    "visit",
    POSTPONE,
    OVERDUE,
    Counter("anban_visit_steps_failed_total", "Completed visits whose look failed and was put off by 30 s"),
)
_VISITS: Final[LiteralString] = """
    SELECT service_order.id, service_order.elder_id, service_order.checked_in_by, service_order.checked_in_at,
           service_order.begun_at, service_order.completed_at, service_order.phone_times, service_order.flags,
           service_order.checked_in_lat, service_order.checked_in_lon, service_order.checked_in_accuracy_m,
           service_order.completed_lat, service_order.completed_lon, service_order.duration_minutes,
           item.least_minutes, household.lat, household.lon, limits.radius_m
    FROM service_order
    JOIN catalogue_item AS item ON item.code = service_order.item_code AND item.version = service_order.item_version
    JOIN elder ON elder.id = service_order.elder_id
    JOIN household ON household.id = elder.household_id
    LEFT JOIN LATERAL check_in_limits(household.org_code) AS limits ON true
"""
LATEST = statement(f"""{_VISITS}
    WHERE service_order.worker_id = %(worker_id)s::integer AND service_order.completed_at IS NOT NULL
      AND service_order.window_from >= %(since)s::timestamptz - interval '3 days'
      AND service_order.completed_at >= %(since)s::timestamptz AND NOT service_order.is_test
    ORDER BY service_order.completed_at DESC LIMIT %(limit)s::integer
""")
PHOTOS = statement("""
    SELECT id, captured_at, exif_at FROM visit_photo WHERE order_id = %(order_id)s::bigint ORDER BY id
""")
# Each part finds its pictures by an index of its own; only the worker's are compared bit by bit.
MATCHES = statement("""
    SELECT mine.id, other.id AS earlier_id, other.order_id AS earlier_order_id, true AS exact, 0 AS bits
    FROM visit_photo AS mine JOIN visit_photo AS other ON other.sha256 = mine.sha256
    WHERE mine.order_id = %(order_id)s::bigint AND other.order_id <> mine.order_id AND other.id < mine.id
    UNION
    SELECT mine.id, other.id, other.order_id, false, 0
    FROM visit_photo AS mine JOIN visit_photo AS other ON other.perceptual = mine.perceptual
    WHERE mine.order_id = %(order_id)s::bigint AND other.order_id <> mine.order_id AND other.id < mine.id
      AND other.sha256 <> mine.sha256
    UNION
    SELECT mine.id, other.id, other.order_id, false, bit_count((mine.perceptual # other.perceptual)::bit(64))::integer
    FROM visit_photo AS mine
    JOIN visit_photo AS other ON other.worker_id = mine.worker_id AND other.received_at >= %(since)s::timestamptz
    WHERE mine.order_id = %(order_id)s::bigint AND other.order_id <> mine.order_id AND other.id < mine.id
      AND other.perceptual <> mine.perceptual
      AND bit_count((mine.perceptual # other.perceptual)::bit(64)) <= 8
    ORDER BY 1, 2
""")
RULES = statement("SELECT pattern, weight, limits FROM fraud_pattern")
WRITE = statement("""
    INSERT INTO fraud_finding (order_id, worker_id, pattern, weight, at, evidence)
    VALUES (%(order_id)s::bigint, %(worker_id)s::integer, %(pattern)s::text, %(weight)s::smallint,
            %(now)s::timestamptz, %(evidence)s::jsonb)
    ON CONFLICT (order_id, pattern) DO UPDATE SET evidence = EXCLUDED.evidence WHERE fraud_finding.verdict IS NULL
""")
AGAINST = statement("""
    SELECT COALESCE(array_agg(weight) FILTER (WHERE task_id IS NULL), '{}') AS weights, count(*) AS findings
    FROM fraud_finding
    WHERE worker_id = %(worker_id)s::integer AND at >= %(since)s::timestamptz
      AND verdict IS DISTINCT FROM 'no_fraud'
""")


def rules_of(tx: Transaction) -> dict[Pattern, Rule]:
    """The patterns that are looked for."""
    return {row["pattern"]: Rule(row["weight"], row["limits"]) for row in tx.rows(RULES)}


def sweep_visits(tx: Transaction, now: datetime, limit: int = 50) -> int:
    """Look at every completed visit that nobody has looked at; returns how many."""
    due = tx.rows(CLAIM_DUE, {"now": now, "limit": limit})
    return act_on_each(tx, now, due, lambda order: examine(tx, now, order), SWEEP)


def examine(tx: Transaction, now: datetime, order: Row) -> None:
    """Look at one visit: write down what is suspicious, draw whether somebody calls, and open a review where the
    worker's score is too high. A visit that is looked at again keeps what was found."""
    tx.execute(EXAMINED, {"id": order["id"]})
    if order["is_test"]:
        return
    policy = visit_rules(tx)
    since = now - LOOK_BACK
    latest = tx.rows(LATEST, {"worker_id": order["worker_id"], "since": since, "limit": MOST_VISITS})
    found = _found(tx, now, order["id"], latest, policy)
    for finding in found:
        _write(tx, now, order, finding)
    [against] = tx.rows(AGAINST, {"worker_id": order["worker_id"], "since": since})
    watched = visit_calls.is_watched(len(latest), against["findings"], policy)
    if order["lead_id"] is None and visit_calls.is_drawn(order["id"], policy, watched=watched):
        visit_calls.ask(tx, now, order, policy)
    reached = score(against["weights"], len(latest))
    if reached >= policy.review_score or reviews.is_open(tx, order["worker_id"]):
        reviews.open_or_join(tx, now, order, reached, since, policy)


def _found(tx: Transaction, now: datetime, order_id: int, latest: list[Row], policy: ProofPolicy) -> list[Finding]:
    visits = {row["id"]: _visit(row, policy.pace) for row in latest}
    visit = visits.pop(order_id, None)
    if visit is None:
        return []
    photos = tuple(
        Taken(row["id"], row["captured_at"], row["exif_at"]) for row in tx.rows(PHOTOS, {"order_id": order_id})
    )
    about = {"order_id": order_id, "since": now - PHOTOS_BACK}
    matches = tuple(
        Match(row["id"], row["earlier_id"], row["earlier_order_id"], row["exact"], row["bits"])
        for row in tx.rows(MATCHES, about)
    )
    seen = Visit(**{**vars(visit), "photos": photos, "matches": matches})
    return find(seen, list(visits.values()), rules_of(tx), policy.pace)


def _visit(row: Row, pace: float) -> Visit:
    by_phone = defaultdict(lambda: None, {step: datetime.fromisoformat(at) for step, at in row["phone_times"].items()})
    least = row["least_minutes"] if row["least_minutes"] is not None else row["duration_minutes"] * HALF
    return Visit(
        order_id=row["id"],
        elder_id=row["elder_id"],
        home=place_of(row["lat"], row["lon"]),
        by=row["checked_in_by"],
        checked_in_at=by_phone["checked_in"] or row["checked_in_at"],
        began=by_phone["begun"] or row["begun_at"],
        ended=by_phone["completed"] or row["completed_at"],
        arrived_at=_spot(row["checked_in_lat"], row["checked_in_lon"]),
        arrived_accuracy_m=row["checked_in_accuracy_m"],
        left_at=_spot(row["completed_lat"], row["completed_lon"]),
        radius_m=row["radius_m"] if row["radius_m"] is not None else USUAL.radius_m,
        least=timedelta(minutes=least) / pace,
        flags=tuple(row["flags"]),
    )


def _spot(lat: float | None, lon: float | None) -> Place | None:
    return None if lat is None or lon is None else Place(lat, lon)


def _write(tx: Transaction, now: datetime, order: Row, finding: Finding) -> None:
    tx.execute(
        WRITE,
        {
            "order_id": order["id"],
            "worker_id": order["worker_id"],
            "pattern": finding.pattern,
            "weight": finding.weight,
            "now": now,
            "evidence": Jsonb(finding.evidence),
        },
    )
