"""How somebody is, in one word, from what is known of alarms, whereabouts and devices."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from control_center.work_cards import Wellbeing
from schemas.states import AWAY, AlarmState, ElderState

QUIET_AFTER: Final = timedelta(minutes=60)
"""No word from any device of somebody at home for this long is worth a telephone call."""
URGENCY: Final[tuple[Wellbeing, ...]] = ("alarm", "being_handled", "help_coming", "help_there")
"""What still lacks most comes first: of several alarms the one with the least help decides."""


@dataclass(frozen=True)
class Distress:
    """An open alarm as far as wellbeing goes; `dispatched_at` only while somebody is on the way or there, also when
    the alarm rings again meanwhile."""

    state: AlarmState
    raised_at: datetime
    acknowledged_at: datetime | None
    dispatched_at: datetime | None
    on_scene_at: datetime | None


@dataclass(frozen=True)
class Situation:
    """What is known of an elder: where she is and since when, how many devices she has, when any of them was last
    heard, and her open alarms and those of her home."""

    state: ElderState
    state_since: datetime
    devices: int
    last_sign_at: datetime | None
    alarms: Sequence[Distress]


def _helped(alarm: Distress) -> tuple[Wellbeing, datetime]:
    """How far help has come, and since when."""
    if alarm.on_scene_at is not None:
        return "help_there", alarm.on_scene_at
    if alarm.dispatched_at is not None:
        return "help_coming", alarm.dispatched_at
    if alarm.state != "raised" and alarm.acknowledged_at is not None:
        return "being_handled", alarm.acknowledged_at
    return "alarm", alarm.raised_at


def _worst(alarms: Iterable[Distress]) -> tuple[Wellbeing, datetime] | None:
    return min((_helped(alarm) for alarm in alarms), key=lambda told: (URGENCY.index(told[0]), told[1]), default=None)


def wellbeing(known: Situation, now: datetime) -> tuple[Wellbeing, datetime | None]:
    """How an elder is, and since when where that is known. An open alarm outweighs everything else."""
    distress = _worst(known.alarms)
    if distress is not None:
        return distress
    if known.state in AWAY:
        return "away", known.state_since
    if known.devices == 0:
        return "no_device", None
    if known.last_sign_at is None or now - known.last_sign_at >= QUIET_AFTER:
        return "quiet", known.last_sign_at
    return "fine", None
