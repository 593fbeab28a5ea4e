"""Streets in which many devices fell silent together, by a power cut or a broken cable: one alarm, not hundreds."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import DeviceKind

OVERDUE: Final = 1.5
"""A device that was silent for so many heartbeats is overdue. It will be lost later, but tells already that its
neighbour, who is lost now, is not alone."""
NOTED_LATE: Final = 1 / 6
"""Ingest notes a device that is heard all the time only so often, as a share of the time until it counts as lost."""


@dataclass(frozen=True)
class DarkPolicy:
    """When a street is dark, and light again; a row of dark_street_policy."""

    min_devices: int
    dark_share: float
    light_share: float
    window: timedelta
    """Devices that fell silent longer ago are not part of what happens now."""


@dataclass(frozen=True)
class KindCount:
    """The devices of one kind in a street: heard in time, and fallen silent lately; the first of these when."""

    kind: DeviceKind
    heard: int
    silent: int
    silent_since: datetime | None


@dataclass(frozen=True)
class Darkness:
    """How dark a street is, by the kind of device that shows it most."""

    silent: int
    watched: int
    since: datetime | None


POLICY = statement("SELECT min_devices, dark_share, light_share, window_seconds FROM dark_street_policy")
STREETS = statement("""
    SELECT unit.code, COALESCE(street.code, unit.code) AS street
    FROM org_unit AS unit
    LEFT JOIN LATERAL (
        SELECT top.code FROM org_unit AS top
        WHERE top.kind IN ('street', 'town') AND starts_with(unit.path, top.path)
        ORDER BY length(top.path) LIMIT 1
    ) AS street ON true
    WHERE unit.code = ANY(%(codes)s::text[])
""")
COUNT = statement("""
    WITH home AS MATERIALIZED (
        SELECT household.id, street.code AS street
        FROM org_unit AS street
        JOIN org_unit AS unit ON starts_with(unit.path, street.path)
        JOIN household ON household.org_code = unit.code
        WHERE street.code = ANY(%(streets)s::text[])
    ), present AS MATERIALIZED (
        SELECT home.street, assigned.device_key FROM home
        JOIN device_assignment AS assigned ON assigned.household_id = home.id
            AND assigned.valid_from <= %(now)s::timestamptz
            AND (assigned.valid_to IS NULL OR assigned.valid_to > %(now)s::timestamptz)
        UNION ALL
        SELECT home.street, assigned.device_key FROM home
        JOIN elder ON elder.household_id = home.id AND elder.state NOT IN ('hospital', 'deceased')
        JOIN device_assignment AS assigned ON assigned.elder_id = elder.id
            AND assigned.valid_from <= %(now)s::timestamptz
            AND (assigned.valid_to IS NULL OR assigned.valid_to > %(now)s::timestamptz)
    )
    SELECT present.street, device.kind, count(*) FILTER (WHERE NOT times.overdue) AS heard,
           count(*) FILTER (WHERE times.overdue) AS silent,
           min(presence.last_seen_at) FILTER (WHERE times.overdue) AS silent_since
    FROM present
    JOIN supervised_device AS device ON device.key = present.device_key AND device.revoked_at IS NULL
    JOIN device_presence AS presence ON presence.device_key = present.device_key
    CROSS JOIN LATERAL (
        SELECT presence.last_seen_at < %(now)s::timestamptz
            - make_interval(secs => device.heartbeat_seconds * %(overdue)s::float8
                                  + device.lost_seconds * %(noted_late)s::float8) AS overdue
    ) AS times
    WHERE NOT times.overdue
       OR presence.last_seen_at >= %(now)s::timestamptz - %(window)s::interval
            - make_interval(secs => device.lost_seconds)
    GROUP BY present.street, device.kind
""")


def dark_policy(tx: Transaction) -> DarkPolicy | None:
    """What holds; None when somebody deleted it: then there are no dark streets, only lost devices."""
    found = tx.row(POLICY)
    if found is None:
        return None
    return DarkPolicy(
        found["min_devices"], found["dark_share"], found["light_share"], timedelta(seconds=found["window_seconds"])
    )


def darkness(counts: Iterable[KindCount], policy: DarkPolicy) -> Darkness | None:
    """How dark a street is, None when it is not; pure. Kinds speak at different intervals and are judged apart."""
    dark = [
        count
        for count in counts
        if count.silent >= policy.min_devices and count.silent >= policy.dark_share * (count.silent + count.heard)
    ]
    if not dark:
        return None
    worst = max(dark, key=lambda count: (count.silent / (count.silent + count.heard), count.silent))
    return Darkness(worst.silent, worst.silent + worst.heard, worst.silent_since)


def is_light_again(lost: int, still_lost: int, policy: DarkPolicy) -> bool:
    """Whether of the devices that a street's alarm counts few enough are still lost; pure."""
    return still_lost <= policy.light_share * lost


def streets_of(tx: Transaction, codes: Collection[str]) -> dict[str, str]:
    """The street or town above each unit of the organisation, or the unit itself where there is none."""
    return {row["code"]: row["street"] for row in tx.rows(STREETS, {"codes": sorted(codes)})} if codes else {}


def dark_among(tx: Transaction, now: datetime, streets: Collection[str], policy: DarkPolicy) -> dict[str, Darkness]:
    """Which of these streets are dark now, and how."""
    counts: dict[str, list[KindCount]] = {}
    asked = {
        "streets": sorted(streets),
        "now": now,
        "window": policy.window,
        "overdue": OVERDUE,
        "noted_late": NOTED_LATE,
    }
    for row in tx.rows(COUNT, asked) if streets else []:
        counts.setdefault(row["street"], []).append(_count(row))
    found = {street: darkness(of_street, policy) for street, of_street in counts.items()}
    return {street: dark for street, dark in found.items() if dark is not None}


def _count(row: Row) -> KindCount:
    return KindCount(row["kind"], row["heard"], row["silent"], row["silent_since"])
