"""Rows of `reading`: every value that is inside its range fits its column and comes back as it was sent."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.admission import Arrival
from ingest.devices import KnownDevice
from ingest.reading_rows import COPY, COPY_TYPES, PUNCTUAL, row
from ingest.received import read
from schemas.vitals import RANGES
from tests.integration.ingest.messages import millis, received

NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
COLUMNS = [name.strip() for name in COPY.partition("(")[2].partition(")")[0].split(",")]
WIDTH = {"int2": 15, "int4": 31, "int8": 63}


def _arrival(body: dict[str, Any], now: datetime) -> Arrival:
    message = received("W-00001", "telemetry", json.dumps({"v": 1, "boot": "k3f9", "seq": 7, **body}).encode(), now)
    readable: Any = read(message)
    return Arrival.of(message, readable.body, KnownDevice(7, False, (), 900))


def _rows(body: dict[str, Any], now: datetime = NOW) -> list[dict[str, Any]]:
    arrival = _arrival(body, now)
    return [dict(zip(COLUMNS, row(arrival, reading), strict=True)) for reading in arrival.readings]


@st.composite
def _values(draw: st.DrawFn) -> dict[str, float]:
    """Some of the values a device may send, as finely as its sensors tell."""
    chosen = draw(st.sets(st.sampled_from(sorted(RANGES))))
    values: dict[str, float] = {}
    for name in chosen:
        limits, scale = RANGES[name], {"lat": 10**7, "lon": 10**7, "steps": 1}.get(name, 100)
        values[name] = draw(st.integers(int(limits.low * scale), int(limits.high * scale))) / scale
    return values


@given(_values(), st.integers(0, 2**63 - 1))
def test_whatever_is_plausible_fits_and_comes_back(values: dict[str, float], seq: int) -> None:
    (stored,) = _rows({"at": millis(NOW), "seq": seq, **values})
    for name, kind in zip(COLUMNS, COPY_TYPES, strict=True):
        if kind in WIDTH and stored[name] is not None:
            assert -(2 ** WIDTH[kind]) <= stored[name] < 2 ** WIDTH[kind]
    assert (stored["seq"] if stored["long_seq"] is None else stored["long_seq"]) == seq
    assert (stored["seq"] is None) != (stored["long_seq"] is None)
    for name, value in values.items():
        column = {"bat": "battery"}.get(name, name)
        scale = {"lat": 1e7, "lon": 1e7, "steps": 1}.get(name, 100)
        back = None if stored[column] is None else stored[column] / scale
        assert back == (None if value == 0 and RANGES[name].zero_is_off else value)


def test_what_is_seldom_there_is_null() -> None:
    (stored,) = _rows({"at": millis(NOW), "hr": 72})
    assert {name for name, value in stored.items() if value is not None} == {"at", "device_key", "seq", "hr", "boot"}


def test_a_late_reading_keeps_its_time_of_receipt() -> None:
    for lateness, kept in ((PUNCTUAL - timedelta(milliseconds=1), None), (PUNCTUAL, NOW), (timedelta(days=20), NOW)):
        (stored,) = _rows({"at": millis(NOW - lateness), "hr": 72})
        assert (stored["at"], stored["received_at"]) == (NOW - lateness, kept)
    (ahead,) = _rows({"at": millis(NOW + timedelta(minutes=4)), "hr": 72})
    assert ahead["received_at"] == NOW


def test_samples_of_a_backfill_are_numbered() -> None:
    stored = _rows({"samples": [{"at": millis(NOW), "hr": 70}, {"at": millis(NOW), "hr": 71, "note": "x"}]})
    assert [(item["sample"], item["hr"]) for item in stored] == [(None, 7000), (1, 7100)]
    assert [item["extra"] is None for item in stored] == [True, False]


@pytest.mark.alone
def test_a_row_costs_less_than_three_microseconds() -> None:
    body = {"hr": 72, "spo2": 97, "rr": 16, "temp": 36.5, "steps": 5210, "bat": 88}
    arrival = _arrival({"at": millis(NOW), **body}, NOW)
    reading = arrival.readings[0]
    best = 1.0
    for _ in range(20):
        begun = time.process_time()
        for _ in range(2000):
            row(arrival, reading)
        best = min(best, (time.process_time() - begun) / 2000)
    assert best < 3e-6
