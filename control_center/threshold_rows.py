"""Thresholds, care levels and usual ranges as rows: reading them, and replacing one so that its history stays."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Literal

from control_center.cards import Shape
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import CareLevel
from schemas.vitals import Vital

ThresholdSeverity = Literal["advisory", "urgent", "emergency"]
HISTORY: Final = 200
"""How many ended thresholds are shown, the last ended first."""

_SHOWN: Final = """
    SELECT threshold.vital, threshold.severity, threshold.low, threshold.high, threshold.note, threshold.care_level,
           threshold.valid_from, threshold.valid_to, setter.name AS set_by, ender.name AS ended_by
    FROM vitals_threshold AS threshold
    JOIN account AS setter ON setter.id = threshold.set_by
    LEFT JOIN account AS ender ON ender.id = threshold.ended_by
"""
_NEWEST: Final = "ORDER BY threshold.valid_to DESC NULLS FIRST, threshold.id DESC LIMIT %(limit)s::integer"
OF_ELDER = statement(f"{_SHOWN} WHERE threshold.elder_id = %(elder_id)s::integer {_NEWEST}")
OF_DISTRICT = statement(f"{_SHOWN} WHERE threshold.district_code = %(district_code)s::text {_NEWEST}")
CARE_LEVELS = statement("""
    SELECT care.level, care.valid_from, care.valid_to, account.name AS set_by
    FROM elder_care_level AS care JOIN account ON account.id = care.set_by
    WHERE care.elder_id = %(elder_id)s::integer
    ORDER BY care.id DESC
    LIMIT %(limit)s::integer
""")
USUAL = statement("SELECT * FROM vitals_baseline WHERE elder_id = %(elder_id)s::integer")
# Two who set the same threshold at once come one after the other.
LOCK_ELDER = statement("SELECT id FROM elder WHERE id = %(elder_id)s::integer FOR NO KEY UPDATE")
LOCK_DISTRICT = statement("SELECT code FROM org_unit WHERE code = %(district_code)s::text FOR NO KEY UPDATE")
STANDING = statement("""
    SELECT low, high, note FROM vitals_threshold
    WHERE valid_to IS NULL AND vital = %(vital)s::text AND severity = %(severity)s::text
      AND (elder_id = %(elder_id)s::integer
           OR (district_code = %(district_code)s::text AND care_level = %(care_level)s::text))
""")
END = statement("""
    UPDATE vitals_threshold SET valid_to = GREATEST(valid_from, %(now)s::timestamptz), ended_by = %(actor_id)s::integer
    WHERE valid_to IS NULL AND vital = %(vital)s::text AND severity = %(severity)s::text
      AND (elder_id = %(elder_id)s::integer
           OR (district_code = %(district_code)s::text AND care_level = %(care_level)s::text))
""")
SET = statement("""
    INSERT INTO vitals_threshold (elder_id, district_code, care_level, vital, severity, low, high, note, valid_from,
                                  set_by)
    VALUES (%(elder_id)s::integer, %(district_code)s::text, %(care_level)s::text, %(vital)s::text, %(severity)s::text,
            %(low)s::float8, %(high)s::float8, %(note)s::text, %(now)s::timestamptz, %(actor_id)s::integer)
""")
END_CARE_LEVEL = statement("""
    UPDATE elder_care_level SET valid_to = GREATEST(valid_from, %(now)s::timestamptz)
    WHERE elder_id = %(elder_id)s::integer AND valid_to IS NULL
""")
SET_CARE_LEVEL = statement("""
    INSERT INTO elder_care_level (elder_id, level, valid_from, set_by)
    VALUES (%(elder_id)s::integer, %(level)s::text, %(now)s::timestamptz, %(actor_id)s::integer)
""")


class Threshold(Shape):
    """A value below `low` or above `high`, once confirmed, raises an alarm of this severity.

    An elder's own one without limits takes the care level's away. Who set it and when, who ended it and when.
    """

    vital: Vital
    severity: ThresholdSeverity
    low: float | None
    high: float | None
    note: str | None
    care_level: CareLevel | None
    valid_from: datetime
    valid_to: datetime | None
    set_by: str
    ended_by: str | None


class CareLevelSince(Shape):
    """An assessed care level: from when to when, and who entered it."""

    level: CareLevel
    valid_from: datetime
    valid_to: datetime | None
    set_by: str


class UsualRange(Shape):
    """Outside of it a value is unusual for the elder; learnt from 14 days, null where too little is known."""

    vital: Vital
    low: float | None
    high: float | None
    learned_at: datetime


Place = dict[str, Any]
"""Whose threshold and which: elder_id, or district_code and care_level; vital, severity."""


def place(
    vital: Vital,
    severity: ThresholdSeverity,
    *,
    elder_id: int | None = None,
    district_code: str | None = None,
    care_level: CareLevel | None = None,
) -> Place:
    """Name the threshold of an elder, or of a care level in a district."""
    return {
        "vital": vital,
        "severity": severity,
        "elder_id": elder_id,
        "district_code": district_code,
        "care_level": care_level,
    }


def set_threshold(tx: Transaction, now: datetime, where: Place, said: dict[str, Any], actor_id: int) -> bool:
    """Put a threshold (low, high, note) in place of the one that stands; False when it stands already."""
    _lock(tx, where)
    if tx.row(STANDING, where) == said:
        return False
    tx.execute(END, {**where, "now": now, "actor_id": actor_id})
    tx.execute(SET, {**where, **said, "now": now, "actor_id": actor_id})
    return True


def end_threshold(tx: Transaction, now: datetime, where: Place, actor_id: int) -> bool:
    """End a threshold; False when none stands."""
    _lock(tx, where)
    return tx.execute(END, {**where, "now": now, "actor_id": actor_id}) > 0


def set_care_level(tx: Transaction, now: datetime, elder_id: int, level: CareLevel, actor_id: int) -> None:
    """Enter an assessed care level; entering the same one again changes nothing."""
    tx.row(LOCK_ELDER, {"elder_id": elder_id})
    standing = next((known for known in care_levels(tx, elder_id) if known.valid_to is None), None)
    if standing is not None and standing.level == level:
        return
    tx.execute(END_CARE_LEVEL, {"elder_id": elder_id, "now": now})
    tx.execute(SET_CARE_LEVEL, {"elder_id": elder_id, "level": level, "now": now, "actor_id": actor_id})


def care_levels(tx: Transaction, elder_id: int) -> list[CareLevelSince]:
    """An elder's care levels, the newest first."""
    return [CareLevelSince(**row) for row in tx.rows(CARE_LEVELS, {"elder_id": elder_id, "limit": HISTORY})]


def thresholds_of_elder(tx: Transaction, elder_id: int) -> list[Threshold]:
    """An elder's own thresholds: those that stand, then the last ended ones."""
    return _thresholds(tx.rows(OF_ELDER, {"elder_id": elder_id, "limit": HISTORY}))


def thresholds_of_district(tx: Transaction, district_code: str) -> list[Threshold]:
    """The thresholds of a district's care levels: those that stand, then the last ended ones."""
    return _thresholds(tx.rows(OF_DISTRICT, {"district_code": district_code, "limit": HISTORY}))


def usual_ranges(tx: Transaction, elder_id: int, vitals: Iterable[Vital]) -> list[UsualRange]:
    """What was learnt to be usual for an elder."""
    row = tx.row(USUAL, {"elder_id": elder_id})
    if row is None:
        return []
    return [
        UsualRange(vital=vital, low=row[f"{vital}_low"], high=row[f"{vital}_high"], learned_at=row["learned_at"])
        for vital in vitals
        if row[f"{vital}_low"] is not None or row[f"{vital}_high"] is not None
    ]


def _lock(tx: Transaction, where: Place) -> None:
    tx.row(LOCK_DISTRICT if where["elder_id"] is None else LOCK_ELDER, where)


def _thresholds(rows: Iterable[Row]) -> list[Threshold]:
    return [Threshold(**row) for row in rows]
