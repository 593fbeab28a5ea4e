"""When homes moved: advances `home_watch` by what sensors told, and learns each home's usual stillness by the hour."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from dispatch.alarm_events import record
from ingest.home_sensors import Told
from ingest.home_state import HomeState, Observation, Stillness, reached_by_hour
from schemas.database import Transaction
from schemas.events import Event
from schemas.statements import statement

SOONEST: Final = timedelta(minutes=15)
"""No limit is shorter: a home that moved need not be looked at before."""

LOCK = statement("""
    SELECT household_id, heard_at, watched_since, moved_at, in_bed, bed_changed_at, door_opened_at, signalled_at,
           alarm_id
    FROM home_watch WHERE household_id = ANY(%(ids)s::integer[])
    ORDER BY household_id FOR UPDATE
""")
# A movement makes a deadline earlier only where the home was given more time than one that has just moved gets.
SET = statement("""
    INSERT INTO home_watch (household_id, device_key, heard_at, watched_since, moved_at, in_bed, bed_changed_at,
                            door_opened_at, due_at)
    SELECT * FROM unnest(%(ids)s::integer[], %(keys)s::integer[], %(heard)s::timestamptz[], %(watched)s::timestamptz[],
                         %(moved)s::timestamptz[], %(in_bed)s::boolean[], %(bed_changed)s::timestamptz[],
                         %(opened)s::timestamptz[], %(due)s::timestamptz[])
    ON CONFLICT (household_id) DO UPDATE
    SET device_key = EXCLUDED.device_key, heard_at = EXCLUDED.heard_at, watched_since = EXCLUDED.watched_since,
        moved_at = EXCLUDED.moved_at, in_bed = EXCLUDED.in_bed, bed_changed_at = EXCLUDED.bed_changed_at,
        door_opened_at = EXCLUDED.door_opened_at, due_at = LEAST(home_watch.due_at, EXCLUDED.due_at)
""")
LEARN = statement("""
    INSERT INTO home_day (household_id, day, longest)
    VALUES (%(household_id)s::integer, %(day)s::date, %(longest)s::smallint[])
    ON CONFLICT (household_id, day) DO UPDATE
    SET longest = ARRAY(
        SELECT GREATEST(known, fresh)
        FROM unnest(home_day.longest, EXCLUDED.longest) WITH ORDINALITY AS hours (known, fresh, hour)
        ORDER BY hour)
""")
STILL_OPEN = statement("""
    SELECT id, elder_id FROM alarm WHERE id = ANY(%(ids)s::bigint[]) AND ended_at IS NULL ORDER BY id
""")


def watch_homes(tx: Transaction, now: datetime, told: Iterable[Told], silence: timedelta) -> None:
    """Advance the homes that sensors told of; a movement after a no-movement alarm is put on the alarm's timeline."""
    by_home = _by_home(told)
    if not by_home:
        return
    states = {row.pop("household_id"): HomeState(**row) for row in tx.rows(LOCK, {"ids": sorted(by_home)})}
    lessons: dict[tuple[int, date], list[int]] = {}
    moved_again: dict[int, datetime] = {}
    devices: dict[int, int] = {}
    for household_id, words in by_home.items():
        state = states.get(household_id, HomeState())
        for one in sorted(words, key=lambda item: item.at):
            devices[household_id] = one.device.key
            before = state
            state, ended = state.after(_observation(one), silence)
            if ended:
                _learn(lessons, household_id, ended)
            if before.rings and before.alarm_id is not None and not state.rings:
                moved_again[before.alarm_id] = one.at
        states[household_id] = state
    _set(tx, now, {household_id: states[household_id] for household_id in by_home}, devices)
    for (household_id, day), longest in sorted(lessons.items()):
        tx.execute(LEARN, {"household_id": household_id, "day": day, "longest": longest})
    _tell_moved_again(tx, now, moved_again)


def _by_home(told: Iterable[Told]) -> dict[int, list[Told]]:
    """Words about movement, bed and door, by household."""
    homes: dict[int, list[Told]] = {}
    for one in told:
        change = one.change
        if one.wearer is None or one.wearer.household_id is None:
            continue
        if one.words.watches or change.moved or change.door_opened or change.bed is not None:
            homes.setdefault(one.wearer.household_id, []).append(one)
    return homes


def _observation(one: Told) -> Observation:
    return Observation(one.at, one.words.watches, one.change.moved, one.change.bed, one.change.door_opened)


def _learn(lessons: dict[tuple[int, date], list[int]], household_id: int, ended: Stillness) -> None:
    for day, longest in reached_by_hour(ended).items():
        known = lessons.get((household_id, day), [0] * 24)
        lessons[household_id, day] = [max(pair) for pair in zip(known, longest, strict=True)]


def _set(tx: Transaction, now: datetime, states: Mapping[int, HomeState], devices: Mapping[int, int]) -> None:
    ids = sorted(states)
    values = [states[household_id] for household_id in ids]
    tx.execute(
        SET,
        {
            "ids": ids,
            "keys": [devices[household_id] for household_id in ids],
            "heard": [state.heard_at for state in values],
            "watched": [state.watched_since for state in values],
            "moved": [state.moved_at for state in values],
            "in_bed": [state.in_bed for state in values],
            "bed_changed": [state.bed_changed_at for state in values],
            "opened": [state.door_opened_at for state in values],
            "due": [(state.still_since or now) + SOONEST for state in values],
        },
    )


def _tell_moved_again(tx: Transaction, now: datetime, moved_again: Mapping[int, datetime]) -> None:
    """Whoever is asked to look at a still home learns at once that it moves; the alarm stays until a person ends it."""
    for alarm in tx.rows(STILL_OPEN, {"ids": sorted(moved_again)}) if moved_again else []:
        alarm_id = int(alarm["id"])
        record(tx, now, alarm_id, "signalled", detail={"moved_again": moved_again[alarm_id].isoformat()})
        tx.emit(Event("alarm.signalled", now, alarm_id=alarm_id, elder_id=alarm["elder_id"]))
