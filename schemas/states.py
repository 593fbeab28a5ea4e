"""States and codes of alarms and elders, and which step may follow which."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

AlarmKind = Literal["sos", "fall", "vitals", "leak", "smoke", "gas", "unreadable_event"]
AlarmState = Literal["pending", "raised", "acknowledged", "dispatched", "on_scene", "resolved", "closed", "cancelled"]
Severity = Literal["emergency", "urgent", "advisory", "technical"]
ElderState = Literal["home", "hospital", "travelling", "deceased", "test"]
Role = Literal["operator", "supervisor", "worker", "family", "administrator"]
Outcome = Literal[
    "helped_on_site",
    "helped_by_phone",
    "ambulance_called",
    "family_attended",
    "false_alarm",
    "device_fault",
    "test_call",
    "no_answer_visited",
]
OUTCOMES: Final[tuple[str, ...]] = get_args(Outcome)
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""Worst first."""

ALARM_STEPS: Final[dict[AlarmState, frozenset[AlarmState]]] = {
    "pending": frozenset({"raised", "cancelled"}),
    "raised": frozenset({"acknowledged", "cancelled"}),
    "acknowledged": frozenset({"raised", "dispatched", "resolved"}),
    "dispatched": frozenset({"raised", "on_scene", "resolved"}),
    "on_scene": frozenset({"raised", "resolved"}),
    "resolved": frozenset({"closed"}),
    "closed": frozenset(),
    "cancelled": frozenset(),
}
ENDED: Final[frozenset[AlarmState]] = frozenset({"resolved", "closed", "cancelled"})

KIND_SEVERITY: Final[dict[AlarmKind, Severity]] = {
    "sos": "emergency",
    "fall": "emergency",
    "smoke": "emergency",
    "gas": "emergency",
    "leak": "urgent",
    "unreadable_event": "urgent",
    "vitals": "urgent",
}


@dataclass(frozen=True)
class AlarmRule:
    """What an elder's state does to an alarm about to be raised."""

    raises: bool
    is_test: bool = False


def alarm_rule(state: ElderState | None, kind: AlarmKind) -> AlarmRule:
    """Whether an alarm of `kind` is raised for an elder in `state` (None: nobody known wears the device).

    A pressed button is never suppressed: a registry that says "in hospital" or "deceased" may be wrong, and the
    widow may be the one who presses. Measurements of a person who is cared for elsewhere, or no longer alive, are.
    """
    if state == "test":
        return AlarmRule(raises=True, is_test=True)
    if kind == "vitals" and state in ("hospital", "deceased"):
        return AlarmRule(raises=False)
    if kind == "fall" and state in ("hospital", "deceased"):
        return AlarmRule(raises=False)
    return AlarmRule(raises=True)


def worse(one: Severity, other: Severity) -> bool:
    """Whether severity `one` is worse than `other`."""
    return SEVERITIES.index(one) < SEVERITIES.index(other)
