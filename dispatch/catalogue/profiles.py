"""What of an elder decides who may come to her."""

from dataclasses import dataclass

from dispatch.catalogue.items import SameSex
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import Sex

PROFILE = statement("""
    SELECT weight_kg, two_workers, worker_sex FROM service_profile WHERE elder_id = %(elder_id)s::integer
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
