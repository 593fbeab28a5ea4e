"""What of a message is stored, and what is said about its quality."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ingest.readings import Reading, believed_time, readings_of
from schemas.messages import Measurement, TelemetryBackfill, decode
from schemas.vitals import Quality

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
MILLIS = round(NOW.timestamp() * 1000)


def _readings(**fields: object) -> list[Reading]:
    message = decode("telemetry", json.dumps({"v": 1, "boot": "b", "seq": 1, **fields}).encode())
    assert isinstance(message, Measurement | TelemetryBackfill)
    return readings_of(message, NOW)


def test_absent_is_absent_and_a_plain_reading_is_stored_as_it_is() -> None:
    (reading,) = _readings(at=MILLIS, hr=72, steps=0)
    assert reading.at == NOW
    assert reading.values == {"hr": 72, "steps": 0}
    assert reading.quality == Quality(0)
    assert reading.extra is None


def test_zero_means_the_sensor_is_off() -> None:
    (reading,) = _readings(at=MILLIS, hr=0, spo2=0, temp=36.5)
    assert reading.values == {"hr": None, "spo2": None, "temp": 36.5}
    assert reading.quality == Quality.SENSOR_OFF
    assert reading.scored() == {"temp": 36.5}


def test_a_value_out_of_human_range_is_kept_aside() -> None:
    (reading,) = _readings(at=MILLIS, hr=999, temp=-4, glucose=5)
    assert reading.values == {"hr": None, "temp": None}
    assert reading.quality == Quality.OUT_OF_RANGE
    assert reading.extra == {"hr": 999, "temp": -4, "glucose": 5}


@pytest.mark.parametrize("at", [0, MILLIS + 400_000, MILLIS - 36 * 86_400_000, 2**62, -(2**62)])
def test_a_clock_that_is_far_off_is_replaced_by_the_time_of_receipt(at: int) -> None:
    (reading,) = _readings(at=at, hr=70)
    assert reading.at == NOW
    assert reading.quality == Quality.CLOCK_OFF
    assert reading.extra == {"at": at}


def test_a_late_reading_keeps_its_time() -> None:
    assert believed_time(MILLIS - 86_400_000, NOW) == NOW - timedelta(days=1)


def test_backfilled_samples_are_numbered() -> None:
    readings = _readings(samples=[{"at": MILLIS - 2000, "hr": 70}, {"at": MILLIS - 1000, "hr": 71}])
    assert [(reading.sample, reading.values["hr"]) for reading in readings] == [(0, 70), (1, 71)]
    assert all(reading.quality == Quality.BACKFILL for reading in readings)


def test_what_a_backfill_says_beside_its_samples_stays_with_the_first() -> None:
    samples = [{"at": MILLIS, "hr": 70, "note": "own"}, {"at": MILLIS, "hr": 71, "boot": "x"}]
    readings = _readings(samples=samples, meter="x7", bat=88, note="beside")
    assert [reading.extra for reading in readings] == [{"meter": "x7", "bat": 88, "note": "own"}, None]
