"""A district of 20,000 elders with a year of orders and alarms behind it, and the people who look after them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tests.integration.district import Connection, add_device, add_operator, add_streets, one

ELDERS: Final = 20_000
ORDERS: Final = 100_000
OPEN_ORDERS: Final = 1_000
ALARMS: Final = 50_000
OPEN_ALARMS: Final = 50
WORKERS: Final = 200

_PLACES: Final = (
    "INSERT INTO org_unit SELECT '500109' || lpad((100 + n)::text, 3, '0'), '500109', 'street', '街道 ' || n,"
    " '500109/500109' || lpad((100 + n)::text, 3, '0') || '/' FROM generate_series(1, 17) AS n",
    "INSERT INTO household (org_code, address) SELECT '500109' || lpad((101 + n %% 17)::text, 3, '0'), '路 ' || n"
    " FROM generate_series(1, %(elders)s) AS n",
    "INSERT INTO elder (household_id, name, gender, birth_date, state_since)"
    " SELECT id, '老人 ' || id, 'female', '1942-03-01', %(now)s FROM household",
)
_PEOPLE: Final = (
    "INSERT INTO account (username, name, role, password_hash, created_at)"
    " SELECT 'worker' || n, 'w', 'worker', '-', %(now)s FROM generate_series(1, %(workers)s) AS n",
    "INSERT INTO account (username, name, role, password_hash, created_at)"
    " SELECT 'family' || n, 'f', 'family', '-', %(now)s FROM generate_series(1, %(elders)s) AS n",
    "INSERT INTO account (username, name, role, password_hash, created_at)"
    " SELECT 'seat' || n, 'o', 'operator', '-', %(now)s FROM generate_series(1, 34) AS n",
    "INSERT INTO membership (account_id, elder_id, valid_from)"
    " SELECT id, substr(username, 7)::integer, %(now)s - interval '1 year' FROM account WHERE role = 'family'",
    "INSERT INTO membership (account_id, org_code, valid_from)"
    " SELECT id, '500109' || lpad((101 + id %% 17)::text, 3, '0'), %(now)s - interval '1 year'"
    " FROM account WHERE username LIKE 'seat%%'",
    "INSERT INTO provider (name, state, state_since) SELECT '服务商 ' || n, 'admitted', %(now)s"
    " FROM generate_series(1, 6) AS n",
    "INSERT INTO provider_area SELECT provider.id, org_unit.code FROM provider, org_unit"
    " WHERE org_unit.kind = 'street' AND hashtext(org_unit.code) %% 3 = provider.id %% 3",
    "INSERT INTO worker (account_id, provider_id, travel, base_lat, base_lon)"
    " SELECT account.id, provider.id, 'scooter', 29.8, 106.4 FROM account JOIN provider"
    " ON provider.id = 1 + account.id %% 6 WHERE account.role = 'worker'",
)
_WORK: Final = (
    "INSERT INTO service_order (elder_id, item_code, item_version, state, is_test, skills, duration_minutes,"
    " window_from, window_to, requested_at, requested_by, accept_due_at, worker_id, ended_at, due_at, due_reason)"
    " SELECT 1 + n %% %(elders)s, 'meal', 1, CASE WHEN open THEN 'accepted' ELSE 'settled' END, false,"
    " '{meal_delivery}', 15, at, at + interval '1 hour', at, %(operator)s, at,"
    " (SELECT min(id) FROM worker) + n %% (SELECT count(*) FROM worker),"
    " CASE WHEN NOT open THEN at END, CASE WHEN open THEN at END, CASE WHEN open THEN 'arrive' END"
    " FROM (SELECT n, n > %(ended_orders)s AS open,"
    " %(now)s::timestamptz - (%(orders)s - n) * interval '5 minutes' AS at"
    " FROM generate_series(1, %(orders)s) AS n) AS ordered",
    "INSERT INTO alarm (kind, severity, state, elder_id, household_id, device_key, is_test, occurred_at, raised_at,"
    " last_signal_at, ended_at, outcome, due_at, due_reason, response_state, responder_id)"
    " SELECT 'sos', 'emergency', CASE WHEN open THEN 'dispatched' ELSE 'closed' END, 1 + 7 * n %% %(elders)s,"
    " 1 + 7 * n %% %(elders)s, %(device)s, false, at, at, at, CASE WHEN NOT open THEN at END,"
    " CASE WHEN NOT open THEN 'helped_on_site' END,"
    " CASE WHEN open THEN at END, CASE WHEN open THEN 'realarm' END, 'found',"
    " (SELECT min(id) FROM worker) + n %% (SELECT count(*) FROM worker)"
    " FROM (SELECT n, n > %(ended_alarms)s AS open,"
    " %(now)s::timestamptz - (%(alarms)s - n) * interval '10 minutes' AS at"
    " FROM generate_series(1, %(alarms)s) AS n) AS raised",
)


@dataclass(frozen=True)
class Crowded:
    """Accounts and ids to ask for; order and alarm are open, of one elder each."""

    conn: Connection
    now: datetime
    accounts: dict[str, int]
    order_id: int
    alarm_id: int
    worker_id: int


def fill(conn: Connection, now: datetime) -> Crowded:
    """Write the district into an empty database; takes some seconds."""
    add_streets(conn)
    district = add_operator(conn, "operator1", now)
    about = {
        "now": now,
        "operator": district,
        "device": add_device(conn, "B-1", "button", now),
        "elders": ELDERS,
        "orders": ORDERS,
        "ended_orders": ORDERS - OPEN_ORDERS,
        "alarms": ALARMS,
        "ended_alarms": ALARMS - OPEN_ALARMS,
        "workers": WORKERS,
    }
    for query in (*_PLACES, *_PEOPLE, *_WORK):
        conn.execute(query.encode(), about)
    conn.execute("ANALYZE")
    order_id = one(conn, "SELECT max(id) FROM service_order WHERE ended_at IS NULL")
    alarm_id = one(conn, "SELECT max(id) FROM alarm WHERE ended_at IS NULL")
    return Crowded(
        conn,
        now,
        accounts={
            "district": district,
            "street": one(conn, "SELECT id FROM account WHERE username = 'seat1'"),
            "family": one(
                conn,
                "SELECT account_id FROM membership JOIN service_order USING (elder_id) WHERE service_order.id = %s",
                order_id,
            ),
            "worker": one(
                conn,
                "SELECT account_id FROM worker JOIN alarm ON alarm.responder_id = worker.id WHERE alarm.id = %s",
                alarm_id,
            ),
        },
        order_id=order_id,
        alarm_id=alarm_id,
        worker_id=one(conn, "SELECT responder_id FROM alarm WHERE id = %s", alarm_id),
    )
