"""How early the pool acts on what is going to end."""

from dataclasses import dataclass

from schemas.database import Transaction
from schemas.statements import statement

POLICY = statement("""
    SELECT redispatch_days, first_warning_days, last_warning_days, shift_days FROM pool_policy
""")


@dataclass(frozen=True)
class PoolPolicy:
    """In days: how early a promise beyond a certificate's end goes to somebody else, when supervisors are told that
    one ends, and how far ahead shifts are made."""

    redispatch_days: int = 3
    first_warning_days: int = 30
    last_warning_days: int = 7
    shift_days: int = 60


def pool_policy(tx: Transaction) -> PoolPolicy:
    """The policy; the usual figures when somebody deleted its row."""
    found = tx.row(POLICY)
    return PoolPolicy() if found is None else PoolPolicy(**found)
