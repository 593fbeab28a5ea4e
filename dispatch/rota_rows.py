"""Rotas as rows: reading them as of a time, and replacing a layer so that what was planned before stays on record."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

import psycopg
from psycopg.rows import TupleRow

from dispatch.refusals import Refused
from dispatch.rotas import Layer, Override, Rota
from schemas.database import Row, Transaction, rows
from schemas.statements import statement

LAYERS = statement("""
    SELECT id, rota_id, position, first_day, every_days, hand_over, turns, valid_from, valid_to
    FROM rota_layer
    WHERE rota_id = ANY(%(rota_ids)s::integer[]) AND valid_from <= %(until)s::timestamptz
      AND (valid_to IS NULL OR valid_to > %(since)s::timestamptz)
    ORDER BY rota_id, position DESC, valid_from
""")
TURNS = statement("""
    SELECT layer_id, turn, account_id FROM rota_turn WHERE layer_id = ANY(%(layer_ids)s::integer[])
""")
OVERRIDES = statement("""
    SELECT id, rota_id, starts_at, ends_at, absent_id, substitute_id
    FROM rota_override
    WHERE rota_id = ANY(%(rota_ids)s::integer[]) AND withdrawn_at IS NULL
      AND ends_at > %(since)s::timestamptz AND starts_at <= %(until)s::timestamptz
    ORDER BY id
""")


def load_rotas(
    conn: psycopg.Connection[TupleRow], ids: Collection[int], since: datetime, until: datetime
) -> dict[int, Rota]:
    """Rotas by id with everything that has to do with the time from `since` to `until`; an id without any layers then
    is a rota on which nobody works."""
    wanted = {"rota_ids": list(ids), "since": since, "until": until}
    found = rows(conn, LAYERS, wanted)
    turns = _turns(conn, [row["id"] for row in found])
    layers: defaultdict[int, list[Layer]] = defaultdict(list)
    for row in found:
        layers[row["rota_id"]].append(_layer(row, turns[row["id"]]))
    overrides: defaultdict[int, list[Override]] = defaultdict(list)
    for row in rows(conn, OVERRIDES, wanted):
        overrides[row.pop("rota_id")].append(Override(**row))
    return {rota_id: Rota(tuple(layers[rota_id]), tuple(overrides[rota_id])) for rota_id in ids}


def load_rota(tx: Transaction, rota_id: int, since: datetime, until: datetime) -> Rota:
    """One rota; see `load_rotas`."""
    return load_rotas(tx.conn, [rota_id], since, until)[rota_id]


def _turns(conn: psycopg.Connection[TupleRow], layer_ids: list[int]) -> defaultdict[int, dict[int, set[int]]]:
    found: defaultdict[int, dict[int, set[int]]] = defaultdict(dict)
    for row in rows(conn, TURNS, {"layer_ids": layer_ids}):
        found[row["layer_id"]].setdefault(row["turn"], set()).add(row["account_id"])
    return found


def _layer(row: Row, turns: dict[int, set[int]]) -> Layer:
    return Layer(
        position=row["position"],
        first_day=row["first_day"],
        every_days=row["every_days"],
        hand_over=tuple(row["hand_over"]),
        turns=tuple(frozenset(turns.get(turn, ())) for turn in range(row["turns"])),
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
    )


@dataclass(frozen=True)
class LayerPlan:
    """A layer as somebody wants it; see `dispatch.rotas.Layer`."""

    position: int
    first_day: date
    every_days: int
    hand_over: Sequence[time]
    turns: Sequence[Collection[int]]


LOCK_ROTA = statement("""
    SELECT id FROM rota
    WHERE id = %(rota_id)s::integer AND ended_at IS NULL FOR NO KEY UPDATE
""")
CREATE = statement("""
    INSERT INTO rota (org_code, name, check_hours, created_at, created_by)
    VALUES (%(org_code)s::text, %(name)s::text, %(check_hours)s::smallint, %(now)s::timestamptz,
            %(actor_id)s::integer)
    ON CONFLICT (org_code, name) WHERE ended_at IS NULL DO NOTHING
    RETURNING id
""")
END_LAYER = statement("""
    UPDATE rota_layer SET valid_to = GREATEST(valid_from, %(at)s::timestamptz), ended_by = %(actor_id)s::integer
    WHERE rota_id = %(rota_id)s::integer AND position = %(position)s::smallint
      AND (valid_to IS NULL OR valid_to > %(at)s::timestamptz)
""")
ADD_LAYER = statement("""
    INSERT INTO rota_layer (rota_id, position, first_day, every_days, hand_over, turns, valid_from, set_by)
    VALUES (%(rota_id)s::integer, %(position)s::smallint, %(first_day)s::date, %(every_days)s::smallint,
            %(hand_over)s::time[], %(turns)s::smallint, %(at)s::timestamptz, %(actor_id)s::integer)
    RETURNING id
""")
ADD_TURNS = statement("""
    INSERT INTO rota_turn (layer_id, turn, account_id)
    SELECT %(layer_id)s::integer, turn, account_id
    FROM unnest(%(numbers)s::smallint[], %(accounts)s::integer[]) AS worked (turn, account_id)
""")
END_ROTA = statement("""
    UPDATE rota SET ended_at = %(now)s::timestamptz, ended_by = %(actor_id)s::integer
    WHERE id = %(rota_id)s::integer AND ended_at IS NULL
""")
TARGETED = statement("""
    SELECT policy.code FROM escalation_target AS target
    JOIN escalation_policy AS policy ON policy.id = target.policy_id AND policy.valid_to IS NULL
    WHERE target.rota_id = %(rota_id)s::integer LIMIT 1
""")


def lock_rota(tx: Transaction, rota_id: int) -> None:
    """Let nobody else change a rota until the transaction ends. Raises Refused: not_found when it has ended."""
    if tx.row(LOCK_ROTA, {"rota_id": rota_id}) is None:
        raise Refused("not_found")


def end_rota(tx: Transaction, now: datetime, actor_id: int, rota_id: int) -> None:
    """End a rota for good; the caller has locked it. Raises Refused: rota_in_use while a policy calls it."""
    if tx.row(TARGETED, {"rota_id": rota_id}) is not None:
        raise Refused("rota_in_use")
    tx.execute(END_ROTA, {"rota_id": rota_id, "now": now, "actor_id": actor_id})


def create_rota(
    tx: Transaction, now: datetime, actor_id: int, org_code: str, name: str, check_hours: int
) -> int | None:
    """Make a rota on which nobody works yet; None when the unit has one of that name."""
    made = tx.row(
        CREATE, {"org_code": org_code, "name": name, "check_hours": check_hours, "now": now, "actor_id": actor_id}
    )
    return int(made["id"]) if made else None


def set_layer(tx: Transaction, at: datetime, actor_id: int, rota_id: int, plan: LayerPlan) -> None:
    """Put a layer in place of the one at its position from a moment on; the rota is locked by the caller."""
    end_layer(tx, at, actor_id, rota_id, plan.position)
    made = tx.row(
        ADD_LAYER,
        {
            "rota_id": rota_id,
            "position": plan.position,
            "first_day": plan.first_day,
            "every_days": plan.every_days,
            "hand_over": sorted(plan.hand_over),
            "turns": len(plan.turns),
            "at": at,
            "actor_id": actor_id,
        },
    )
    worked = [(turn, account) for turn, accounts in enumerate(plan.turns) for account in sorted(set(accounts))]
    numbers, accounts = [turn for turn, _ in worked], [account for _, account in worked]
    tx.execute(ADD_TURNS, {"layer_id": made and made["id"], "numbers": numbers, "accounts": accounts})


def end_layer(tx: Transaction, at: datetime, actor_id: int, rota_id: int, position: int) -> bool:
    """Let a layer work only until a moment; False when there is none then or later."""
    where = {"rota_id": rota_id, "position": position, "at": at, "actor_id": actor_id}
    return tx.execute(END_LAYER, where) > 0
