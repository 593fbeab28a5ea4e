"""The summary for the emergency medical service as somebody reads it out: pure."""

from typing import Final

from control_center.handoff_cards import HandoffPerson, HandoffSummary, HandoffText
from dispatch.wording import text
from schemas.district_time import DISTRICT_TIME

SIGNS: Final = ("hr", "spo2", "rr", "sbp", "dbp", "temp")
_MINUTE: Final = 60
_HOUR: Final = 3600
KNOWN_CONDITIONS: Final = frozenset(
    {
        "copd",
        "hypertension",
        "diabetes",
        "heart_failure",
        "atrial_fibrillation",
        "coronary_heart_disease",
        "stroke",
        "dementia",
        "parkinson",
        "arthritis",
        "osteoporosis",
        "asthma",
        "kidney_disease",
        "hearing_loss",
        "low_vision",
        "frailty",
    }
)
"""Conditions that the register has codes for; others are told as they were written."""


def texts_of(summary: HandoffSummary) -> HandoffText:
    """The summary in each language."""
    return HandoffText(zh=_text("zh-CN", summary), en=_text("en", summary))


def _text(language: str, told: HandoffSummary) -> str:
    lines = [
        text(
            language,
            "handoff.test" if told.is_test else "handoff.what",
            kind=text(language, f"kind.{told.kind}"),
            at=f"{told.occurred_at.astimezone(DISTRICT_TIME):%Y-%m-%d %H:%M:%S}",
            ago=_age(language, (told.made_at - told.occurred_at).total_seconds()),
        ),
        text(language, "handoff.where", address=told.address or _unknown(language), unit=told.org.name),
    ]
    if told.place is not None:
        lines.append(text(language, "handoff.place", lat=f"{told.place.lat:.5f}", lon=f"{told.place.lon:.5f}"))
    lines += _entry(language, told)
    for person in told.people:
        lines += _person(language, person)
    if not told.people:
        lines.append(text(language, "handoff.nobody"))
    if told.responder is not None:
        key = "handoff.there" if told.responder_on_scene else "handoff.coming"
        lines.append(text(language, key, name=told.responder, phone=told.responder_phone or _unknown(language)))
    return "\n".join(lines)


def _entry(language: str, told: HandoffSummary) -> list[str]:
    entry, unknown = told.entry, _unknown(language)
    lines = [text(language, "handoff.door", note=entry.door_note or unknown)]
    if entry.key_holder or entry.key_holder_phone:
        name, phone = entry.key_holder or unknown, entry.key_holder_phone or unknown
        lines.append(text(language, "handoff.key", name=name, phone=phone))
    else:
        lines.append(text(language, "handoff.no_key"))
    if entry.phone:
        lines.append(text(language, "handoff.home_phone", phone=entry.phone))
    return lines


def _person(language: str, person: HandoffPerson) -> list[str]:
    lines = [
        text(
            language,
            "handoff.wearer" if person.wears_the_device else "handoff.resident",
            name=person.name,
            gender=text(language, f"gender.{person.gender}"),
            age=person.age,
            phone=person.phone or _unknown(language),
        )
    ]
    if person.living_alone:
        lines.append(text(language, "handoff.alone"))
    if person.state in ("hospital", "travelling"):
        lines.append(text(language, f"handoff.state.{person.state}"))
    conditions = [
        text(language, f"condition.{name}") if name in KNOWN_CONDITIONS else name for name in person.conditions
    ]
    lines.append(text(language, "handoff.conditions", told=_list(language, conditions)))
    lines.append(text(language, "handoff.medicines", told=_list(language, person.medicines)))
    lines.append(text(language, "handoff.allergies", told=_list(language, person.allergies)))
    lines.append(text(language, "handoff.signs", told=_list(language, _signs(language, person))))
    if person.news2 is not None:
        missing = _list(language, [text(language, f"vital.{name}") for name in person.news2_missing])
        lines.append(text(language, "handoff.news2", score=person.news2, missing=missing))
    contacts = [
        text(
            language,
            "handoff.contact",
            name=contact.name,
            relation=text(language, f"relation.{contact.relation}"),
            phone=contact.phone,
        )
        for contact in person.contacts
    ]
    lines.append(text(language, "handoff.contacts", told=_list(language, contacts)))
    return lines


def _signs(language: str, person: HandoffPerson) -> list[str]:
    return [
        text(
            language,
            "handoff.sign",
            name=text(language, f"vital.{name}"),
            value=f"{person.signs[name].value:g}",
            unit=text(language, f"unit.{name}"),
            ago=_age(language, person.signs[name].age_seconds),
        )
        for name in SIGNS
        if name in person.signs
    ]


def _age(language: str, seconds: float) -> str:
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return text(language, "age.seconds", count=whole)
    if whole < _HOUR:
        return text(language, "age.minutes", count=whole // _MINUTE)
    return text(language, "age.hours", count=whole // _HOUR)


def _list(language: str, told: list[str]) -> str:
    return text(language, "handoff.comma").join(told) if told else _unknown(language)


def _unknown(language: str) -> str:
    return text(language, "handoff.unknown")
