"""What of an elder decides who may come to her."""

from dataclasses import asdict, dataclass
from datetime import datetime

from dispatch.catalogue.items import SameSex
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import Sex

PROFILE = statement("""
    SELECT weight_kg, two_workers, worker_sex FROM service_profile WHERE elder_id = %(elder_id)s::integer
""")
SET = statement("""
    INSERT INTO service_profile AS known (elder_id, weight_kg, two_workers, worker_sex, note, changed_at, changed_by)
    VALUES (%(elder_id)s::integer, %(weight_kg)s::smallint, %(two_workers)s::boolean, %(worker_sex)s::text,
            %(note)s::text, %(now)s::timestamptz, %(actor_id)s::integer)
    ON CONFLICT (elder_id) DO UPDATE
    SET weight_kg = EXCLUDED.weight_kg, two_workers = EXCLUDED.two_workers, worker_sex = EXCLUDED.worker_sex,
        note = EXCLUDED.note, changed_at = EXCLUDED.changed_at, changed_by = EXCLUDED.changed_by
    WHERE (known.weight_kg, known.two_workers, known.worker_sex, known.note)
          IS DISTINCT FROM (EXCLUDED.weight_kg, EXCLUDED.two_workers, EXCLUDED.worker_sex, EXCLUDED.note)
    RETURNING elder_id
""")
KEEP = statement("""
    INSERT INTO service_profile_change (elder_id, at, account_id, weight_kg, two_workers, worker_sex, note)
    VALUES (%(elder_id)s::integer, %(now)s::timestamptz, %(actor_id)s::integer, %(weight_kg)s::smallint,
            %(two_workers)s::boolean, %(worker_sex)s::text, %(note)s::text)
""")


@dataclass(frozen=True)
class Profile:
    """Weight in kg, whether one worker is not enough, and whom she wants to come."""

    weight_kg: int | None = None
    two_workers: bool = False
    worker_sex: Sex | None = None


def profile_of(tx: Transaction, elder_id: int) -> Profile:
    """An elder's service profile; one without wishes when nobody wrote any down."""
    found = tx.row(PROFILE, {"elder_id": elder_id})
    return Profile() if found is None else Profile(**found)


def wanted_sex(same_sex: SameSex, gender: Sex, profile: Profile) -> tuple[Sex | None, bool]:
    """Of which sex the worker is to be, and whether another may not come: what the elder said goes before what the item
    says, and neither makes a requirement less of one."""
    wanted = profile.worker_sex or (gender if same_sex != "any" else None)
    return wanted, wanted is not None and same_sex == "require"


def set_profile(
    tx: Transaction, now: datetime, elder_id: int, profile: Profile, note: str | None, actor_id: int
) -> bool:
    """Write down an elder's service profile and keep what was said before; orders that were made are not changed.
    Returns False when it says what is known already."""
    said = {**asdict(profile), "elder_id": elder_id, "note": note, "now": now, "actor_id": actor_id}
    if tx.row(SET, said) is None:
        return False
    tx.execute(KEEP, said)
    return True
