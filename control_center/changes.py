"""Reads the event log: what happened, and whose cards it changed."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from control_center.dependencies import Connection
from control_center.subjects import Key, SubjectName
from schemas.database import Row, rows
from schemas.statements import statement

EVENTS = statement("""
    SELECT id, at, kind, alarm_id, elder_id, account_id, order_id, offer_id, task_id, call_id FROM event
    WHERE id > %(after)s::bigint ORDER BY id LIMIT %(limit)s::integer
""")
OF_ELDERS = statement("""
    SELECT 'alarm' AS subject, alarm.id, elder.id AS cause_id
    FROM elder
    JOIN alarm ON alarm.elder_id = elder.id OR alarm.household_id = elder.household_id
    WHERE elder.id = ANY(%(ids)s::integer[]) AND alarm.ended_at IS NULL
    UNION ALL
    SELECT 'order', service_order.id, service_order.elder_id FROM service_order
    WHERE service_order.elder_id = ANY(%(ids)s::integer[]) AND service_order.ended_at IS NULL
    UNION ALL
    SELECT 'task', task.id, task.elder_id FROM task
    WHERE task.elder_id = ANY(%(ids)s::integer[]) AND task.done_at IS NULL
    UNION ALL
    SELECT 'call', call.id, call.elder_id FROM call
    WHERE call.elder_id = ANY(%(ids)s::integer[]) AND call.ended_at IS NULL
    UNION ALL
    SELECT 'call', call.id, call_candidate.elder_id FROM call JOIN call_candidate ON call_candidate.call_id = call.id
    WHERE call_candidate.elder_id = ANY(%(ids)s::integer[]) AND call.ended_at IS NULL
      AND call.elder_id IS DISTINCT FROM call_candidate.elder_id
    ORDER BY subject, id
""")
OFFERS_OF_ALARMS = statement("""
    SELECT 'offer' AS subject, offer.id, offer.alarm_id AS cause_id FROM offer
    WHERE offer.alarm_id = ANY(%(ids)s::bigint[]) AND offer.state = 'open'
    ORDER BY offer.id
""")


@dataclass(frozen=True)
class FeedEvent:
    """One event and the cards that it changed."""

    id: int
    at: datetime
    kind: str
    keys: tuple[Key, ...]
    account_id: int | None

    def step(self, subject: SubjectName) -> str:
        """What it is called on a card: `worsened` on that of its own subject, `alarm_worsened` on another's."""
        own, _, step = self.kind.partition(".")
        return step if own == subject else self.kind.replace(".", "_")


def read_events(conn: Connection, after: int, limit: int) -> tuple[FeedEvent, ...]:
    """The events after an id, in order."""
    found = rows(conn, EVENTS, {"after": after, "limit": limit})
    return _with_keys(conn, found) if found else ()


def _with_keys(conn: Connection, found: list[Row]) -> tuple[FeedEvent, ...]:
    elders = {event["elder_id"] for event in found if event["kind"] == "elder.changed"}
    # An offer tells how bad the alarm is.
    worse = {event["alarm_id"] for event in found if event["kind"] == "alarm.worsened"}
    of_elders = _by_cause(rows(conn, OF_ELDERS, {"ids": list(elders)})) if elders else {}
    of_alarms = _by_cause(rows(conn, OFFERS_OF_ALARMS, {"ids": list(worse)})) if worse else {}

    def keys(event: Row) -> tuple[Key, ...]:
        match event["kind"].split("."):
            case ["elder", _]:
                return of_elders.get(event["elder_id"], ())
            case ["alarm", "worsened"]:
                return (Key("alarm", event["alarm_id"]), *of_alarms.get(event["alarm_id"], ()))
            case ["alarm", _]:
                return (Key("alarm", event["alarm_id"]),)
            case ["order", _]:
                return (Key("order", event["order_id"]),)
            case ["offer", _]:
                return (Key("offer", event["offer_id"]),)
            case ["task", _]:
                return (Key("task", event["task_id"]),)
            case ["call", _]:
                return (Key("call", event["call_id"]),)
            case _:
                return ()

    return tuple(
        FeedEvent(event["id"], event["at"], event["kind"], keys(event), event["account_id"]) for event in found
    )


def _by_cause(found: list[Row]) -> dict[int, tuple[Key, ...]]:
    keys: defaultdict[int, tuple[Key, ...]] = defaultdict(tuple)
    for changed in found:
        keys[changed["cause_id"]] += (Key(changed["subject"], changed["id"]),)
    return keys
