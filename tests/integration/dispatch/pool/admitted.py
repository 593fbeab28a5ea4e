"""A workforce whose provider a district's supervisor decides about."""

from datetime import datetime
from typing import Any

from dispatch.pool import watching
from dispatch.pool.admission import decide
from schemas.database import transaction
from schemas.states import ProviderState
from tests.integration.dispatch.workforce import Worker, Workforce


class DistrictPool(Workforce):
    """The usual street with its provider."""

    @classmethod
    def of(cls, street: Workforce) -> "DistrictPool":
        """The same street, seen from the pool."""
        pool = cls.__new__(cls)
        vars(pool).update(vars(street))
        return pool

    def decide(
        self,
        now: datetime,
        to: ProviderState,
        reason: str,
        *,
        until: datetime | None = None,
        provider: int | None = None,
    ) -> int:
        """The supervisor decides; returns how many orders and alarms that changed."""
        with transaction(self.conn) as tx:
            return decide(tx, now, provider or self.provider, self.supervisor, to, reason, until)

    def look(self, now: datetime) -> None:
        """Let the engine look at every provider and worker whose time has come."""
        with transaction(self.conn) as tx:
            watching.sweep_providers(tx, now, 100)
            watching.sweep_workers(tx, now, 100)

    def settle_down(self, now: datetime) -> None:
        """Let both looks that follow a change be over."""
        self.look(now)
        self.look(now + watching.SECOND_LOOK)

    def told(self, order: int, kind: str) -> dict[str, Any]:
        """What the timeline says of the last event of a kind."""
        found = self.conn.execute(
            "SELECT detail FROM order_event WHERE order_id = %s AND kind = %s ORDER BY id DESC LIMIT 1", (order, kind)
        ).fetchone()
        assert found is not None
        return dict(found[0])

    def give(self, order: int, worker: Worker) -> None:
        """An offer to this worker that she accepted, however it came about."""
        self.conn.execute(
            "UPDATE service_order SET state = 'accepted', worker_id = %s, accepted_at = %s, due_at = window_to,"
            " due_reason = 'arrive' WHERE id = %s",
            (worker.id, self.now, order),
        )
        self.conn.execute(
            "INSERT INTO offer (order_id, worker_id, state, offered_at, expires_at, answered_at, reasons)"
            " VALUES (%s, %s, 'accepted', %s, %s::timestamptz + interval '90 s', %s, '{}')",
            (order, worker.id, self.now, self.now, self.now),
        )

    def provider_state(self) -> str:
        """Where the provider stands."""
        found = self.conn.execute("SELECT state FROM provider WHERE id = %s", (self.provider,)).fetchone()
        assert found is not None
        return str(found[0])

    def history(self) -> list[tuple[str, int | None]]:
        """What was decided about the provider, and by whom."""
        rows = self.conn.execute(
            "SELECT kind, actor_id FROM provider_event WHERE provider_id = %s ORDER BY id", (self.provider,)
        )
        return [(row[0], row[1]) for row in rows]
