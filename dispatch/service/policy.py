"""What holds for visits beside their items: one row of `proof_policy`."""

from dataclasses import dataclass
from datetime import timedelta

from schemas.database import Transaction
from schemas.statements import statement

READ = statement("SELECT * FROM proof_policy")


@dataclass(frozen=True)
class ProofPolicy:
    """Shares of visits after which somebody calls back, the score from which a supervisor looks, and times."""

    call_back_share: float = 0.05
    call_back_share_watched: float = 0.25
    """Of workers who are new, or of whom something was found in the last 30 days."""
    new_visits: int = 10
    """Who has completed fewer is new."""
    draw_seed: int = 0
    """Which visits are drawn follows from this and the order's number."""
    call_back: timedelta = timedelta(hours=24)
    review_score: int = 100
    review: timedelta = timedelta(hours=72)
    offline: timedelta = timedelta(hours=24)
    """How old a step may be that a phone took without a network."""
    ahead: timedelta = timedelta(minutes=5)
    """How far a phone's clock may be ahead."""
    back_entry: timedelta = timedelta(days=3)
    pace: float = 1.0
    """How many times faster than life visits and ways pass in a demonstration."""


def visit_rules(tx: Transaction) -> ProofPolicy:
    """What holds now; the usual figures stand in for a row that somebody deleted."""
    row = tx.row(READ)
    if row is None:
        return ProofPolicy()
    return ProofPolicy(
        call_back_share=row["call_back_share"],
        call_back_share_watched=row["call_back_share_watched"],
        new_visits=row["new_visits"],
        draw_seed=row["draw_seed"],
        call_back=timedelta(hours=row["call_back_hours"]),
        review_score=row["review_score"],
        review=timedelta(hours=row["review_hours"]),
        offline=timedelta(hours=row["offline_hours"]),
        ahead=timedelta(minutes=row["ahead_minutes"]),
        back_entry=timedelta(days=row["back_entry_days"]),
        pace=row["pace"],
    )
