"""Homes that use too little water: Shanghai's rule, less than 0.01 m³ in 12 hours, calls for a visit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter

from dispatch.home_alarms import raise_home_alarm
from dispatch.sweeping import Sweep, act_on_each
from schemas.database import Row, Transaction
from schemas.statements import statement

VISIT: Final = "wellbeing_check"
"""The catalogue item that staff may order for it."""
LOOK_AFTER: Final = timedelta(minutes=15)
KEEP_MARKS: Final = timedelta(days=3)
MILLILITRE: Final = 1e-6
"""Figures are compared to this, so that 12.31 − 12.30 is 0.01."""

CLAIM = statement("""
    SELECT device_key, sensor, household_id AS id, at, m3, signalled_at FROM water_meter
    WHERE due_at <= %(now)s::timestamptz
    ORDER BY due_at LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
""")
SET_DUE = statement("""
    UPDATE water_meter SET due_at = %(due_at)s::timestamptz, signalled_at = %(signalled_at)s::timestamptz
    WHERE device_key = %(device_key)s::integer AND sensor = %(sensor)s::text
""")
# A household's meters are put off together: which of them failed is not known here.
POSTPONE = statement("""
    UPDATE water_meter SET due_at = %(due_at)s::timestamptz
    WHERE household_id = %(id)s::integer AND due_at < %(due_at)s::timestamptz
""")
OVERDUE = statement("SELECT count(*) AS overdue FROM water_meter WHERE due_at < %(before)s::timestamptz")
POLICY = statement("SELECT least_m3, hours, heard_minutes, repeat_hours FROM water_policy")
MARK_BEFORE = statement("""
    SELECT at, m3 FROM water_mark
    WHERE device_key = %(device_key)s::integer AND sensor = %(sensor)s::text AND slot <= %(until)s::timestamptz
      AND at <= %(until)s::timestamptz
    ORDER BY slot DESC LIMIT 1
""")
ENOUGH_SINCE = statement("""
    SELECT at FROM water_mark
    WHERE device_key = %(device_key)s::integer AND sensor = %(sensor)s::text AND m3 <= %(enough)s::float8
    ORDER BY slot DESC LIMIT 1
""")
FIRST_MARK = statement("""
    SELECT at FROM water_mark WHERE device_key = %(device_key)s::integer AND sensor = %(sensor)s::text
    ORDER BY slot LIMIT 1
""")
FORGET_MARKS = statement("""
    DELETE FROM water_mark
    WHERE device_key = %(device_key)s::integer AND sensor = %(sensor)s::text AND slot < %(before)s::timestamptz
""")
SWEEP: Final = Sweep(
    "water meter",
    POSTPONE,
    OVERDUE,
    Counter("anban_water_failures_total", "Meters that could not be looked at, put off"),
)


@dataclass(frozen=True)
class WaterPolicy:
    """The table `water_policy`."""

    least_m3: float
    hours: int
    heard_minutes: int
    repeat_hours: int

    @property
    def span(self) -> timedelta:
        """How long little water is watched for."""
        return timedelta(hours=self.hours)

    def is_low(self, used_m3: float) -> bool:
        """Whether a use within the span calls for a visit."""
        return used_m3 < self.least_m3 - MILLILITRE


def water_policy(tx: Transaction) -> WaterPolicy | None:
    """What holds for water; None when somebody deleted the row: then no meter rings."""
    row = tx.row(POLICY)
    return WaterPolicy(**row) if row else None


def used_m3(tx: Transaction, meter: Row, span: timedelta) -> float | None:
    """What a meter counted in the span up to its newest figure; None when it has not been read for so long."""
    mark = tx.row(
        MARK_BEFORE,
        {"device_key": meter["device_key"], "sensor": meter["sensor"], "until": meter["at"] - span},
    )
    return float(meter["m3"] - mark["m3"]) if mark else None


def sweep_meters(tx: Transaction, now: datetime, limit: int) -> int:
    """Look at the meters whose time has come; returns how many were dealt with."""
    due = tx.rows(CLAIM, {"now": now, "limit": limit})
    policy = water_policy(tx) if due else None
    return act_on_each(tx, now, due, lambda meter: _look_at(tx, now, meter, policy), SWEEP)


def _look_at(tx: Transaction, now: datetime, meter: Row, policy: WaterPolicy | None) -> None:
    which = {"device_key": meter["device_key"], "sensor": meter["sensor"]}
    signalled_at, look_at = meter["signalled_at"], now + timedelta(hours=1)
    if policy and now - meter["at"] <= timedelta(minutes=policy.heard_minutes):
        used = used_m3(tx, meter, policy.span)
        if used is None or not policy.is_low(used):
            signalled_at, look_at = None, _may_be_low_at(tx, now, meter, policy)
        elif _is_due_again(signalled_at, now, policy) and _rings(tx, now, meter, used, policy):
            signalled_at = now
    tx.execute(FORGET_MARKS, {**which, "before": now - KEEP_MARKS})
    tx.execute(SET_DUE, {**which, "due_at": look_at, "signalled_at": signalled_at})


def _is_due_again(signalled_at: datetime | None, now: datetime, policy: WaterPolicy) -> bool:
    return signalled_at is None or now - signalled_at >= timedelta(hours=policy.repeat_hours)


def _may_be_low_at(tx: Transaction, now: datetime, meter: Row, policy: WaterPolicy) -> datetime:
    """When a use that is enough now may have become too little: not before the span has passed since the last time
    from which enough was used."""
    which = {"device_key": meter["device_key"], "sensor": meter["sensor"]}
    enough = tx.row(ENOUGH_SINCE, {**which, "enough": meter["m3"] - policy.least_m3 + MILLILITRE})
    since = enough or tx.row(FIRST_MARK, which)
    return max(now + LOOK_AFTER, since["at"] + policy.span if since else now)


def _rings(tx: Transaction, now: datetime, meter: Row, used: float, policy: WaterPolicy) -> bool:
    """Raise the alarm, unless the elders' state forbids it."""
    details = {
        "reason": "little_water",
        "used_m3": round(used, 4),
        "hours": policy.hours,
        "least_m3": policy.least_m3,
        "order_item": VISIT,
    }
    return raise_home_alarm(tx, now, "water_low", meter, meter["at"], details) is not None
