"""Whom dead letters are about: raw bytes may hold measurements, so whoever reads them is recorded."""

from collections.abc import Collection

from schemas.database import Transaction
from schemas.statements import statement

WEARERS = statement("""
    SELECT DISTINCT elder.id
    FROM dead_letter
    JOIN device ON device.id = dead_letter.device_id
    JOIN device_assignment AS assigned ON assigned.device_key = device.key
        AND assigned.valid_from <= dead_letter.received_at
        AND (assigned.valid_to IS NULL OR assigned.valid_to > dead_letter.received_at)
    JOIN elder ON elder.id = assigned.elder_id OR elder.household_id = assigned.household_id
    WHERE dead_letter.id = ANY(%(ids)s::bigint[])
    ORDER BY elder.id
""")


def elders_concerned(tx: Transaction, ids: Collection[int]) -> list[int]:
    """The elders whose devices sent some dead letters, as the devices were worn then."""
    return [elder["id"] for elder in tx.rows(WEARERS, {"ids": list(ids)})]
