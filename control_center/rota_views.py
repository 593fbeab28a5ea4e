"""Rotas from their rows: who is on, what is planned, what is missing."""

from collections.abc import Collection, Iterable
from datetime import datetime, time, timedelta
from typing import Final

from control_center.auth import SignedIn
from control_center.rota_cards import CheckShape, LayerShape, OverrideShape, RotaCard, SpanShape
from control_center.shapes import Org, Person
from dispatch.rota_rows import load_rotas
from dispatch.rotas import Rota, Span, gaps, on_at, spans
from schemas.database import Row, Transaction
from schemas.statements import statement

AHEAD: Final = timedelta(days=14)

# The staff of the unit, of those above it and of those below it, and whoever is on the rota.
VISIBLE = statement("""
    SELECT rota.id, rota.org_code, rota.name, rota.check_hours, unit.name AS org_name, unit.path,
           COALESCE(mine.whole, false) AND %(role)s::text = 'supervisor' AS may_change
    FROM rota
    JOIN org_unit AS unit ON unit.code = rota.org_code
    LEFT JOIN LATERAL (
        SELECT bool_or(starts_with(unit.path, own.path)) AS whole
        FROM membership JOIN org_unit AS own ON own.code = membership.org_code
        WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
          AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
          AND %(role)s::text IN ('operator', 'supervisor')
          AND (starts_with(unit.path, own.path) OR starts_with(own.path, unit.path))) AS mine ON true
    WHERE rota.ended_at IS NULL AND (rota.id = %(rota_id)s::integer OR %(rota_id)s::integer IS NULL)
      AND (mine.whole IS NOT NULL OR EXISTS (
          SELECT FROM rota_layer AS layer JOIN rota_turn AS turn ON turn.layer_id = layer.id
          WHERE layer.rota_id = rota.id AND turn.account_id = %(account_id)s::integer
            AND (layer.valid_to IS NULL OR layer.valid_to > %(now)s::timestamptz)) OR EXISTS (
          SELECT FROM rota_override
          WHERE rota_override.rota_id = rota.id AND substitute_id = %(account_id)s::integer AND withdrawn_at IS NULL
            AND ends_at > %(now)s::timestamptz))
    ORDER BY unit.path, rota.name
""")
NAMES = statement("SELECT id, name FROM account WHERE id = ANY(%(ids)s::integer[])")
LAYERS = statement("""
    SELECT layer.position, layer.first_day, layer.every_days, layer.hand_over, layer.turns, layer.valid_from,
           layer.valid_to, setter.name AS set_by,
           COALESCE((SELECT jsonb_agg(jsonb_build_array(turn.turn, turn.account_id) ORDER BY turn.turn, turn.account_id)
                     FROM rota_turn AS turn WHERE turn.layer_id = layer.id), '[]') AS worked
    FROM rota_layer AS layer JOIN account AS setter ON setter.id = layer.set_by
    WHERE layer.rota_id = %(rota_id)s::integer AND (layer.valid_to IS NULL OR layer.valid_to > %(now)s::timestamptz)
      AND layer.valid_from IS DISTINCT FROM layer.valid_to
    ORDER BY layer.position DESC, layer.valid_from
""")
OVERRIDES = statement("""
    SELECT one.id, one.starts_at, one.ends_at, one.absent_id, one.substitute_id, one.reason,
           one.swap_id IS NOT NULL AS by_swap, setter.name AS set_by, one.set_at
    FROM rota_override AS one JOIN account AS setter ON setter.id = one.set_by
    WHERE one.rota_id = %(rota_id)s::integer AND one.withdrawn_at IS NULL AND one.ends_at > %(now)s::timestamptz
    ORDER BY one.starts_at, one.id
    LIMIT 500
""")
CHECKS = statement("""
    SELECT rota_id, starts_at, ends_at, checked_at, unreachable_ids FROM shift_check
    WHERE rota_id = ANY(%(rota_ids)s::integer[]) AND starts_at > %(now)s::timestamptz
    ORDER BY starts_at
""")


class Names:
    """Names by account, read once."""

    def __init__(self, tx: Transaction, ids: Iterable[int | None]) -> None:
        wanted = sorted({one for one in ids if one is not None})
        self._names = {row["id"]: row["name"] for row in tx.rows(NAMES, {"ids": wanted})} if wanted else {}

    def person(self, account_id: int) -> Person:
        """One of the accounts asked for."""
        return Person(id=account_id, name=self._names[account_id])

    def persons(self, ids: Collection[int]) -> list[Person]:
        """Several of them, in the order of their ids."""
        return [self.person(account_id) for account_id in sorted(ids)]

    def maybe(self, account_id: int | None) -> Person | None:
        """One of them or nobody."""
        return None if account_id is None else self.person(account_id)


def visible_rotas(tx: Transaction, now: datetime, account: SignedIn, rota_id: int | None = None) -> list[Row]:
    """The rotas that an account may see, or the one asked for: id, org_code, org_name, path, name, check_hours,
    may_change."""
    return tx.rows(VISIBLE, {"account_id": account.id, "role": account.role, "now": now, "rota_id": rota_id})


def planned(tx: Transaction, now: datetime, found: list[Row]) -> dict[int, Rota]:
    """What is planned on rotas for the next 14 days."""
    return load_rotas(tx.conn, [row["id"] for row in found], now, now + AHEAD)


def rota_cards(tx: Transaction, now: datetime, found: list[Row], rotas: dict[int, Rota]) -> list[RotaCard]:
    """Cards of rotas from their rows and what is planned."""
    checks = tx.rows(CHECKS, {"rota_ids": [row["id"] for row in found], "now": now})
    unreachable: dict[int, set[int]] = {}
    for check in checks:
        unreachable.setdefault(check["rota_id"], set()).update(check["unreachable_ids"])
    names = Names(tx, [*_everybody(rotas.values()), *(one for ids in unreachable.values() for one in ids)])
    return [_card(row, rotas[row["id"]], unreachable.get(row["id"], set()), names, now) for row in found]


def _card(row: Row, rota: Rota, unreachable: set[int], names: Names, now: datetime) -> RotaCard:
    first = spans(rota, now, now + AHEAD)[0]
    return RotaCard(
        id=row["id"],
        org=Org(code=row["org_code"], name=row["org_name"]),
        name=row["name"],
        check_hours=row["check_hours"],
        on_now=names.persons(on_at(rota, now)),
        next_hand_over=first.ends_at if first.ends_at < now + AHEAD else None,
        gaps=[_span(span, names) for span in gaps(rota, now, now + AHEAD)],
        unreachable=names.persons(unreachable),
        may_change=row["may_change"],
    )


def _everybody(rotas: Iterable[Rota]) -> set[int]:
    return {
        account
        for rota in rotas
        for account in (
            *(one for layer in rota.layers for turn in layer.turns for one in turn),
            *(one for override in rota.overrides for one in (override.absent_id, override.substitute_id) if one),
        )
    }


def _span(span: Span, names: Names) -> SpanShape:
    return SpanShape(starts_at=span.starts_at, ends_at=span.ends_at, persons=names.persons(span.accounts))


def span_shapes(tx: Transaction, rota: Rota, since: datetime, until: datetime) -> list[SpanShape]:
    """Who works from when until when."""
    names = Names(tx, _everybody([rota]))
    return [_span(span, names) for span in spans(rota, since, until)]


def layer_shapes(tx: Transaction, now: datetime, rota_id: int) -> list[LayerShape]:
    """The layers that hold now or later, the topmost first."""
    found = tx.rows(LAYERS, {"rota_id": rota_id, "now": now})
    names = Names(tx, (account for row in found for _, account in row["worked"]))
    return [
        LayerShape(
            position=row["position"],
            first_day=row["first_day"],
            every_days=row["every_days"],
            hand_over=[_written(one) for one in row["hand_over"]],
            turns=[
                [names.person(account) for number, account in row["worked"] if number == turn]
                for turn in range(row["turns"])
            ],
            valid_from=row["valid_from"],
            valid_to=row["valid_to"],
            set_by=row["set_by"],
        )
        for row in found
    ]


def _written(moment: time) -> str:
    return moment.strftime("%H:%M")


def override_shapes(tx: Transaction, now: datetime, rota_id: int) -> list[OverrideShape]:
    """The overrides that hold now or later, the earliest first."""
    found = tx.rows(OVERRIDES, {"rota_id": rota_id, "now": now})
    names = Names(tx, (row[name] for row in found for name in ("absent_id", "substitute_id")))
    return [
        OverrideShape(
            **{name: row[name] for name in OverrideShape.model_fields if name in row},
            absent=names.maybe(row["absent_id"]),
            substitute=names.maybe(row["substitute_id"]),
        )
        for row in found
    ]


def check_shapes(tx: Transaction, now: datetime, rota_id: int) -> list[CheckShape]:
    """What the checks of the coming shifts found."""
    found = tx.rows(CHECKS, {"rota_ids": [rota_id], "now": now})
    names = Names(tx, (account for row in found for account in row["unreachable_ids"]))
    return [
        CheckShape(
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            checked_at=row["checked_at"],
            unreachable=names.persons(row["unreachable_ids"]),
        )
        for row in found
    ]
