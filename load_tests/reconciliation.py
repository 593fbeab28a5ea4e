"""Compares what the broker acknowledged with what the database holds, by identity."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow

from device_sim.ledger import Ledger
from schemas.database import rows
from schemas.statements import statement

Identity = tuple[str, str, int]
"""Device id, boot, sequence number."""

_STORED_READINGS = statement("""
    SELECT device.id AS device_id, vitals.boot, vitals.seq, count(*)::integer AS times,
           count(DISTINCT vitals.sample)::integer AS samples
    FROM vitals JOIN device ON device.key = vitals.device_key
    WHERE vitals.boot = ANY(%(boots)s::text[])
    GROUP BY device.id, vitals.boot, vitals.seq
""")
_STORED_EVENTS = statement("""
    SELECT device.id AS device_id, device_event.boot, device_event.seq, count(*)::integer AS times
    FROM device_event JOIN device ON device.key = device_event.device_key
    WHERE device_event.boot = ANY(%(boots)s::text[])
    GROUP BY device.id, device_event.boot, device_event.seq
""")
_DEAD_LETTERS = statement("""
    SELECT device_id, payload FROM dead_letter WHERE device_id = ANY(%(device_ids)s::text[])
""")
_COUNT_READINGS = statement("""
    SELECT count(*) AS stored FROM reading WHERE boot = ANY(%(boots)s::text[])
""")


@dataclass(frozen=True)
class Stored:
    """What the database holds of the ledger's boots: rows and distinct samples by identity, and event rows."""

    readings: dict[Identity, tuple[int, int]]
    events: dict[Identity, int]
    dead: Counter[Identity]


@dataclass(frozen=True)
class Account:
    """The outcome; every list is empty when all is well."""

    published: int
    stored: int
    lost: list[Identity]
    doubled: list[Identity]
    never_sent: list[Identity]
    events_published: int
    events_lost: list[Identity]
    events_doubled: list[Identity]
    readings_lost: int
    readings_doubled: int


def boots_of(ledgers: Iterable[Ledger]) -> list[str]:
    """The names of all runs in some ledgers."""
    return sorted({boot for ledger in ledgers for boots in ledger.values() for boot in boots})


def count_stored(conn: psycopg.Connection[TupleRow], boots: list[str]) -> int:
    """How many readings of these runs are stored now."""
    return sum(row["stored"] for row in rows(conn, _COUNT_READINGS, {"boots": boots}))


def read_stored(conn: psycopg.Connection[TupleRow], boots: list[str], suspects: list[str]) -> Stored:
    """Read what is stored of these runs, and what of the `suspects` (device ids) became dead letters."""
    readings = {
        (row["device_id"], row["boot"], row["seq"]): (row["times"], row["samples"])
        for row in rows(conn, _STORED_READINGS, {"boots": boots})
    }
    events = {
        (row["device_id"], row["boot"], row["seq"]): row["times"]
        for row in rows(conn, _STORED_EVENTS, {"boots": boots})
    }
    dead: Counter[Identity] = Counter()
    for row in rows(conn, _DEAD_LETTERS, {"device_ids": suspects}) if suspects else []:
        identity = _identity_of(row["device_id"], bytes(row["payload"]))
        if identity is not None:
            dead[identity] += 1
    return Stored(readings, events, dead)


def _identity_of(device_id: str, payload: bytes) -> Identity | None:
    try:
        message = json.loads(payload)
        return device_id, str(message["boot"]), int(message["seq"])
    except (ValueError, KeyError, TypeError):
        return None


def reconcile(ledgers: Iterable[Ledger], stored: Stored) -> Account:
    """Account for every PUBACKed reading and event, and for every stored one that nobody sent."""
    expected: dict[Identity, int] = {}
    possible: dict[Identity, int] = {}
    events: set[Identity] = set()
    for ledger in ledgers:
        for device_id, boots in ledger.items():
            for boot, run in boots.items():
                expected |= {(device_id, boot, seq): run.samples.get(seq, 1) for seq in run.telemetry}
                possible |= {(device_id, boot, seq): run.samples.get(seq, 1) for seq in run.unacknowledged}
                events |= {(device_id, boot, seq) for seq in run.events}
    lost, doubled = {}, {}
    for identity, samples in expected.items():
        times, distinct = stored.readings.get(identity, (0, 0))
        if distinct < samples and identity not in stored.dead:
            lost[identity] = samples - distinct
        if times > distinct or distinct > samples:
            doubled[identity] = max(times - distinct, distinct - samples)
    for identity in possible.keys() & stored.readings.keys():
        times, distinct = stored.readings[identity]
        if times > distinct:
            doubled[identity] = times - distinct
    return Account(
        published=sum(expected.values()),
        stored=sum(stored.readings[identity][0] for identity in expected.keys() & stored.readings.keys()),
        lost=sorted(lost),
        doubled=sorted(doubled),
        never_sent=sorted(stored.readings.keys() - expected.keys() - possible.keys()),
        events_published=len(events),
        events_lost=sorted(events - stored.events.keys()),
        events_doubled=sorted(identity for identity in events if stored.events.get(identity, 0) > 1),
        readings_lost=sum(lost.values()),
        readings_doubled=sum(doubled.values()),
    )
