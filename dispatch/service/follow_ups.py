"""What follows when a task about a visit is done: an approval, an elder's answer, a verdict."""

from datetime import datetime

from dispatch.service import back_entries, reviews, visit_calls
from dispatch.service_level import no_shows
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import TaskOutcome

TASK = statement("SELECT id, kind, org_code, elder_id, order_id, detail, note FROM task WHERE id = %(id)s::bigint")


def follow(tx: Transaction, now: datetime, task_id: int, actor_id: int, outcome: TaskOutcome) -> None:
    """Do what the outcome of a task means for its visit; tasks about other things mean nothing to it.

    In the transaction in which the task is done. Raises Refused own_request.
    """
    [task] = tx.rows(TASK, {"id": task_id})
    match task["kind"]:
        case "visit_call_back":
            visit_calls.answered(tx, now, task, outcome)
        case "back_entry":
            back_entries.decide(tx, now, task["order_id"], actor_id, approved=outcome == "approved")
        case "no_show_review":
            no_shows.reviewed(tx, now, task, actor_id, believed=outcome == "upheld")
        case "fraud_review":
            reviews.decided(tx, now, task, outcome)
