"""The seats: operators with an open screen, the least busy first."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from schemas.database import Transaction
from schemas.statements import statement

BUSY: Final = 50
"""Whoever has this many open alarms is as busy as can be: counting further costs and tells nothing."""

# The operators who may see an alarm of the unit and have a screen open; of nobody's alarm, those of whole districts.
OPERATORS = statement("""
    SELECT account.id,
           (SELECT count(*) FROM (SELECT FROM alarm WHERE alarm.acknowledged_by = account.id AND ended_at IS NULL
                                  LIMIT %(busy)s::integer) AS held)
           + (SELECT count(*) FROM (SELECT FROM alarm WHERE alarm.called_operator = account.id AND state = 'raised'
                                    LIMIT %(busy)s::integer) AS ringing) AS load
    FROM account
    WHERE account.role = 'operator' AND account.disabled_at IS NULL
      AND account.id IN (SELECT account_id FROM open_screen(%(now)s::timestamptz))
      AND EXISTS (
          SELECT FROM membership JOIN org_unit AS top ON top.code = membership.org_code
          WHERE membership.account_id = account.id AND membership.valid_from <= %(now)s::timestamptz
            AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
            AND CASE WHEN %(org_path)s::text IS NULL THEN top.parent_code IS NULL
                     ELSE starts_with(%(org_path)s::text, top.path) END)
    ORDER BY account.id
""")


class Seats:
    """Who sits at a screen at a moment, read once for each unit however many alarms of it are due; whoever is called
    has one alarm more from then on."""

    def __init__(self, tx: Transaction, now: datetime) -> None:
        self._tx = tx
        self._now = now
        self._of_unit: dict[str | None, list[int]] = {}
        self._load: dict[int, int] = {}

    def take_best(self, org_path: str | None, taken: Collection[int | None]) -> int | None:
        """The operator with the fewest open alarms who is not among the `taken`, by account; None without any."""
        free = [account for account in self._operators(org_path) if account not in taken]
        if not free:
            return None
        best = min(free, key=lambda account: (self._load[account], account))
        self._load[best] += 1
        return best

    def _operators(self, org_path: str | None) -> list[int]:
        if org_path not in self._of_unit:
            found = self._tx.rows(OPERATORS, {"now": self._now, "org_path": org_path, "busy": BUSY})
            self._of_unit[org_path] = [row["id"] for row in found]
            for row in found:
                self._load.setdefault(row["id"], row["load"])
        return self._of_unit[org_path]
