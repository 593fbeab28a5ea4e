"""The benchmark of NEWS2: separation of who died, missing parameters, alarm load."""

import gzip
import json
import random
from pathlib import Path
from statistics import stdev

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from load_tests.news2.alarms import CONFIRMED, UNCONFIRMED, alarm_load
from load_tests.news2.command import RECORDINGS, news2
from load_tests.news2.outcome import AS_CHARTED, AS_WORN, measure
from load_tests.news2.patients import (
    MINUTES_FILE,
    OUTCOMES_FILE,
    VITALS_FILE,
    Moment,
    NoRecordings,
    Patient,
    read_minutes,
    read_patients,
)
from load_tests.news2.scoring import score_patients
from load_tests.news2.separation import area_under_curve

HEADER = "record_id,t_min,hr,rr,sao2,temp_c,nibp_sys,nibp_dia,abp_sys,abp_dia,gcs,fio2\n"
MINUTE = 60
SCORES = st.lists(st.integers(0, 20), min_size=2, max_size=30)


@given(SCORES, SCORES)
def test_the_area_is_the_share_of_pairs_in_the_right_order(died: list[int], lived: list[int]) -> None:
    pairs = [(one > other) + (one == other) / 2 for one in died for other in lived]
    area = area_under_curve(died, lived)
    assert area is not None
    assert area.value == pytest.approx(sum(pairs) / len(pairs))
    assert area.low <= area.value <= area.high
    turned = area_under_curve(lived, died)
    assert turned is not None
    assert turned.value == pytest.approx(1 - area.value)
    assert turned.low == pytest.approx(1 - area.high, abs=1e-6)


def test_the_interval_is_as_wide_as_drawing_the_patients_again_would_make_it() -> None:
    chance = random.Random(5)
    died = [chance.gauss(6, 3) for _ in range(60)]
    lived = [chance.gauss(4, 3) for _ in range(550)]
    area = area_under_curve(died, lived)
    assert area is not None
    again = [area_under_curve(chance.choices(died, k=60), chance.choices(lived, k=550)) for _ in range(60)]
    drawn = stdev(found.value for found in again if found)
    assert (area.high - area.low) / (2 * 1.96) == pytest.approx(drawn, rel=0.3)


def test_a_perfect_separation_and_a_group_too_small() -> None:
    perfect = area_under_curve([5, 6], [1, 2, 3])
    assert perfect is not None
    assert (perfect.value, perfect.low, perfect.high) == (1, 1, 1)
    assert area_under_curve([5], [1, 2]) is None


def _write(folder: Path, vitals: str, outcomes: str) -> None:
    (folder / OUTCOMES_FILE).write_text("record_id,in_hospital_death\n" + outcomes)
    (folder / VITALS_FILE).write_bytes(gzip.compress((HEADER + vitals).encode()))


def test_patients_are_read_with_their_outcome_and_artefacts_outside_human_ranges_left_out(tmp_path: Path) -> None:
    _write(
        tmp_path, "7,60,0,,,,,,88,50,14,0.4\n7,0,79,18,97,4.0,134,63,120,55,15,0.21\n8,5,70,,,,,,,,,\n", "7,1\n8,0\n"
    )
    first, second = read_patients(tmp_path)
    assert (first.died, second.died, first.days) == (True, False, 60 / 1440)
    assert first.moments == [
        Moment(0, {"hr": 79, "rr": 18, "spo2": 97, "sbp": 134, "dbp": 63}, False, "alert"),
        Moment(3600, {"sbp": 88, "dbp": 50}, True, "cvpu"),
    ]


def test_what_is_no_recording_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NoRecordings):
        read_patients(tmp_path)
    with pytest.raises(NoRecordings):
        read_minutes(tmp_path)
    _write(tmp_path, "7,zero,,,,,,,,,,\n", "7,1\n")
    with pytest.raises(NoRecordings, match="zero"):
        read_patients(tmp_path)
    application = typer.Typer()
    application.command()(news2)
    done = CliRunner().invoke(application, ["--data", str(tmp_path)])
    assert done.exit_code == 2
    assert "no recordings" in done.output


def test_the_highest_score_counts_what_is_fresh_and_names_what_is_missing() -> None:
    moments = [
        Moment(0, {"hr": 135, "rr": 22}, True, "cvpu"),
        Moment(20 * MINUTE, {"spo2": 93}),
        Moment(60 * MINUTE, {"temp": 36.5}),
    ]
    patient = Patient("7", moments)
    worn, charted = score_patients([patient], AS_WORN), score_patients([patient], AS_CHARTED)
    assert (worn.highest, charted.highest) == ({"7": 7}, {"7": 12})
    assert worn.moments == 3
    assert worn.shares_missing()["spo2"] == pytest.approx(2 / 3)
    assert worn.shares_missing()["consciousness"] == 1
    assert charted.shares_missing()["consciousness"] == 0


def test_without_confirmation_single_artefacts_raise_and_with_it_they_do_not() -> None:
    spiky = Patient("7", [Moment(n * MINUTE, {"hr": 140 if n % 60 == 0 else 70}) for n in range(1441)])
    assert alarm_load([spiky], UNCONFIRMED).per_day() == {"emergency": 0, "urgent": 25, "all": 25}
    assert alarm_load([spiky], CONFIRMED).per_day()["all"] == 0


def test_a_lasting_finding_raises_every_half_hour_and_at_once_when_worse() -> None:
    ill = [Moment(n * MINUTE, {"hr": 140} | ({"spo2": 90, "rr": 22} if n >= 40 else {})) for n in range(90)]
    load = alarm_load([Patient("7", ill)], CONFIRMED)
    assert load.alarms == {"urgent": 2, "emergency": 2}


def _recordings() -> Path:
    if not RECORDINGS.is_dir():
        pytest.skip(f"no recordings in {RECORDINGS}: set ANBAN_DATA")
    return RECORDINGS


def test_real_patients_who_died_scored_higher_and_confirmation_spares_most_alarms() -> None:
    folder = _recordings()
    outcome = measure(read_patients(folder), read_minutes(folder))
    assert (outcome["patients"], outcome["died"]) == (620, 62)
    assert 0.5 < outcome["auroc"]["low"] < outcome["auroc"]["value"] < outcome["auroc"]["high"] < 0.8
    assert outcome["auroc_charted"]["value"] > outcome["auroc"]["value"]
    assert outcome["missing"]["spo2"] > 0.95
    load = outcome["alarms_per_patient_day"]
    rates = [load[name]["all"] for name in load]
    assert load["with_confirmation"]["all"] < load["with_confirmation_at_chart_pace"]["all"] < max(rates)
    minutes = outcome["minute_recording"]["alarms_per_patient_day"]
    assert 0 < minutes["with_confirmation"]["all"] < minutes["without_confirmation"]["all"] / 2


def test_the_command_writes_its_figures(tmp_path: Path) -> None:
    _recordings()
    assert (RECORDINGS / MINUTES_FILE).is_file()
    application = typer.Typer()
    application.command()(news2)
    done = CliRunner().invoke(application, ["--json", str(tmp_path / "out.json")])
    assert done.exit_code == 0, done.output
    written = json.loads((tmp_path / "out.json").read_text())
    assert {"auroc", "missing", "alarms_per_patient_day", "minute_recording"} <= set(written)
    assert f"AUROC {written['auroc']['value']:.3f}" in done.output
