"""Where workers are: one row each, the newest report; whoever goes to a visit or an alarm starts from there."""

from dataclasses import dataclass
from datetime import datetime
from math import inf

from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement


@dataclass(frozen=True)
class Spot:
    """Where a phone says it is: WGS-84 degrees, and metres within which it believes to be."""

    lat: float
    lon: float
    accuracy_m: float

    def sane(self) -> bool:
        """Whether it is a position at all."""
        return -90 <= self.lat <= 90 and -180 <= self.lon <= 180 and 0 <= self.accuracy_m < inf


FIND_WORKER = statement("""
    SELECT worker.id FROM worker JOIN account ON account.id = worker.account_id
    WHERE worker.account_id = %(account_id)s::integer AND account.disabled_at IS NULL
""")
REPORT = statement("""
    INSERT INTO worker_position (worker_id, lat, lon, accuracy_m, at)
    VALUES (%(worker_id)s::integer, %(lat)s::double precision, %(lon)s::double precision, %(accuracy_m)s::real,
            %(now)s::timestamptz)
    ON CONFLICT (worker_id) DO UPDATE
    SET lat = EXCLUDED.lat, lon = EXCLUDED.lon, accuracy_m = EXCLUDED.accuracy_m, at = EXCLUDED.at
    WHERE worker_position.at <= EXCLUDED.at
""")


def report(tx: Transaction, now: datetime, account_id: int, spot: Spot) -> None:
    """Write down where a worker is now; a report older than the one that is there changes nothing.

    Writes no event: whoever looks at the map asks for positions. Raises Refused not_found for an account without a
    worker, or a disabled one; too_vague for what is no position.
    """
    if not spot.sane():
        raise Refused("too_vague")
    worker = tx.row(FIND_WORKER, {"account_id": account_id})
    if worker is None:
        raise Refused("not_found")
    tx.execute(
        REPORT,
        {"worker_id": worker["id"], "lat": spot.lat, "lon": spot.lon, "accuracy_m": spot.accuracy_m, "now": now},
    )
