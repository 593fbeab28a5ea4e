"""Which events the database has by now."""

from collections.abc import Sequence

from control_center.dependencies import Database
from control_center.heard import PATIENCE, Heard, Identity
from schemas.database import rows
from schemas.statements import statement

READ = statement("""
    SELECT device.id AS device_id, stored.boot, stored.seq
    FROM unnest(%(devices)s::text[], %(boots)s::text[], %(seqs)s::bigint[]) AS said (device_id, boot, seq)
    JOIN device ON device.id = said.device_id
    JOIN device_event AS stored ON stored.device_key = device.key AND stored.boot = said.boot AND stored.seq = said.seq
""")
# What cannot be read is kept by its bytes; the same bytes may have come before, and be a call of another day.
READ_UNREADABLE = statement("""
    SELECT letter.payload_sha256 AS digest
    FROM unnest(%(topics)s::text[], %(digests)s::bytea[], %(sinces)s::timestamptz[]) AS said (topic, digest, since)
    JOIN dead_letter AS letter ON md5(letter.topic) = md5(said.topic) AND letter.payload_sha256 = said.digest
        AND letter.last_received_at >= said.since
""")


def read_recorded(database: Database, events: Sequence[Heard]) -> set[Identity]:
    """Those of the events that are stored, or kept as dead letters. Raises psycopg.OperationalError."""
    readable = [event.identity for event in events if event.readable]
    unreadable = [event for event in events if not event.readable]
    with database.connection() as conn:
        stored = rows(
            conn,
            READ,
            {
                "devices": [identity.device_id for identity in readable],
                "boots": [identity.boot for identity in readable],
                "seqs": [identity.seq for identity in readable],
            },
        )
        kept = rows(
            conn,
            READ_UNREADABLE,
            {
                "topics": [event.topic for event in unreadable],
                "digests": [event.digest for event in unreadable],
                "sinces": [event.received_at - PATIENCE for event in unreadable],
            },
        )
    digests = {bytes(letter["digest"]) for letter in kept}
    found = {Identity(event["device_id"], event["boot"], event["seq"]) for event in stored}
    return found | {event.identity for event in unreadable if event.digest in digests}
