"""Recordings of patients with their outcome: PhysioNet Challenge 2012, and one woman minute by minute (MIMIC-II)."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from device_sim.recordings import Columns, read_recordings
from schemas.news2 import Consciousness
from schemas.vitals import RANGES

VITALS_FILE: Final = "icu2012_vitals.csv.gz"
OUTCOMES_FILE: Final = "icu2012_patients.csv"
MINUTES_FILE: Final = "mimic2_s00001_minute.csv"
_COLUMNS: Final = {"hr": ("hr",), "rr": ("rr",), "spo2": ("sao2",), "temp": ("temp_c",)} | {
    "sbp": ("nibp_sys", "abp_sys"),
    "dbp": ("nibp_dia", "abp_dia"),
}
"""Where each vital sign stands; the cuff, which a home has too, before the arterial line."""
_ALERT: Final = 15
_ROOM_AIR: Final = 0.21


class NoRecordings(Exception):
    """The recordings are not there or not what they should be; the text is one line that says so."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What was measured at one time, in seconds; what a person saw is None where nobody looked then."""

    at: float
    values: dict[str, float]
    on_oxygen: bool | None = None
    consciousness: Consciousness | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """One recording in order of time; `died` in hospital, None where it is not known."""

    name: str
    moments: list[Moment]
    died: bool | None = None

    @property
    def days(self) -> float:
        """How long the recording is."""
        return (self.moments[-1].at - self.moments[0].at) / 86400 if self.moments else 0.0


def read_patients(folder: Path) -> list[Patient]:
    """The patients of the challenge. Raises NoRecordings."""
    try:
        with (folder / OUTCOMES_FILE).open(newline="", encoding="utf-8") as file:
            died = {row["record_id"]: row["in_hospital_death"] == "1" for row in csv.DictReader(file)}
        moments: dict[str, list[Moment]] = {name: [] for name in died}
        with gzip.open(folder / VITALS_FILE, "rt", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                moments[row["record_id"]].append(_moment(row))
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise NoRecordings(f"{folder}: {type(error).__name__}: {error}") from None
    return [
        Patient(name, sorted(found, key=lambda moment: moment.at), died[name])
        for name, found in moments.items()
        if found
    ]


def _moment(row: dict[str, str]) -> Moment:
    values = dict(_values(row))
    scale, air = row["gcs"], row["fio2"]
    return Moment(
        float(row["t_min"]) * 60,
        values,
        float(air) > _ROOM_AIR if air else None,
        ("alert" if float(scale) >= _ALERT else "cvpu") if scale else None,
    )


def _values(row: dict[str, str]) -> Iterator[tuple[str, float]]:
    """What a living person can show, as ingest believes it; artefacts inside the range are left in."""
    for name, columns in _COLUMNS.items():
        for column in columns:
            if row[column] and RANGES[name].low <= (value := float(row[column])) <= RANGES[name].high:
                yield name, value
                break


def read_minutes(folder: Path) -> Patient:
    """The woman of 60, one row a minute; 0 is a sensor that was off. Raises NoRecordings."""
    path = folder / MINUTES_FILE
    if not path.is_file():
        raise NoRecordings(f"{path} is not there")
    (recording,) = read_recordings([path], Columns({}, None))
    return Patient(
        recording.name,
        [
            Moment(
                row.seconds,
                {
                    name: value
                    for name, value in row.values.items()
                    if value and name in _COLUMNS and RANGES[name].low <= value <= RANGES[name].high
                },
            )
            for row in recording.rows
        ],
    )
