"""What water meters show: the newest figure of each, and one a quarter of an hour for the rule of too little water."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ingest.home_sensors import Told
from schemas.database import Transaction
from schemas.statements import statement

SLOT: Final = timedelta(minutes=15)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_EXCHANGED_M3: Final = 0.0005
"""A meter that shows less than before, beyond rounding, is another one or began anew."""

SHOWN = statement("""
    SELECT device_key, sensor, household_id, at, m3 FROM water_meter WHERE device_key = ANY(%(keys)s::integer[])
    ORDER BY device_key, sensor FOR UPDATE
""")
SET = statement("""
    INSERT INTO water_meter (device_key, sensor, household_id, at, m3, due_at)
    SELECT key, sensor, household_id, at, m3, at
    FROM unnest(%(keys)s::integer[], %(sensors)s::text[], %(household_ids)s::integer[], %(ats)s::timestamptz[],
                %(m3s)s::float8[]) AS shown (key, sensor, household_id, at, m3)
    ON CONFLICT (device_key, sensor) DO UPDATE
    SET household_id = EXCLUDED.household_id, at = EXCLUDED.at, m3 = EXCLUDED.m3
""")
MARK = statement("""
    INSERT INTO water_mark (device_key, sensor, slot, at, m3)
    SELECT * FROM unnest(%(keys)s::integer[], %(sensors)s::text[], %(slots)s::timestamptz[], %(ats)s::timestamptz[],
                         %(m3s)s::float8[])
    ON CONFLICT (device_key, sensor, slot) DO NOTHING
""")
BEGIN_ANEW = statement("""
    DELETE FROM water_mark WHERE device_key = %(device_key)s::integer AND sensor = %(sensor)s::text
""")


@dataclass(frozen=True, slots=True)
class _Figure:
    """What a meter showed at a moment."""

    device_key: int
    sensor: str
    household_id: int
    at: datetime
    m3: float

    def begins_anew(self, before: "_Figure") -> bool:
        return self.household_id != before.household_id or self.m3 < before.m3 - _EXCHANGED_M3


def slot_of(at: datetime) -> datetime:
    """The beginning of the quarter of an hour that a moment lies in."""
    return at - (at - _EPOCH) % SLOT


def note_water(tx: Transaction, told: Iterable[Told]) -> None:
    """Keep what meters show; a late figure says nothing that a newer one does not.

    A meter that was exchanged begins anew, and so does one in another home: what one household used is not held
    against the next.
    """
    figures = [_figure(one) for one in told if one.words.water_m3 is not None]
    known = [figure for figure in figures if figure is not None]
    if not known:
        return
    newest = {
        (row["device_key"], row["sensor"]): _Figure(**row)
        for row in tx.rows(SHOWN, {"keys": sorted({figure.device_key for figure in known})})
    }
    set_now: dict[tuple[int, str], _Figure] = {}
    marks: dict[tuple[int, str], dict[datetime, _Figure]] = {}
    for figure in sorted(known, key=lambda item: (item.device_key, item.sensor, item.at)):
        meter = figure.device_key, figure.sensor
        before = newest.get(meter)
        if before is not None and figure.at <= before.at:
            continue
        if before is not None and figure.begins_anew(before):
            tx.execute(BEGIN_ANEW, {"device_key": figure.device_key, "sensor": figure.sensor})
            marks.pop(meter, None)
        newest[meter] = set_now[meter] = figure
        marks.setdefault(meter, {}).setdefault(slot_of(figure.at), figure)
    if set_now:
        tx.execute(
            SET, {**_columns(list(set_now.values())), "household_ids": [f.household_id for f in set_now.values()]}
        )
        slots = [(slot, figure) for of_meter in marks.values() for slot, figure in of_meter.items()]
        tx.execute(MARK, {**_columns([figure for _, figure in slots]), "slots": [slot for slot, _ in slots]})


def _columns(figures: list[_Figure]) -> dict[str, list[Any]]:
    return {
        "keys": [figure.device_key for figure in figures],
        "sensors": [figure.sensor for figure in figures],
        "ats": [figure.at for figure in figures],
        "m3s": [figure.m3 for figure in figures],
    }


def _figure(one: Told) -> _Figure | None:
    home = one.wearer.household_id if one.wearer else None
    if home is None or one.words.water_m3 is None:
        return None
    return _Figure(one.device.key, one.sensor, home, one.at, one.words.water_m3)
