"""Swaps and hand-over notes from their rows."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from control_center.rota_cards import HandoverNote, OwnShift, Receipt, SwapShape
from control_center.rota_views import AHEAD, Names
from dispatch.rota_rows import load_rotas
from dispatch.rotas import Rota, on_at, spans
from schemas.database import Row, Transaction
from schemas.statements import statement

NOTES_KEPT: Final = timedelta(days=7)
"""For so long after the shift that is told began a note is shown."""

SWAPS = statement("""
    SELECT swap.*, rota.name AS rota FROM rota_swap AS swap JOIN rota ON rota.id = swap.rota_id
    WHERE swap.rota_id = ANY(%(rota_ids)s::integer[])
      AND GREATEST(swap.ends_at, swap.return_ends_at) > %(now)s::timestamptz
      AND (swap.state = 'asked' OR NOT %(open_only)s::boolean)
    ORDER BY swap.starts_at, swap.id
    LIMIT 200
""")
NOTES = statement("""
    SELECT note.*, rota.name AS rota FROM handover_note AS note JOIN rota ON rota.id = note.rota_id
    WHERE note.rota_id = ANY(%(rota_ids)s::integer[]) AND note.for_shift_at > %(since)s::timestamptz
    ORDER BY note.id DESC
    LIMIT 100
""")
RECEIPTS = statement("""
    SELECT note_id, account_id, at FROM handover_receipt
    WHERE note_id = ANY(%(ids)s::integer[]) ORDER BY at, account_id
""")


def swap_shapes(
    tx: Transaction, now: datetime, rota_ids: Collection[int], *, open_only: bool = False
) -> list[SwapShape]:
    """The swaps of shifts that are not over yet."""
    found = tx.rows(SWAPS, {"rota_ids": list(rota_ids), "now": now, "open_only": open_only})
    names = Names(tx, (row[name] for row in found for name in ("asked_by", "partner_id")))
    return [
        SwapShape(
            **{name: row[name] for name in SwapShape.model_fields if name in row and name != "asked_by"},
            asked_by=names.person(row["asked_by"]),
            partner=names.person(row["partner_id"]),
        )
        for row in found
    ]


def note_shapes(tx: Transaction, now: datetime, rota_ids: Collection[int]) -> list[HandoverNote]:
    """The hand-over notes of the last days, the newest first, with who has not read them yet."""
    since = now - NOTES_KEPT
    found = tx.rows(NOTES, {"rota_ids": list(rota_ids), "since": since})
    rotas = load_rotas(tx.conn, {row["rota_id"] for row in found}, since, now + AHEAD) if found else {}
    receipts: defaultdict[int, dict[int, datetime]] = defaultdict(dict)
    for row in tx.rows(RECEIPTS, {"ids": [row["id"] for row in found]}):
        receipts[row["note_id"]][row["account_id"]] = row["at"]
    told = {row["id"]: _told(rotas[row["rota_id"]], row) for row in found}
    everybody = {one for ids in told.values() for one in ids} | {one for ids in receipts.values() for one in ids}
    names = Names(tx, [*everybody, *(row["author_id"] for row in found)])
    return [_note(row, told[row["id"]], receipts[row["id"]], names) for row in found]


def _told(rota: Rota, row: Row) -> frozenset[int]:
    return on_at(rota, row["for_shift_at"]) - {row["author_id"]}


def _note(row: Row, told: frozenset[int], read: dict[int, datetime], names: Names) -> HandoverNote:
    return HandoverNote(
        **{name: row[name] for name in HandoverNote.model_fields if name in row},
        author=names.person(row["author_id"]),
        read_by=[Receipt(person=names.person(account), at=at) for account, at in read.items()],
        waits_for=names.persons(told - set(read)),
    )


def own_shifts(found: list[Row], rotas: dict[int, Rota], account_id: int, now: datetime) -> list[OwnShift]:
    """The times in the next 14 days at which somebody works, those that touch on one rota joined; pure."""
    shifts: list[OwnShift] = []
    for row in found:
        for span in spans(rotas[row["id"]], now, now + AHEAD):
            if account_id not in span.accounts:
                continue
            start = span.starts_at
            if shifts and shifts[-1].rota_id == row["id"] and shifts[-1].ends_at == start:
                start = shifts.pop().starts_at
            shifts.append(OwnShift(rota_id=row["id"], rota=row["name"], starts_at=start, ends_at=span.ends_at))
    return sorted(shifts, key=lambda shift: shift.starts_at)
