"""The live line under a running demo: devices online, messages a second, open alarms."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from launcher import ports
from launcher.service import Status

_COUNTER = "anban_messages_total"
_QUERY = """
SELECT (SELECT count(*) FROM device_presence AS presence
        JOIN supervised_device AS device ON device.key = presence.device_key AND device.revoked_at IS NULL
        WHERE presence.last_seen_at > %(now)s::timestamptz - make_interval(secs => device.lost_seconds)),
       (SELECT count(*) FROM alarm WHERE ended_at IS NULL)
"""


@dataclass(frozen=True)
class Figures:
    """What the line shows; None where it cannot be known at the moment. Rate in messages/s."""

    devices_online: int | None
    open_alarms: int | None
    rate: float | None


def counter_total(metrics: str, name: str = _COUNTER) -> float | None:
    """Add up all samples of a counter in Prometheus text; None when it has none."""
    values = [
        float(line.rsplit(maxsplit=1)[-1])
        for line in metrics.splitlines()
        if line.startswith((f"{name} ", f"{name}{{"))
    ]
    return sum(values) if values else None


class LiveFigures:
    """Reads the figures from the database and from ingest's metrics; survives their absence."""

    def __init__(self, database_url: str, metrics_port: int) -> None:
        self._database_url = database_url
        self._metrics_port = metrics_port
        self._conn: psycopg.Connection[tuple[int, int]] | None = None
        self._last: tuple[float, float] | None = None

    def read(self) -> Figures:
        """Return the figures of now; the rate is the mean since the last call."""
        online, alarms = self._counts()
        return Figures(online, alarms, self._rate())

    def _counts(self) -> tuple[int | None, int | None]:
        try:
            if self._conn is None or self._conn.closed:
                self._conn = psycopg.connect(self._database_url, autocommit=True, connect_timeout=2)
            row = self._conn.execute(_QUERY, {"now": datetime.now(UTC)}).fetchone()
        except psycopg.Error:
            self.close()
            return None, None
        return row or (None, None)

    def _rate(self) -> float | None:
        metrics = ports.get(self._metrics_port, "/metrics")
        total = None if metrics is None else counter_total(metrics.decode(errors="replace"))
        now, before = time.monotonic(), self._last
        self._last = None if total is None else (now, total)
        # A restarted process counts from zero again.
        if total is None or before is None or total < before[1] or now <= before[0]:
            return None
        return (total - before[1]) / (now - before[0])

    def close(self) -> None:
        """Close the database connection."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def line_text(figures: Figures, states: dict[str, Status]) -> str:
    """Write the live line; processes that are not ready are named."""
    absent = [f"{name} {status}" for name, status in states.items() if status is not Status.READY]
    parts = [
        f"devices online {_shown(figures.devices_online)}",
        f"{'–' if figures.rate is None else format(figures.rate, '.1f')} messages/s",
        f"open alarms {_shown(figures.open_alarms)}",
        ", ".join(absent) or f"{len(states)} processes ready",
    ]
    return " · ".join(parts)


def _shown(value: int | None) -> str:
    return "–" if value is None else str(value)
