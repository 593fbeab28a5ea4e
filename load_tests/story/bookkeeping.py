"""What became of the story's orders and offers: as it was told to people, and as it is stored."""

from collections import Counter
from datetime import datetime

from load_tests.story.stage import Story
from schemas.database import row
from schemas.statements import statement

_ORDERS = statement("""
    SELECT count(*) AS created, count(accepted_at) AS accepted, count(completed_at) AS completed
    FROM service_order WHERE requested_at >= %(since)s::timestamptz
""")
_OFFERS = statement("""
    SELECT count(*) AS made, count(*) FILTER (WHERE state = 'declined') AS declined,
           count(*) FILTER (WHERE state = 'expired') AS expired, count(*) FILTER (WHERE state = 'lost') AS lost_races
    FROM offer WHERE offered_at >= %(since)s::timestamptz
""")
_TWO_WINNERS = statement("""
    SELECT count(*) AS found FROM (
        SELECT FROM offer WHERE state = 'accepted' AND offered_at >= %(since)s::timestamptz
        GROUP BY order_id, alarm_id HAVING count(*) > 1) AS won_twice
""")


async def bookkeeping(story: Story, began: datetime) -> None:
    """Compare what the story did and the operator was told with the database, and note the figures."""
    stored_orders = await story.query(lambda conn: row(conn, _ORDERS, {"since": began})) or {}
    stored_offers = await story.query(lambda conn: row(conn, _OFFERS, {"since": began})) or {}
    twice = await story.query(lambda conn: row(conn, _TWO_WINNERS, {"since": began})) or {}
    told = await _told_offers(story)
    done = {name: story.tally[name] for name in ("created", "accepted", "completed")}
    story.report.figures |= {"orders": stored_orders, "offers": stored_offers}
    story.report.check(
        "the database holds the orders that were created, accepted and completed, and no other",
        stored_orders == done and done["completed"] > 0,
        f"stored {stored_orders}, done {done}",
    )
    story.report.check(
        "the database holds the offers that the operator was shown, one winner each",
        stored_offers == told and twice.get("found") == 0,
        f"stored {stored_offers}, shown {told}",
    )
    story.report.check(
        "an offer was declined, one expired, and races were lost by whoever was told so",
        told["declined"] >= 1 and told["expired"] >= 1 and told["lost_races"] == story.tally["lost"] >= 1,
        f"{story.tally['lost']} were told that somebody else was faster",
    )


async def _told_offers(story: Story) -> dict[str, int]:
    states: Counter[str] = Counter()
    for path in story.searched:
        detail = await story.in_thread(story.api.get, path)
        states.update(offer["state"] for offer in detail["offers"])
    return {
        "made": states.total(),
        "declined": states["declined"],
        "expired": states["expired"],
        "lost_races": states["lost"],
    }
