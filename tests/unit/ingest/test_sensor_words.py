"""What real home sensors send, in our words; the captures are those of ANBAN_DATA, and a few are repeated here."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sensor_words import Changes, Words, changes, figure, flag, own_words, vendor_words
from schemas.settings import Settings

CAPTURES = Settings().data / "device_messages" / "home" / "mqtt_payload_captures.jsonl"


def _captures() -> list[dict[str, Any]]:
    if not CAPTURES.exists():
        pytest.skip(f"no captured messages at {CAPTURES}: set ANBAN_DATA")
    rows = [json.loads(line) for line in CAPTURES.read_text().splitlines()]
    return [row for row in rows if isinstance(row["payload"], dict)]


def _played(payloads: list[dict[str, Any]]) -> list[Changes]:
    """What each message of one sensor says that the one before did not."""
    known: dict[str, bool] = {}
    told: list[Changes] = []
    for payload in payloads:
        words = vendor_words(payload)
        told.append(changes(words, known))
        known |= words.states
    return told


def test_of_all_captures_only_presses_and_true_leaks_alarm() -> None:
    alarming = {row["n"]: changes(vendor_words(row["payload"]), {}).alarms for row in _captures()}
    presses = {n for n, alarms in alarming.items() if alarms == ("sos",)}
    leaks = {n for n, alarms in alarming.items() if alarms == ("leak",)}
    assert presses == {4, 6, 7, 8, 9}, "a false press is indistinguishable from a real one"
    assert leaks == {15, 16, 19}
    assert {n for n, alarms in alarming.items() if alarms} == presses | leaks


def test_the_captured_button_calls_once_and_its_reset_says_nothing() -> None:
    button = [row["payload"] for row in _captures() if row["n"] in (1, 3, 4, 5)]
    assert [change.alarms for change in _played(button)] == [(), (), ("sos",), ()]


def test_a_leak_that_is_told_twice_and_clears_alarms_once() -> None:
    leak = [row["payload"] for row in _captures() if row["n"] in (15, 16, 17, 18)]
    assert [change.alarms for change in _played(leak)] == [("leak",), (), (), ()]
    assert vendor_words(leak[0]).battery == 80.0


def test_a_battery_report_that_repeats_occupancy_is_no_movement() -> None:
    republished = {"battery": 59, "keep_time": 30, "occupancy": True, "sensitivity": "low", "tamper": False}
    played = _played([{"occupancy": True}, republished, {"occupancy": False}, {"occupancy": True}])
    assert [change.moved for change in played] == [True, False, False, True]


@pytest.mark.parametrize("n", [28, 29])
def test_presence_that_is_null_is_unknown(n: int) -> None:
    [payload] = [row["payload"] for row in _captures() if row["n"] == n]
    assert "presence" not in vendor_words(payload).states


def test_a_tuya_cloud_list_reads_like_a_state() -> None:
    [payload] = [row["payload"] for row in _captures() if row["n"] == 44]
    assert vendor_words(payload).states == {"presence": True}


def test_a_fall_radar_alarms_when_it_says_alarm_and_once() -> None:
    words = ["normal", "fall_warning", "fall_alarm", "fall_alarm", "unknown", "normal", "fall_alarm"]
    alarms = [change.alarms for change in _played([{"fall_status": word} for word in words])]
    assert alarms == [(), (), ("fall",), (), (), (), ("fall",)]


def test_figures_named_gas_are_no_alarm_and_a_test_is_none() -> None:
    assert vendor_words({"gas": 12.5}).states == {}
    assert vendor_words({"smoke": True, "test": True}).states == {}
    assert vendor_words({"gas": False, "carbon_monoxide": True}).states == {"gas": True}


def test_a_bed_tells_who_lies_in_it_and_who_turns_over() -> None:
    bed = [{"macno": "1", "mach_status": "1", "status": status} for status in ("1", "2", "0")]
    assert [(change.bed, change.moved) for change in _played(bed)] == [(True, False), (None, True), (False, True)]
    assert vendor_words({"macno": "1", "mach_status": "0", "status": "0"}) == Words()


def test_a_contact_that_is_open_is_an_open_door() -> None:
    played = _played([{"contact": True}, {"contact": False}, {"contact": False, "battery": 80}])
    assert [change.door_opened for change in played] == [False, True, False]


def test_the_hubs_own_words_are_read_and_wrong_ones_named() -> None:
    words = own_words({"motion": 3, "bed": False, "door": True, "water": 12.345})
    assert (words.moved, words.watches, words.states, words.water_m3) == (
        True,
        True,
        {"bed": False, "door": True},
        12.345,
    )
    still = own_words({"motion": 0})
    assert (still.moved, still.watches) == (False, True)
    wrong = own_words({"motion": "3", "bed": "yes", "door": 1, "water": -1})
    assert wrong == Words(unreadable=("motion", "bed", "door", "water"))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_vendor_names = ("action", "battery", "contact", "gas", "occupancy", "presence", "presence_state", "smoke", "sos")
_more_names = ("fall_status", "mach_status", "state", "status", "test", "water_consumed", "water_leak")
_names = st.sampled_from((*_vendor_names, *_more_names, "motion", "bed", "door", "water"))


@given(st.dictionaries(_names, _json))
def test_whatever_a_sensor_sends_is_read_without_complaint(said: dict[str, Any]) -> None:
    for words in (vendor_words(said), own_words(said)):
        again = changes(words, words.states)
        assert again.alarms in ((), ("sos",))
        assert not again.door_opened
        assert again.bed is None
        assert words.battery is None or 0 <= words.battery <= 100
        assert words.water_m3 is None or words.water_m3 >= 0


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (True, True),
        ("ON", True),
        ("false", False),
        (1, True),
        (0, False),
        (7, None),
        (None, None),
        ("", None),
        ([], None),
    ],
)
def test_binary_states_are_read_however_they_are_written(value: object, read: bool | None) -> None:
    assert flag(value) is read


@pytest.mark.parametrize(
    ("value", "read"),
    [("80.00", 80.0), (7, 7.0), (True, None), ("nan", None), ("", None), (None, None), (10**400, None)],
)
def test_figures_may_come_as_text(value: object, read: float | None) -> None:
    assert figure(value) == read
