"""Recordings: both known kinds, chosen columns, and one line for every file that is none."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_sim.recordings import BadRecording, Columns, Recording, Row, as_sample, read_recordings
from schemas.settings import Settings

PLAIN = Columns({}, None)
ICU_HEADER = "record_id,t_min,hr,rr,sao2,temp_c,nibp_sys,nibp_dia,abp_sys,abp_dia,gcs,fio2\n"
MIMIC_HEADER = "t_min,hr,abpsys,abpdias,abpmean,pulse,resp,spo2,nbpsys,nbpdias,nbpmean\n"


def read(folder: Path, text: str | bytes, columns: Columns = PLAIN, name: str = "a.csv") -> list[Recording]:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_recordings([path], columns)


def test_each_patient_of_the_icu_file_is_a_recording_in_order_of_time(tmp_path: Path) -> None:
    text = ICU_HEADER + "7,60,80,,,,,,,,,\n9,5,,18,97,36.4,,,,,,\n7,21,79,,,36.3,134,63,,,15,0.4\n"
    first, second = read(tmp_path, text)
    assert first.name == "a.csv:7"
    assert first.rows == [
        Row(0, {"hr": 79, "temp": 36.3, "sbp": 134, "dbp": 63}),
        Row(39 * 60, {"hr": 80}),
    ]
    assert second.rows == [Row(0, {"spo2": 97, "rr": 18, "temp": 36.4})]


def test_the_arterial_pressure_is_preferred_to_the_cuff(tmp_path: Path) -> None:
    (recording,) = read(tmp_path, ICU_HEADER + "7,0,,,,,134,63,120,55,,\n")
    assert recording.rows[0].values == {"sbp": 120, "dbp": 55}


def test_a_minute_file_passes_zero_through_as_sensor_off(tmp_path: Path) -> None:
    (recording,) = read(tmp_path, MIMIC_HEADER + "0,0.0,0.0,0.0,0.0,0.0,23.0,0.0,,,\n")
    assert recording.rows[0].values == {"hr": 0, "spo2": 0, "rr": 23, "sbp": 0, "dbp": 0}


def test_a_working_sensor_counts_before_one_that_is_off(tmp_path: Path) -> None:
    (recording,) = read(tmp_path, MIMIC_HEADER + "3,0.0,0.0,0.0,0.0,71.5,12,95,118,64,80\n")
    assert recording.rows[0].values == {"hr": 71.5, "spo2": 95, "rr": 12, "sbp": 118, "dbp": 64}


def test_other_names_are_chosen_by_hand(tmp_path: Path) -> None:
    columns = Columns.chosen(["hr=HR", "spo2=SpO2 (%)"], "when")
    text = "when,HR,SpO2 (%)\n2026-01-01T00:00:00Z,70,97\n2026-01-01T00:01:30+00:00,71,\n"
    (recording,) = read(tmp_path, text, columns)
    assert recording.rows == [Row(0, {"hr": 70, "spo2": 97}), Row(90, {"hr": 71})]


def test_gzip_and_a_byte_order_mark_are_understood(tmp_path: Path) -> None:
    text = "\ufefft_min,hr\n0,70\n".encode()
    (recording,) = read(tmp_path, gzip.compress(text), name="a.csv.gz")
    assert recording.rows == [Row(0, {"hr": 70})]


def test_a_sample_has_whole_numbers_where_it_can() -> None:
    assert repr(as_sample(Row(0, {"hr": 70.0, "temp": 36.5}))) == "{'hr': 70, 'temp': 36.5}"


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 200)), min_size=1, max_size=40))
def test_rows_come_in_order_of_time_and_none_is_lost(moments: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        text = "t_min,hr\n" + "".join(f"{minute},{hr}\n" for minute, hr in moments)
        patch.setattr(Path, "read_bytes", lambda _path: text.encode())
        (recording,) = read_recordings([Path("a.csv")], PLAIN)
    seconds = [row.seconds for row in recording.rows]
    first = min(minute for minute, _ in moments)
    assert seconds == sorted((minute - first) * 60 for minute, _ in moments)
    assert sorted(row.values["hr"] for row in recording.rows) == sorted(hr for _, hr in moments)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        (" \n\n", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a CSV file"),
        (b"t_min,hr\n0,\xff\n", "not a CSV file in UTF-8"),
        (b"\x1f\x8bnot gzip", "damaged gzip file"),
        (gzip.compress(b"t_min,hr\n0,1\n", mtime=0)[:-6], "damaged gzip file"),
        ('t_min,hr\n0,"70\n', "line 2: not CSV"),
        ("t_min,heart\n0,70\n", "no known column of vital signs in t_min, heart; choose some with --column"),
        ("hour,hr\n0,70\n", "no column of time .* choose one with --time; it has hour, hr"),
        ("t_min,hr\n0,70\n1,abc\n", "line 3: hr: not a number: 'abc'"),
        ("t_min,hr\n0,inf\n", "line 2: hr: not a number: 'inf'"),
        ("t_min,hr\nsoon,70\n", "line 2: t_min: neither minutes nor ISO 8601: 'soon'"),
        ("t_min,hr\nnan,70\n", "line 2: t_min: not a time"),
        ("t_min,hr\n0,70,3\n", "line 2: 3 columns, the header has 2"),
        ("t_min,hr\n", "no row has a vital sign"),
        ("t_min,hr\n0,\n", "no row has a vital sign"),
    ],
)
def test_a_bad_file_gives_one_clear_line(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(BadRecording, match=says) as fault:
        read(tmp_path, text)
    assert str(tmp_path / "a.csv") in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_missing_file_gives_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="No such file"):
        read_recordings([tmp_path / "none.csv"], PLAIN)
    with pytest.raises(BadRecording, match="directory"):
        read_recordings([tmp_path], PLAIN)


def test_a_chosen_column_must_exist(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="no column 'HR' for hr; it has t_min, hr"):
        read(tmp_path, "t_min,hr\n0,1\n", Columns.chosen(["hr=HR"], None))
    with pytest.raises(BadRecording, match="no column 'when'"):
        read(tmp_path, "t_min,hr\n0,1\n", Columns.chosen([], "when"))


@pytest.mark.parametrize("choice", ["hr", "hr=", "pulse=HR", "=x"])
def test_a_choice_must_name_a_vital_sign_and_a_column(choice: str) -> None:
    with pytest.raises(BadRecording, match="write VITAL=NAME"):
        Columns.chosen([choice], None)


def test_the_real_recordings_are_read_whole() -> None:
    folder = Settings().data / "vitals"
    if not folder.exists():
        pytest.skip(f"no recordings in {folder}: set ANBAN_DATA")
    (minutes,) = read_recordings([folder / "mimic2_s00001_minute.csv"], PLAIN)
    patients = read_recordings([folder / "icu2012_vitals.csv.gz"], PLAIN)
    assert len(minutes.rows) == 1290
    assert len(patients) == 620
    assert sum(len(patient.rows) for patient in patients) > 30_000
