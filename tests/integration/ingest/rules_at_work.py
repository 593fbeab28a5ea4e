"""The vitals rules on stored readings, as the telemetry writer calls them, without the rest of it."""

from datetime import datetime

from ingest.admission import Arrival
from ingest.devices import find_devices
from ingest.reading_rows import row
from ingest.reading_rows import store as store_rows
from ingest.received import Readable, Received, read
from ingest.vitals_alarms import Windows, apply_vitals_rule, recall
from schemas.database import Transaction, transaction
from schemas.messages import Measurement, TelemetryBackfill
from tests.integration.district import Connection


def store(tx: Transaction, arrivals: list[Arrival]) -> None:
    """Write the readings of messages."""
    store_rows(tx.conn, [row(arrival, reading) for arrival in arrivals for reading in arrival.readings])


def arrivals_of(tx: Transaction, messages: list[Received]) -> list[Arrival]:
    """Messages of registered devices."""
    readable = [result for message in messages if isinstance(result := read(message), Readable)]
    devices = find_devices(tx, {item.address.device_id for item in readable})
    return [
        Arrival.of(item.message, item.body, devices[item.address.device_id])
        for item in readable
        if isinstance(item.body, Measurement | TelemetryBackfill)
    ]


def write(conn: Connection, now: datetime, *messages: Received, windows: Windows | None = None) -> Windows:
    """Store a batch and apply the rules; returns the windows after it, those of a fresh process unless given."""
    remembered = Windows() if windows is None else windows
    with transaction(conn) as tx:
        fresh = arrivals_of(tx, list(messages))
        needed = recall(tx, now, fresh, remembered)
        store(tx, fresh)
        remembered |= apply_vitals_rule(tx, now, fresh, needed)
    return remembered
