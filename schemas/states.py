"""States and codes of alarms, orders, offers and elders, and which step may follow which."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

AlarmKind = Literal[
    "sos",
    "fall",
    "vitals",
    "leak",
    "smoke",
    "gas",
    "unreadable_event",
    "street_dark",
    "device_offline",
    "battery_low",
    "clock_wrong",
    "device_refused",
    "ingest_behind",
    "no_movement",
    "water_low",
    "wandering",
    "phone_call",
    "engine_stuck",
    "worker_sos",
]
AlarmState = Literal[
    "pending", "raised", "acknowledged", "dispatched", "on_scene", "shelved", "resolved", "closed", "cancelled"
]
Severity = Literal["emergency", "urgent", "advisory", "technical"]
ElderState = Literal["home", "hospital", "travelling", "deceased", "test"]
DeviceKind = Literal["button", "wearable", "hub"]
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
    "hospital",
    "unreachable",
]
FalseAlarmCause = Literal[
    "pressed_by_mistake",
    "taken_off",
    "not_a_fall",
    "cooking_or_steam",
    "cleaning_or_repairs",
    "visitor_or_pet",
    "measured_wrongly",
    "unknown",
]
"""Why there was an alarm and nothing behind it."""
ShelveReason = Literal[
    "known_fault", "engineer_coming", "elder_away", "waiting_for_family", "works_in_building", "other"
]
"""Why an alarm is put aside for a while."""
TaskKind = Literal[
    "call_back",
    "missed_call",
    "breach_review",
    "rota_gap",
    "unreachable",
    "audit",
    "unfilled_order",
    "visit_call_back",
    "back_entry",
    "fraud_review",
    "complaint",
    "certificate",
    "settlement",
    "service_request",
    "plan_review",
    "no_show_review",
]
TaskOutcome = Literal[
    "well",
    "needs_help",
    "in_hospital",
    "passed_away",
    "not_reached",
    "spoken",
    "unavoidable",
    "short_of_staff",
    "no_responder",
    "not_needed",
    "mistake",
    "technical",
    "filled",
    "accepted",
    "mended",
    "replaced",
    "checked",
    "took_place",
    "did_not_take_place",
    "approved",
    "rejected",
    "confirmed_fraud",
    "no_fraud",
    "upheld",
    "dismissed",
    "renewed",
    "lapsed",
    "settled",
]
GroupKind = Literal["building", "dark_street"]
"""Why incidents of several homes belong together."""
OwnOutcome = Literal["recovered", "joined", "withdrawn"]
"""How an alarm ends by itself: what it told of is over, is told by another alarm, or concerns nobody any more."""
OrderState = Literal[
    "requested",
    "offered",
    "accepted",
    "en_route",
    "checked_in",
    "in_service",
    "completed",
    "confirmed",
    "settled",
    "cancelled",
    "failed",
]
OfferState = Literal["open", "accepted", "declined", "expired", "withdrawn", "lost"]
ResponseState = Literal["searching", "found", "nobody"]
Attention = Literal[
    "nobody_eligible",
    "nobody_accepted",
    "late",
    "overrun",
    "elder_away",
    "likely_late",
    "companion_missing",
    "unfit",
    "no_show",
    "worker_lapsed",
]
"""Why a person must look at an order."""
OrderSource = Literal[
    "operator", "hotline", "family", "button", "schedule", "care_plan", "alarm", "rework", "companion"
]
"""Where an order came from; a companion is the second worker's part of a visit that takes two."""
AssignmentMode = Literal["sequence", "best", "hall", "plan"]
"""How an order finds its worker: one asked after the other, the best few at once, whoever takes it, planned ahead."""
Sex = Literal["female", "male"]
DeclineReason = Literal["busy", "too_far", "unwell", "other"]
FailReason = Literal["elder_absent", "elder_refused", "unsafe", "unfit", "worker_unwell", "other"]
Assist = Literal["clean", "meal", "bath", "walk", "emergency", "medical"]
"""The six assists."""
ProviderState = Literal["applied", "admitted", "suspended", "exited"]
Travel = Literal["walk", "scooter", "car"]
ResponderKind = Literal["station", "grid", "paired", "mobile"]
"""Staff of a station, grid worker of a street, paired helper of single elders, mobile team."""
CareLevel = Literal["independent", "mild", "moderate", "severe", "total"]
"""Assessed grade of ability: able, and mildly, moderately, severely, totally disabled (GB/T 42195-2022)."""
OUTCOMES: Final[tuple[str, ...]] = get_args(Outcome)
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""Worst first."""

ALARM_CAUSES: Final[dict[AlarmState, dict[AlarmState, tuple[str, ...]]]] = {
    "pending": {"raised": ("confirmed", "worsened"), "cancelled": ("cancelled",)},
    "raised": {
        "acknowledged": ("acknowledged",),
        "dispatched": ("acknowledged",),
        "on_scene": ("acknowledged",),
        "shelved": ("shelved",),
        "cancelled": ("cancelled",),
    },
    "acknowledged": {
        "raised": ("realarmed", "worsened"),
        "dispatched": ("dispatched",),
        "shelved": ("shelved",),
        "resolved": ("resolved",),
    },
    "dispatched": {
        "raised": ("realarmed", "worsened"),
        "acknowledged": ("searching",),
        "on_scene": ("arrived",),
        "resolved": ("resolved",),
    },
    "on_scene": {"raised": ("realarmed", "worsened"), "resolved": ("resolved",)},
    "shelved": {
        "raised": ("unshelved", "worsened"),
        "acknowledged": ("acknowledged",),
        "resolved": ("resolved",),
    },
    "resolved": {"closed": ("closed",)},
    "closed": {},
    "cancelled": {},
}
"""THE table of an alarm's life: which state may follow which, and the events by which it does. An alarm that is raised
again while somebody is on the way or there goes back to that state when it is acknowledged. The database refuses other
steps (table alarm_step); docs/generated/alarm_states.md draws it."""
ALARM_BEGINS: Final[frozenset[AlarmState]] = frozenset({"pending", "raised"})
ALARM_STEPS: Final[dict[AlarmState, frozenset[AlarmState]]] = {
    state: frozenset(following) for state, following in ALARM_CAUSES.items()
}


def follows(state: AlarmState, event: str) -> bool:
    """Whether an event takes an alarm that is in `state` a step further."""
    return any(event in causes for causes in ALARM_CAUSES[state].values())


ANSWERED: Final[frozenset[AlarmState]] = frozenset({"acknowledged", "dispatched", "on_scene"})
"""Somebody has it in hand."""
ENDED: Final[frozenset[AlarmState]] = frozenset({"resolved", "closed", "cancelled"})

ORDER_STEPS: Final[dict[OrderState, frozenset[OrderState]]] = {
    "requested": frozenset({"offered", "cancelled"}),
    "offered": frozenset({"accepted", "requested", "cancelled"}),
    "accepted": frozenset({"en_route", "requested", "cancelled"}),
    "en_route": frozenset({"checked_in", "requested", "cancelled", "failed"}),
    "checked_in": frozenset({"in_service", "cancelled", "failed"}),
    "in_service": frozenset({"completed", "cancelled", "failed"}),
    "completed": frozenset({"confirmed"}),
    "confirmed": frozenset({"settled"}),
    "settled": frozenset(),
    "cancelled": frozenset(),
    "failed": frozenset(),
}
ORDER_ENDED: Final[frozenset[OrderState]] = frozenset({"completed", "confirmed", "settled", "cancelled", "failed"})
"""Nothing is left to do at the elder's home."""
WORKER_SEES: Final[frozenset[OrderState]] = frozenset({"accepted", "en_route", "checked_in", "in_service"})
"""While an order is in one of these its worker may know whose it is."""
UNDER_WAY: Final[frozenset[OrderState]] = frozenset({"en_route", "checked_in", "in_service"})
"""Its worker has set out for it, or is there."""
OFFER_STEPS: Final[dict[OfferState, frozenset[OfferState]]] = {
    "open": frozenset({"accepted", "declined", "expired", "withdrawn"}),
    "withdrawn": frozenset({"lost"}),
    "accepted": frozenset(),
    "declined": frozenset(),
    "expired": frozenset(),
    "lost": frozenset(),
}
AWAY: Final[frozenset[ElderState]] = frozenset({"hospital", "travelling", "deceased"})
"""Nobody is at home to be served."""

KIND_SKILLS: Final[dict[AlarmKind, frozenset[str]]] = {
    "sos": frozenset({"first_aid"}),
    "fall": frozenset({"first_aid"}),
    "vitals": frozenset({"first_aid"}),
    "smoke": frozenset({"first_aid"}),
    "gas": frozenset({"first_aid"}),
    "leak": frozenset(),
    "unreadable_event": frozenset(),
    "street_dark": frozenset(),
    "device_offline": frozenset(),
    "battery_low": frozenset(),
    "clock_wrong": frozenset(),
    "device_refused": frozenset(),
    "ingest_behind": frozenset(),
    "no_movement": frozenset({"first_aid"}),
    "phone_call": frozenset({"first_aid"}),
    "water_low": frozenset(),
    "wandering": frozenset(),
    "engine_stuck": frozenset(),
    "worker_sos": frozenset(),
}
"""What whoever goes to an alarm must be certified in."""
KIND_SEVERITY: Final[dict[AlarmKind, Severity]] = {
    "sos": "emergency",
    "fall": "emergency",
    "smoke": "emergency",
    "gas": "emergency",
    "leak": "urgent",
    "unreadable_event": "urgent",
    "vitals": "urgent",
    "street_dark": "urgent",
    "device_offline": "technical",
    "battery_low": "technical",
    "clock_wrong": "technical",
    "device_refused": "technical",
    "ingest_behind": "urgent",
    "no_movement": "urgent",
    "phone_call": "emergency",
    "water_low": "advisory",
    "wandering": "urgent",
    "engine_stuck": "urgent",
    "worker_sos": "emergency",
}
PRESSED_AGAIN: Final[frozenset[AlarmKind]] = frozenset({"sos", "fall", "smoke", "gas", "phone_call", "worker_sos"})
"""Kinds of which another signal ends a shelving: somebody calls for help anew."""
BUILDING_KINDS: Final[frozenset[AlarmKind]] = frozenset({"smoke", "gas", "leak"})
"""Kinds that several homes of one building may tell of at once."""
CALLED_BACK: Final[frozenset[Outcome]] = frozenset(
    {
        "helped_on_site",
        "helped_by_phone",
        "ambulance_called",
        "family_attended",
        "no_answer_visited",
        "hospital",
        "unreachable",
    }
)
"""Outcomes of a severe alarm after which somebody calls back the next day."""
TASK_OUTCOMES: Final[dict[TaskKind, frozenset[TaskOutcome]]] = {
    "call_back": frozenset({"well", "needs_help", "in_hospital", "passed_away", "not_reached"}),
    "missed_call": frozenset({"well", "needs_help", "in_hospital", "not_reached", "spoken"}),
    "breach_review": frozenset({"unavoidable", "short_of_staff", "no_responder", "mistake", "technical", "not_needed"}),
    "rota_gap": frozenset({"filled", "accepted"}),
    "unreachable": frozenset({"mended", "replaced", "accepted"}),
    "audit": frozenset({"mended", "checked"}),
    "unfilled_order": frozenset({"filled", "not_needed", "accepted"}),
    "visit_call_back": frozenset({"took_place", "did_not_take_place", "not_reached"}),
    "back_entry": frozenset({"approved", "rejected"}),
    "fraud_review": frozenset({"confirmed_fraud", "no_fraud"}),
    "complaint": frozenset({"upheld", "dismissed"}),
    "certificate": frozenset({"renewed", "lapsed"}),
    "settlement": frozenset({"settled"}),
    "service_request": frozenset({"spoken", "filled", "not_needed", "not_reached"}),
    "plan_review": frozenset({"renewed", "accepted", "not_needed"}),
    "no_show_review": frozenset({"upheld", "dismissed"}),
}
"""How each kind of task can end."""
DECIDED_ELSEWHERE: Final[frozenset[TaskKind]] = frozenset({"complaint", "settlement"})
"""Tasks that end by themselves: with a complaint's decision, with a settlement's approval."""
FOR_SUPERVISORS: Final[frozenset[TaskKind]] = frozenset(
    {
        "breach_review",
        "rota_gap",
        "unreachable",
        "audit",
        "back_entry",
        "fraud_review",
        "complaint",
        "certificate",
        "settlement",
        "no_show_review",
    }
)
"""Tasks that only a supervisor may do."""
AT_HOME_ONLY: Final[frozenset[AlarmKind]] = frozenset({"no_movement", "water_low", "wandering"})
"""Kinds that say something only of somebody who lives at home at the time."""


@dataclass(frozen=True)
class AlarmRule:
    """What an elder's state does to an alarm about to be raised."""

    raises: bool
    is_test: bool = False


def alarm_rule(state: ElderState | None, kind: AlarmKind) -> AlarmRule:
    """Whether an alarm of `kind` is raised for an elder in `state` (None: nobody known wears the device).

    A pressed button is never suppressed: a registry that says "in hospital" or "deceased" may be wrong, and the
    widow may be the one who presses. Measurements of a person who is cared for elsewhere, or no longer alive, are;
    so is what fails about devices that nobody uses meanwhile.
    """
    if state == "test":
        return AlarmRule(raises=True, is_test=True)
    if kind == "vitals" and state in ("hospital", "deceased"):
        return AlarmRule(raises=False)
    if kind == "fall" and state in ("hospital", "deceased"):
        return AlarmRule(raises=False)
    if KIND_SEVERITY[kind] == "technical" and state in ("hospital", "deceased"):
        return AlarmRule(raises=False)
    if kind in AT_HOME_ONLY and state in AWAY:
        return AlarmRule(raises=False)
    return AlarmRule(raises=True)


def worse(one: Severity, other: Severity) -> bool:
    """Whether severity `one` is worse than `other`."""
    return SEVERITIES.index(one) < SEVERITIES.index(other)
