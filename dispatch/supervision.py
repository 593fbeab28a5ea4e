"""Which devices are there, low on battery or wrong about the time: concluded from when and what they last said.

A last will and a status are hints; presence is when a device was last heard. Everything is read in one query that gives
only the devices about which the conclusion changed. Each change is written under the version that was read, together
with the end of the alarms it makes void, so that of two who conclude at once one changes nothing and no alarm is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from dispatch.recovery import end_of_devices
from schemas.database import Row, Transaction, rows
from schemas.statements import statement
from schemas.states import AlarmKind
from schemas.topics import shard_of

LISTENED: Final = timedelta(seconds=15)
"""A shard that ingest has not said to hear within this time is not listened to: then nobody is called lost."""
MOST: Final = 20_000
"""Changes taken up by one look; the rest is found by the next."""

# A device heard within its time is online. A silent one is lost only if for that whole time somebody listened; as long
# as nobody does, or ingest is known to be behind, what was concluded before stands.
FIND_CHANGED = statement("""
    WITH heard AS MATERIALIZED (
        SELECT array_agg(listening.since ORDER BY every.shard) AS since
        FROM generate_series(0, 7) AS every (shard)
        LEFT JOIN shard_listening AS listening
          ON listening.shard = every.shard AND listening.lane_group = 'telemetry'
          AND listening.until >= %(listened)s::timestamptz
          AND NOT EXISTS (SELECT FROM alarm WHERE alarm.kind = 'ingest_behind' AND alarm.ended_at IS NULL)
    )
    SELECT device.key AS device_key, device.id, device.revoked_at IS NOT NULL AS revoked,
           presence.last_seen_at, presence.firmware,
           known.version, known.online AS was_online, known.since, known.battery_low AS was_low,
           known.clock_wrong AS was_wrong, known.firmware AS was_firmware, known.firmware_since, known.untold,
           found.online, found.battery_low, found.clock_wrong
    FROM device_presence AS presence
    JOIN supervised_device AS device ON device.key = presence.device_key
    LEFT JOIN device_supervision AS known ON known.device_key = presence.device_key
    LEFT JOIN device_clock AS clock ON clock.device_key = presence.device_key
    CROSS JOIN heard
    CROSS JOIN LATERAL (
        SELECT %(now)s::timestamptz - make_interval(secs => device.lost_seconds) AS lost_before
    ) AS times
    CROSS JOIN LATERAL (
        SELECT presence.last_seen_at >= times.lost_before
               OR (COALESCE(known.online, true)
                   AND NOT COALESCE(heard.since[known.shard + 1] < times.lost_before, false)) AS online,
               CASE WHEN presence.battery <= device.battery_low THEN true
                    WHEN presence.battery >= device.battery_charged THEN false
                    ELSE COALESCE(known.battery_low, false) END AS battery_low,
               CASE WHEN abs(clock.off_seconds) > device.clock_off_seconds THEN true
                    WHEN COALESCE(abs(clock.off_seconds), 0) <= device.clock_right_seconds THEN false
                    ELSE COALESCE(known.clock_wrong, false) END AS clock_wrong
    ) AS found
    WHERE CASE WHEN device.revoked_at IS NOT NULL THEN known.device_key IS NOT NULL
               ELSE known.device_key IS NULL OR found.online <> known.online
                    OR found.battery_low <> known.battery_low OR found.clock_wrong <> known.clock_wrong
                    OR presence.firmware IS DISTINCT FROM known.firmware END
    ORDER BY device.key
    LIMIT %(limit)s::integer
""")
# Whoever spoke since it was looked at is not called lost.
CONCLUDE = statement("""
    INSERT INTO device_supervision (device_key, shard, version, online, since, battery_low, clock_wrong, firmware,
                                    firmware_since, untold, look_at)
    SELECT found.device_key, found.shard, found.version + 1, found.online, found.since, found.battery_low,
           found.clock_wrong, found.firmware, found.firmware_since, string_to_array(found.untold, ','),
           CASE WHEN found.untold <> '' THEN %(now)s::timestamptz END
    FROM unnest(%(keys)s::integer[], %(shards)s::smallint[], %(versions)s::bigint[], %(onlines)s::boolean[],
                %(sinces)s::timestamptz[], %(lows)s::boolean[], %(wrongs)s::boolean[], %(firmwares)s::text[],
                %(firmware_sinces)s::timestamptz[], %(untolds)s::text[], %(seens)s::timestamptz[])
        AS found (device_key, shard, version, online, since, battery_low, clock_wrong, firmware, firmware_since,
                  untold, seen_at)
    JOIN device_presence AS presence ON presence.device_key = found.device_key
        AND (found.online OR presence.last_seen_at <= found.seen_at)
    ORDER BY found.device_key
    ON CONFLICT (device_key) DO UPDATE
    SET version = EXCLUDED.version, online = EXCLUDED.online, since = EXCLUDED.since,
        battery_low = EXCLUDED.battery_low, clock_wrong = EXCLUDED.clock_wrong, firmware = EXCLUDED.firmware,
        firmware_since = EXCLUDED.firmware_since, untold = EXCLUDED.untold, look_at = EXCLUDED.look_at
    WHERE device_supervision.version = EXCLUDED.version - 1
    RETURNING device_key
""")
RETIRE = statement("""
    DELETE FROM device_supervision AS known
    USING unnest(%(keys)s::integer[], %(versions)s::bigint[]) AS read (device_key, version)
    WHERE known.device_key = read.device_key AND known.version = read.version
    RETURNING known.device_key
""")

CONDITIONS: Final[tuple[AlarmKind, ...]] = ("device_offline", "battery_low", "clock_wrong")


@dataclass(frozen=True)
class Conclusion:
    """What is to be written about a device, under the version that was read (0: nothing was)."""

    device_key: int
    shard: int
    version: int
    online: bool
    since: datetime
    battery_low: bool
    clock_wrong: bool
    firmware: str | None
    firmware_since: datetime | None
    untold: tuple[AlarmKind, ...]
    over: tuple[AlarmKind, ...]
    """What held before and does not any more."""
    last_seen_at: datetime


def conclude(found: Row, now: datetime) -> Conclusion:
    """What follows from a row of FIND_CHANGED; pure. What is new is to be told, what is over is not any more."""
    is_new = found["version"] is None
    held = {kind: not is_new and wrong for kind, wrong in _conditions(found, "was_online", "was_low", "was_wrong")}
    holds = dict(_conditions(found, "online", "battery_low", "clock_wrong"))
    waiting = set(found["untold"] or ())
    moved = is_new or found["online"] != found["was_online"]
    same_firmware = not is_new and found["firmware"] == found["was_firmware"]
    return Conclusion(
        device_key=found["device_key"],
        shard=shard_of(found["id"]),
        version=found["version"] or 0,
        online=found["online"],
        since=found["last_seen_at"] if moved else found["since"],
        battery_low=found["battery_low"],
        clock_wrong=found["clock_wrong"],
        firmware=found["firmware"],
        firmware_since=found["firmware_since"] if same_firmware else (now if found["firmware"] else None),
        untold=tuple(kind for kind in CONDITIONS if holds[kind] and (kind in waiting or not held[kind])),
        over=tuple(kind for kind in CONDITIONS if held[kind] and not holds[kind]),
        last_seen_at=found["last_seen_at"],
    )


def _conditions(found: Row, online: str, low: str, wrong: str) -> list[tuple[AlarmKind, bool]]:
    return [
        ("device_offline", not found[online]),
        ("battery_low", bool(found[low])),
        ("clock_wrong", bool(found[wrong])),
    ]


def find_changed(conn: psycopg.Connection[TupleRow], now: datetime, limit: int = MOST) -> list[Row]:
    """The devices about which what was concluded is no longer so, by key."""
    return rows(conn, FIND_CHANGED, {"now": now, "listened": now - LISTENED, "limit": limit})


def write_conclusions(tx: Transaction, now: datetime, found: Sequence[Row]) -> int:
    """Conclude about rows of FIND_CHANGED and end the alarms that are void; returns how many were still as read."""
    withdrawn = [row for row in found if row["revoked"]]
    concluded = [conclude(row, now) for row in found if not row["revoked"]]
    written = {row["device_key"] for row in tx.rows(CONCLUDE, _columns(concluded, now))} if concluded else set()
    over = [(one.device_key, kind) for one in concluded if one.device_key in written for kind in one.over]
    end_of_devices(tx, now, over)
    return len(written) + (_retire(tx, now, withdrawn) if withdrawn else 0)


def _columns(concluded: Sequence[Conclusion], now: datetime) -> dict[str, object]:
    return {
        "now": now,
        "keys": [one.device_key for one in concluded],
        "shards": [one.shard for one in concluded],
        "versions": [one.version for one in concluded],
        "onlines": [one.online for one in concluded],
        "sinces": [one.since for one in concluded],
        "lows": [one.battery_low for one in concluded],
        "wrongs": [one.clock_wrong for one in concluded],
        "firmwares": [one.firmware for one in concluded],
        "firmware_sinces": [one.firmware_since for one in concluded],
        "untolds": [",".join(one.untold) for one in concluded],
        "seens": [one.last_seen_at for one in concluded],
    }


def _retire(tx: Transaction, now: datetime, found: Sequence[Row]) -> int:
    """A revoked device concerns nobody any more."""
    read = {"keys": [row["device_key"] for row in found], "versions": [row["version"] for row in found]}
    gone = [row["device_key"] for row in tx.rows(RETIRE, read)]
    end_of_devices(tx, now, [(key, kind) for key in gone for kind in CONDITIONS], "withdrawn")
    return len(gone)
