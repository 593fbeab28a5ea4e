"""What the benchmark found, as JSON and as lines for reading."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from load_tests.news2.alarms import CONFIRMED, CONFIRMED_HOURLY, UNCONFIRMED, alarm_load
from load_tests.news2.patients import Patient
from load_tests.news2.scoring import Reading, Scored, score_patients
from load_tests.news2.separation import Area, area_under_curve
from schemas import news2

AS_WORN: Final = Reading(news2.MAX_AGE, with_nurses=False)
"""As the service scores: what a device measures, for half an hour."""
CHARTED_HOURS: Final = 4
AS_CHARTED: Final = Reading(timedelta(hours=CHARTED_HOURS), with_nurses=True)
"""As a ward scores: values count until the next round, oxygen and consciousness are written down."""
_DIGITS: Final = 4


def measure(patients: Sequence[Patient], minutes: Patient | None) -> dict[str, Any]:
    """Everything about the patients, and the alarm load of the recording with one row a minute."""
    worn, charted = score_patients(patients, AS_WORN), score_patients(patients, AS_CHARTED)
    outcome: dict[str, Any] = {
        "patients": len(patients),
        "died": sum(patient.died is True for patient in patients),
        "patient_days": round(sum(patient.days for patient in patients), 1),
        "scores": worn.moments,
        "auroc": _area(_separation(patients, worn)),
        "auroc_charted": _area(_separation(patients, charted)),
        "charted_hours": CHARTED_HOURS,
        "missing": _rounded(worn.shares_missing()),
        "missing_charted": _rounded(charted.shares_missing()),
        "alarms_per_patient_day": {
            "without_confirmation": _rounded(alarm_load(patients, UNCONFIRMED).per_day()),
            "with_confirmation": _rounded(alarm_load(patients, CONFIRMED).per_day()),
            "with_confirmation_at_chart_pace": _rounded(alarm_load(patients, CONFIRMED_HOURLY).per_day()),
        },
    }
    if minutes is not None:
        scored = score_patients([minutes], AS_WORN)
        outcome["minute_recording"] = {
            "hours": round(minutes.days * 24, 1),
            "scores": scored.moments,
            "highest": max(scored.highest.values(), default=None),
            "missing": _rounded(scored.shares_missing()),
            "alarms_per_patient_day": {
                "without_confirmation": _rounded(alarm_load([minutes], UNCONFIRMED).per_day()),
                "with_confirmation": _rounded(alarm_load([minutes], CONFIRMED).per_day()),
            },
        }
    return outcome


def _separation(patients: Sequence[Patient], scored: Scored) -> Area | None:
    groups: dict[bool, list[float]] = {True: [], False: []}
    for patient in patients:
        if patient.died is not None and patient.name in scored.highest:
            groups[patient.died].append(scored.highest[patient.name])
    return area_under_curve(groups[True], groups[False])


def _area(area: Area | None) -> dict[str, float] | None:
    return None if area is None else _rounded(asdict(area))


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(figure, _DIGITS) for name, figure in figures.items()}


def lines(outcome: dict[str, Any]) -> list[str]:
    """The outcome for reading."""
    told = [f"{outcome['patients']} patients over {outcome['patient_days']} days, {outcome['died']} died in hospital"]
    for name, how in (
        ("auroc", "as worn: vital signs, each for half an hour"),
        ("auroc_charted", f"as charted: with oxygen and consciousness, for {CHARTED_HOURS} h"),
    ):
        area, missing = outcome[name], outcome["missing" + name.removeprefix("auroc")]
        shown = f"{area['value']:.3f} (95 % {area['low']:.3f}–{area['high']:.3f})" if area else "–"
        told.append(f"highest NEWS2, {how}: AUROC {shown}")
        told.append("  missing: " + ", ".join(f"{part} {share:.1%}" for part, share in missing.items()))
    told += _load_lines("alarms a patient-day", outcome["alarms_per_patient_day"])
    minutes = outcome.get("minute_recording")
    if minutes is not None:
        told.append(f"one row a minute for {minutes['hours']} h, highest NEWS2 {minutes['highest']}")
        told += _load_lines("alarms a day", minutes["alarms_per_patient_day"])
    return told


def _load_lines(what: str, loads: dict[str, dict[str, float]]) -> list[str]:
    return [
        f"{what}, {name.replace('_', ' ')}: {load['all']:.2f}"
        f" ({load['emergency']:.2f} emergency, {load['urgent']:.2f} urgent)"
        for name, load in loads.items()
    ]
