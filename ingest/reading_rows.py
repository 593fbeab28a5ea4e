"""Readings as rows of the table `reading`: packed, as the view `vitals` unpacks them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from ingest.admission import Arrival
from ingest.readings import Reading

COPY: Final = """COPY reading (at, received_at, long_seq, device_key, seq, steps, lat, lon, hr, spo2, rr, temp, battery,
sbp, dbp, sample, quality, boot, extra) FROM STDIN (FORMAT BINARY)"""
COPY_TYPES: Final = (
    ["timestamptz", "timestamptz", "int8"] + ["int4"] * 5 + ["int2"] * 9 + ["text", "jsonb"]
)  # fmt: skip

PUNCTUAL: Final = timedelta(seconds=10)
"""A reading received within this of its own time is stored without the time of its receipt."""
_BEFORE: Final = -PUNCTUAL
_SHORT_SEQ: Final = 1 << 31
_HUNDREDTHS: Final = 100
_DEGREES: Final = 10_000_000


def row(arrival: Arrival, reading: Reading) -> tuple[Any, ...]:
    """The values of one COPY row: vital signs and battery in hundredths, degrees in 1e-7, what is seldom there null.

    Values were found inside `schemas.vitals.RANGES` before, so that every one of them fits.
    """
    value = reading.values.get
    at, body = reading.at, arrival.body
    received_at = arrival.message.received_at
    seq = body.seq
    lat, lon, steps = value("lat"), value("lon"), value("steps")
    hr, spo2, rr, temp = value("hr"), value("spo2"), value("rr"), value("temp")
    bat, sbp, dbp = value("bat"), value("sbp"), value("dbp")
    return (
        at,
        None if _BEFORE < received_at - at < PUNCTUAL else received_at,
        None if seq < _SHORT_SEQ else seq,
        arrival.device.key,
        seq if seq < _SHORT_SEQ else None,
        None if steps is None else int(steps),
        None if lat is None else round(lat * _DEGREES),
        None if lon is None else round(lon * _DEGREES),
        None if hr is None else round(hr * _HUNDREDTHS),
        None if spo2 is None else round(spo2 * _HUNDREDTHS),
        None if rr is None else round(rr * _HUNDREDTHS),
        None if temp is None else round(temp * _HUNDREDTHS),
        None if bat is None else round(bat * _HUNDREDTHS),
        None if sbp is None else round(sbp * _HUNDREDTHS),
        None if dbp is None else round(dbp * _HUNDREDTHS),
        reading.sample or None,
        reading.quality or None,
        body.boot,
        None if reading.extra is None else Jsonb(reading.extra),
    )


def store(conn: psycopg.Connection[TupleRow], rows: Iterable[tuple[Any, ...]]) -> None:
    """Store such rows in the open transaction, by one binary COPY."""
    with conn.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.set_types(COPY_TYPES)
        for values in rows:
            copy.write_row(values)
