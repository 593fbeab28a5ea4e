"""What differs between the peers: where their devices publish, and what they store."""

from dataclasses import dataclass
from typing import Final

from psycopg import sql

from schemas.topics import device_topic


@dataclass(frozen=True)
class Subject:
    """One peer: `table` holds a row a message, `sent_at` is what of a row says when it was sent (ms of Unix time)."""

    name: str
    table: sql.Identifier
    sent_at: sql.SQL
    topic: str

    def topic_of(self, device_id: str) -> str:
        """Where a device publishes."""
        return self.topic.format(device=device_id) if self.topic else device_topic(device_id, "telemetry")

    def exists(self) -> sql.Composed:
        """Whether the table is there; a peer may make its own."""
        return sql.SQL("SELECT to_regclass({}) IS NOT NULL").format(sql.Literal(self.table.as_string(None)))

    def count(self) -> sql.Composed:
        """How many rows there are."""
        return sql.SQL("SELECT count(*) FROM {}").format(self.table)

    def size(self) -> sql.Composed:
        """Bytes of the table with its indexes."""
        return sql.SQL("SELECT pg_total_relation_size({})").format(sql.Literal(self.table.as_string(None)))

    def waits(self) -> sql.Composed:
        """Milliseconds from sending to commit: the median and the 99th percentile of messages sent since a moment."""
        return sql.SQL("""
            SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY wait), percentile_disc(0.99) WITHIN GROUP (ORDER BY wait)
            FROM (SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 - ({sent_at})::float8 AS wait
                  FROM {table} WHERE ({sent_at})::float8 >= %s) AS stored
        """).format(sent_at=self.sent_at, table=self.table)


SUBJECTS: Final = {
    "node-red": Subject("node-red", sql.Identifier("reading"), sql.SQL("extract(epoch FROM at) * 1000"), ""),
    "esphome": Subject(
        "esphome",
        sql.Identifier("esphome_data"),
        sql.SQL("(attributes ->> 'raw_payload')::json ->> 'at'"),
        "{device}/sensor/vitals/state",
    ),
}
