"""Registers the devices of a file in batches; a line that cannot be used never keeps another from being used."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from control_center import claim_codes
from control_center.device_file import Fault, Line, RefusedLine, Wish
from control_center.device_register import new_secret
from schemas.database import Row, Transaction, transaction
from schemas.statements import statement
from schemas.states import DeviceKind

BATCH = 1000

KNOWN = statement("""
    SELECT device.id, device.kind, device.secret_hash, device.claim_hash, device.revoked_at IS NOT NULL AS revoked,
           assigned.elder_id, assigned.household_id
    FROM device
    LEFT JOIN device_assignment AS assigned ON assigned.device_key = device.key
        AND assigned.valid_from <= %(now)s::timestamptz
        AND (assigned.valid_to IS NULL OR assigned.valid_to > %(now)s::timestamptz)
    WHERE device.id = ANY(%(ids)s::text[])
""")
CODES_TAKEN = statement("""
    SELECT claim_hash FROM device WHERE claim_hash = ANY(%(hashes)s::bytea[])
""")
ELDERS = statement("SELECT id FROM elder WHERE id = ANY(%(ids)s::integer[])")
HOUSEHOLDS = statement("SELECT id FROM household WHERE id = ANY(%(ids)s::integer[])")
REGISTER = statement("""
    WITH made AS (
        INSERT INTO device (id, kind, secret_hash, claim_hash, registered_at, changed_at)
        SELECT id, kind, secret_hash, claim_hash, %(now)s::timestamptz, %(now)s::timestamptz
        FROM unnest(%(ids)s::text[], %(kinds)s::text[], %(secrets)s::bytea[], %(codes)s::bytea[])
            AS wish (id, kind, secret_hash, claim_hash)
        RETURNING key, id
    )
    INSERT INTO device_assignment (device_key, elder_id, household_id, valid_from)
    SELECT made.key, holder.elder_id, holder.household_id, %(now)s::timestamptz
    FROM made
    JOIN unnest(%(ids)s::text[], %(elders)s::integer[], %(households)s::integer[])
        AS holder (id, elder_id, household_id) ON holder.id = made.id
    WHERE num_nonnulls(holder.elder_id, holder.household_id) = 1
""")
REMEMBER = statement("""
    INSERT INTO access_log (at, host_user, action, elder_ids, detail)
    VALUES (%(at)s::timestamptz, %(host_user)s::text, 'devices.imported', %(elder_ids)s::integer[], %(detail)s::jsonb)
""")


@dataclass(frozen=True, slots=True)
class Label:
    """What was made for a device and is told only once: for its firmware and the sticker on its box."""

    device_id: str
    kind: DeviceKind
    secret: str | None
    claim_code: str | None


@dataclass
class Imported:
    """How a file fared so far."""

    registered: int = 0
    unchanged: int = 0
    refused: list[RefusedLine] = field(default_factory=list)


@dataclass(frozen=True)
class Importer:
    """Registers lines; `keep_labels` stores what was made for devices before they count as registered, and may raise
    OSError. Without it nothing may be made."""

    conn: psycopg.Connection[TupleRow]
    clock: Callable[[], datetime]
    host_user: str
    keep_labels: Callable[[Sequence[Label]], None] | None
    outcome: Imported = field(default_factory=Imported)
    _seen: set[str] = field(default_factory=set)
    _codes_seen: set[bytes] = field(default_factory=set)

    def take(self, lines: Iterator[Line], advance: Callable[[int], None]) -> Imported:
        """Register all lines in batches; `advance` is told of the bytes that are done. Raises psycopg.Error."""
        while batch := list(islice(lines, BATCH)):
            wishes = [wish for line in batch if (wish := self._first_look(line)) is not None]
            if wishes:
                self._take_batch(wishes)
            advance(sum(line.size for line in batch))
        return self.outcome

    def _first_look(self, line: Line) -> Wish | None:
        wish = line.content
        if isinstance(wish, RefusedLine):
            self.outcome.refused.append(wish)
            return None
        if wish.device_id in self._seen or (wish.claim_hash is not None and wish.claim_hash in self._codes_seen):
            self._refuse(wish, "twice_in_file")
            return None
        self._seen.add(wish.device_id)
        if wish.claim_hash is not None:
            self._codes_seen.add(wish.claim_hash)
        return wish

    def _refuse(self, wish: Wish, fault: Fault) -> None:
        self.outcome.refused.append(RefusedLine(wish.line, wish.device_id, fault))

    def _take_batch(self, wishes: list[Wish]) -> None:
        """Together, or in halves where somebody else came between looking and registering."""
        now = self.clock()
        try:
            with transaction(self.conn) as tx:
                fresh, refused, unchanged = _sorted(tx, now, wishes, may_make=self.keep_labels is not None)
                made = [_completed(wish) for wish in fresh] if self.keep_labels else [(wish, None) for wish in fresh]
                _register(tx, now, [wish for wish, _ in made])
                _remember(tx, now, self.host_user, [wish for wish, _ in made])
                labels = [label for _, label in made if label is not None]
                if labels and self.keep_labels is not None:
                    self.keep_labels(labels)
        except psycopg.errors.IntegrityError:
            if len(wishes) == 1:
                self._refuse(wishes[0], "already_registered")
                return
            middle = len(wishes) // 2
            self._take_batch(wishes[:middle])
            self._take_batch(wishes[middle:])
            return
        self.outcome.registered += len(fresh)
        self.outcome.unchanged += unchanged
        for wish, fault in refused:
            self._refuse(wish, fault)


def _sorted(
    tx: Transaction, now: datetime, wishes: Sequence[Wish], *, may_make: bool
) -> tuple[list[Wish], list[tuple[Wish, Fault]], int]:
    """Which are new, which are refused and why, and how many are registered already exactly so."""
    known = {row["id"]: row for row in tx.rows(KNOWN, {"ids": [wish.device_id for wish in wishes], "now": now})}
    codes = {wish.claim_hash for wish in wishes if wish.claim_hash is not None}
    taken = {bytes(row["claim_hash"]) for row in tx.rows(CODES_TAKEN, {"hashes": list(codes)})}
    elders = {row["id"] for row in tx.rows(ELDERS, {"ids": _given(wish.elder_id for wish in wishes)})}
    homes = {row["id"] for row in tx.rows(HOUSEHOLDS, {"ids": _given(wish.household_id for wish in wishes)})}
    fresh: list[Wish] = []
    refused: list[tuple[Wish, Fault]] = []
    unchanged = 0
    for wish in wishes:
        row = known.get(wish.device_id)
        fault = _fault_of_known(wish, row) if row is not None else _fault(wish, taken, elders, homes, may_make=may_make)
        if fault is not None:
            refused.append((wish, fault))
        elif row is not None:
            unchanged += 1
        else:
            fresh.append(wish)
    return fresh, refused, unchanged


def _given(ids: Iterator[int | None]) -> list[int]:
    return sorted({one for one in ids if one is not None})


def _fault(
    wish: Wish, taken: Collection[bytes], elders: Collection[int], homes: Collection[int], *, may_make: bool
) -> Fault | None:
    if wish.claim_hash in taken:
        return "claim_code_taken"
    if wish.elder_id is not None and wish.elder_id not in elders:
        return "no_such_elder"
    if wish.household_id is not None and wish.household_id not in homes:
        return "no_such_household"
    if not may_make and wish.secret_hash is None:
        return "no_labels"
    return None


def _fault_of_known(wish: Wish, row: Row) -> Fault | None:
    """Nothing in a file changes a device that is registered: a file that is read twice does no harm."""
    if row["revoked"] or wish.kind != row["kind"]:
        return "already_registered"
    if wish.secret_hash is not None and wish.secret_hash != bytes(row["secret_hash"]):
        return "already_registered"
    if wish.claim_hash is not None and wish.claim_hash != (row["claim_hash"] and bytes(row["claim_hash"])):
        return "already_registered"
    holder = (wish.elder_id, wish.household_id)
    return "held_by_another" if any(holder) and holder != (row["elder_id"], row["household_id"]) else None


def _completed(wish: Wish) -> tuple[Wish, Label | None]:
    """With a secret and a claim code, and the label that tells those that were made."""
    secret, code = None, None
    if wish.secret_hash is None:
        secret, secret_hash = new_secret()
        wish = replace(wish, secret_hash=secret_hash)
    if wish.claim_hash is None:
        code = claim_codes.make()
        wish = replace(wish, claim_hash=claim_codes.digest(code))
    return wish, Label(wish.device_id, wish.kind, secret, code) if secret or code else None


def _register(tx: Transaction, now: datetime, wishes: Sequence[Wish]) -> None:
    tx.execute(
        REGISTER,
        {
            "now": now,
            "ids": [wish.device_id for wish in wishes],
            "kinds": [wish.kind for wish in wishes],
            "secrets": [wish.secret_hash for wish in wishes],
            "codes": [wish.claim_hash for wish in wishes],
            "elders": [wish.elder_id for wish in wishes],
            "households": [wish.household_id for wish in wishes],
        },
    )


def _remember(tx: Transaction, now: datetime, host_user: str, wishes: Sequence[Wish]) -> None:
    if not wishes:
        return
    elder_ids = sorted({wish.elder_id for wish in wishes if wish.elder_id is not None})
    detail = {"count": len(wishes), "first": wishes[0].device_id, "last": wishes[-1].device_id}
    tx.execute(REMEMBER, {"at": now, "host_user": host_user, "elder_ids": elder_ids, "detail": Jsonb(detail)})
