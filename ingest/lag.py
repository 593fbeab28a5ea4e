"""How far this process is behind, said once a second where the watch over ingest looks (dispatch/ingest_watch.py)."""

from datetime import datetime

from schemas.database import Transaction
from schemas.statements import statement
from schemas.topics import LaneGroup

REPORT = statement("""
    UPDATE ingest_member SET lag_seconds = %(lag_seconds)s::real, reported_at = %(now)s::timestamptz
    WHERE lane_group = %(lane_group)s::text AND owner = %(owner)s::text
""")


class Lag:
    """The longest that a message waited here between its receipt and its commit; used by one thread.

    A batch that could not be committed goes on waiting, whatever becomes of its messages: the broker delivers them anew
    with a fresh time of receipt, and the devices' messages are no younger for that.
    """

    def __init__(self) -> None:
        self._longest = 0.0
        self._waiting_since: datetime | None = None

    def taken(self, first_received_at: datetime) -> None:
        """A batch is about to be written whose oldest message was received then."""
        if self._waiting_since is None:
            self._waiting_since = first_received_at

    def committed(self, now: datetime) -> None:
        """Everything taken so far is stored."""
        self._longest = self._now(now)
        self._waiting_since = None

    def _now(self, now: datetime) -> float:
        waited = (now - self._waiting_since).total_seconds() if self._waiting_since else 0.0
        return max(self._longest, waited)

    def report(self, tx: Transaction, now: datetime, group: LaneGroup, owner: str) -> None:
        """Say how far behind this member of the lane group is, and begin anew."""
        tx.execute(REPORT, {"lag_seconds": self._now(now), "now": now, "lane_group": group, "owner": owner})
        self._longest = 0.0
