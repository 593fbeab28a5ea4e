"""What home sensors say, in our words: a hub's own fields, Zigbee2MQTT states, Tuya status lists, bed call-backs.

Sensors repeat themselves: states are published again with every battery report, each message may come twice, a press is
followed by an empty action, numbers come as text, null means unknown. So this only translates; what is new against the
sensor's last word is told by `changes`. Everything here is pure. Shapes are those of 51 captures and of the 307 devices
in npm `zigbee-herdsman-converters` 26.112.0.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.states import AlarmKind

PRESSES: Final = frozenset({"emergency", "panic", "sos"})
_TRUE: Final = frozenset({"true", "on", "1"})
_FALSE: Final = frozenset({"false", "off", "0"})
_MOVING: Final = frozenset({"move", "large_move", "small_move", "large_movement", "small_movement"})
_THERE: Final = frozenset({"presence", "peaceful", *_MOVING})
_NOBODY: Final = frozenset({"none", "absence"})
_FALLEN: Final = frozenset({"fall_alarm", "fall"})
_UPRIGHT: Final = frozenset({"normal", "none"})
_STATES: Final[Mapping[str, tuple[str, ...]]] = {
    "leak": ("water_leak", "active_water_leak"),
    "smoke": ("smoke",),
    "gas": ("gas", "carbon_monoxide"),
    "sos": ("sos", "sos_alarm"),
}
_PRESENCE: Final = ("presence_state", "human_motion_state", "state")
_FALLS: Final = ("fall_status", "fall_down_status")


@dataclass(frozen=True, slots=True)
class Words:
    """One message of a sensor. `moved` and `pressed` happen with the message; `states` last until they are taken back
    and leave out what is unknown: presence, bed, door, leak, smoke, gas, fall, sos."""

    moved: bool = False
    pressed: bool = False
    watches: bool = False
    """Whether it tells of movement even when there is none."""
    states: Mapping[str, bool] = field(default_factory=dict)
    water_m3: float | None = None
    battery: float | None = None
    unreadable: tuple[str, ...] = ()
    """Home fields that are not what they should be."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a message says that the last one of the same sensor did not."""

    moved: bool
    door_opened: bool
    bed: bool | None
    """The bed's new state, None when it is as it was."""
    alarms: tuple[AlarmKind, ...]


def flag(value: Any) -> bool | None:
    """A binary state however it is written; None for what says nothing."""
    if isinstance(value, int):
        return bool(value) if value in (0, 1) else None
    word = _word(value).lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def figure(value: Any) -> float | None:
    """A finite number, which may come as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def own_words(fields: Mapping[str, Any]) -> Words:
    """The home fields of a hub's own sample."""
    motion, water = fields.get("motion"), fields.get("water")
    count = int(motion) if isinstance(motion, bool) else motion
    wrong = ["motion"] if motion is not None and (not isinstance(count, int) or count < 0) else []
    states: dict[str, bool] = {}
    for name in ("bed", "door"):
        value = fields.get(name)
        if isinstance(value, bool):
            states[name] = value
        elif value is not None:
            wrong.append(name)
    cubic = figure(water) if not isinstance(water, str) else None
    if water is not None and (cubic is None or cubic < 0):
        wrong.append("water")
        cubic = None
    seen = isinstance(count, int) and not wrong
    return Words(
        moved=seen and bool(count),
        watches=seen or "bed" in states,
        states=states,
        water_m3=cubic,
        unreadable=tuple(wrong),
    )


def vendor_words(said: Mapping[str, Any]) -> Words:
    """A sensor's message as its maker words it; what nobody knows says nothing."""
    if isinstance(said.get("status"), list):
        said = {item["code"]: item.get("value") for item in said["status"] if _is_coded(item)}
    if "mach_status" in said:
        return _bed_words(said)
    states = _alarm_states(said)
    presence = _presence(said)
    if presence is not None:
        states["presence"] = presence
    closed = flag(said.get("contact"))
    if closed is not None:
        states["door"] = not closed
    water = figure(said.get("water_consumed"))
    battery = figure(said.get("battery"))
    return Words(
        pressed=_word(said.get("action")).lower() in PRESSES,
        states=states,
        water_m3=water if water is not None and water >= 0 else None,
        battery=battery if battery is not None and 0 <= battery <= 100 else None,
    )


def _is_coded(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("code"), str)


def _bed_words(said: Mapping[str, Any]) -> Words:
    """A mattress: status 0 left bed, 1 asleep, 2 turned over; mach_status 0 is a fault."""
    status = _word(said.get("status"))
    if _word(said["mach_status"]) == "0" or status not in ("0", "1", "2"):
        return Words()
    return Words(moved=status == "2", states={"bed": status != "0"})


def _alarm_states(said: Mapping[str, Any]) -> dict[str, bool]:
    """Leak, smoke, gas, SOS and fall; a detector that is being tested says nothing of the kind."""
    if flag(said.get("test")):
        return {}
    states: dict[str, bool] = {}
    for kind, names in _STATES.items():
        # Figures under the same names are something else: a gas meter's m³, a detector's % of the explosive limit.
        flags = [flag(said[name]) for name in names if isinstance(said.get(name), bool | str)]
        known = [state for state in flags if state is not None]
        if known:
            states[kind] = any(known)
    for name in _FALLS:
        if _word(said.get(name)) in _FALLEN:
            states["fall"] = True
        elif _word(said.get(name)) in _UPRIGHT:
            states.setdefault("fall", False)
    return states


def _presence(said: Mapping[str, Any]) -> bool | None:
    """Whether the sensor sees somebody; one that says both knows best by what moves."""
    for name in _PRESENCE:
        if _word(said.get(name)) in _THERE:
            return True
        if _word(said.get(name)) in _NOBODY:
            return False
    known = [state for name in ("occupancy", "presence") if (state := flag(said.get(name))) is not None]
    return any(known) if known else None


def changes(words: Words, before: Mapping[str, bool]) -> Changes:
    """What is new against the sensor's states `before`; a state first heard of is new where it matters: an alarm that
    is on, somebody seen, a door that is open."""
    states = words.states
    bed = states.get("bed")
    turned = bed is not None and "bed" in before and before["bed"] != bed
    begun = {name for name, is_on in states.items() if is_on and not before.get(name, False)}
    alarms: list[AlarmKind] = [kind for kind in ALARM_STATES if kind in begun]
    if words.pressed and "sos" not in alarms:
        alarms.append("sos")
    opened = "door" in begun
    return Changes(
        moved=words.moved or "presence" in begun or turned or opened,
        door_opened=opened,
        bed=bed if bed != before.get("bed") else None,
        alarms=tuple(alarms),
    )


ALARM_STATES: Final[tuple[AlarmKind, ...]] = ("sos", "fall", "smoke", "gas", "leak")
