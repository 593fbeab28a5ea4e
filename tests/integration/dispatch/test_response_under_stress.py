"""Whatever many people and two engines do at the same moment, nobody goes twice and no search is forgotten."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random

from dispatch import naming, replies, responders
from dispatch.alarms import Signal, raise_alarm
from dispatch.answering import acknowledge, resolve
from dispatch.escalation import sweep_deadlines
from dispatch.refusals import Refused
from schemas.database import Transaction, connect, transaction
from schemas.states import AlarmKind, Severity
from tests.integration.dispatch.callout import Callout
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker
from tests.integration.district import Connection

KINDS: tuple[AlarmKind, ...] = ("sos", "smoke", "gas", "leak", "vitals")
SEVERITIES: tuple[Severity, ...] = ("emergency", "urgent")
THREADS, ROUNDS = 8, 60
BROKEN = {
    "an open offer without a search": """
        SELECT FROM offer JOIN alarm ON alarm.id = offer.alarm_id
        WHERE offer.state = 'open' AND alarm.response_state IS DISTINCT FROM 'searching'""",
    "a search in which nobody is asked": """
        SELECT FROM alarm WHERE response_state = 'searching'
          AND NOT EXISTS (SELECT FROM offer WHERE offer.alarm_id = alarm.id AND offer.state = 'open')""",
    "a worker at two alarms": """
        SELECT responder_id FROM alarm WHERE ended_at IS NULL AND responder_id IS NOT NULL
        GROUP BY responder_id HAVING count(*) > 1""",
    "a responder who never accepted": """
        SELECT FROM alarm WHERE responder_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM offer WHERE offer.alarm_id = alarm.id AND offer.worker_id = alarm.responder_id
              AND offer.state = 'accepted')""",
    "an acceptance that nobody wrote down": """
        SELECT FROM offer WHERE state = 'accepted' AND (
            SELECT count(*) FROM alarm_event
            WHERE kind = 'dispatched' AND (detail ->> 'offer_id')::bigint = offer.id) <> 1""",
    "a named responder of whom nobody wrote down why": """
        SELECT FROM offer WHERE named_by IS NOT NULL AND NOT EXISTS (
            SELECT FROM alarm_event WHERE alarm_id = offer.alarm_id AND kind = 'named' AND at = offer.offered_at)""",
    "a round that was not kept": """
        SELECT FROM offer WHERE alarm_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM responder_search AS search WHERE search.id = offer.search_id
              AND search.alarm_id = offer.alarm_id AND search.at = offer.offered_at)""",
    "an arrival without a responder": "SELECT FROM alarm WHERE on_scene_at IS NOT NULL AND responder_id IS NULL",
    "an ended alarm that is searched for": """
        SELECT FROM alarm WHERE ended_at IS NOT NULL AND response_state = 'searching'""",
}


class Crowd:
    """Operators, workers and engines who do something at random, again and again."""

    def __init__(self, url: str, callout: Callout, workers: list[Worker], now: datetime) -> None:
        self._url, self._callout, self._workers, self._now = url, callout, workers, now

    def act(self, seed: int) -> int:
        """Everything one of them does; returns how often it was not refused."""
        random, done = Random(seed), 0
        with connect(self._url, f"crowd-{seed}", patience_seconds=15) as conn:
            for number in range(ROUNDS):
                at = self._now + timedelta(seconds=number * 7)
                try:
                    with transaction(conn) as tx:
                        self._something(tx, at, random)
                    done += 1
                except Refused:
                    continue
        return done

    def _something(self, tx: Transaction, at: datetime, random: Random) -> None:
        worker, operator = random.choice(self._workers), self._callout.operator
        alarm_id, offer_id = _any(tx.conn, random, "alarm"), _any(tx.conn, random, "offer")
        match random.randrange(10):
            case 0:
                callout, severity = self._callout, random.choice(SEVERITIES)
                about = (callout.device, at, callout.elder, callout.household)
                raise_alarm(tx, at, Signal(random.choice(KINDS), severity, *about))
            case 1:
                acknowledge(tx, at, alarm_id, operator)
            case 2 | 3:
                responders.send(tx, at, alarm_id, operator)
            case 4 if random.random() < 0.4:
                naming.name(tx, at, alarm_id, operator, worker.id, "她有钥匙", agreed=random.random() < 0.5)
            case 4 | 5:
                replies.accept(tx, at, offer_id, _asked(tx.conn, offer_id))
            case 6:
                replies.decline(tx, at, offer_id, _asked(tx.conn, offer_id), "busy")
            case 7:
                responders.arrive(tx, at, alarm_id, worker.account)
            case 8 if random.random() < 0.3:
                resolve(tx, at, alarm_id, operator, "helped_on_site", None)
            case 8:
                sweep_deadlines(tx, at)
            case _:
                responders.sweep_searches(tx, at)


def _any(conn: Connection, random: Random, table: str) -> int:
    """One of the newest rows."""
    rows = conn.execute(f"SELECT id FROM {table} ORDER BY id DESC LIMIT 8".encode()).fetchall()  # noqa: S608
    return int(random.choice(rows)[0]) if rows else 0


def _asked(conn: Connection, offer_id: int) -> int:
    """The account of whom an offer asks."""
    query = "SELECT worker.account_id FROM offer JOIN worker ON worker.id = offer.worker_id WHERE offer.id = %s"
    row = conn.execute(query, (offer_id,)).fetchone()
    return int(row[0]) if row else 0


def test_many_hands_at_once_break_no_promise(database_url: str, conn: Connection, now: datetime) -> None:
    callout = Callout(conn, now)
    workers = [callout.add_worker(f"工{number}", number * 300) for number in range(6)]
    for kind in KINDS:
        callout.searched(now, kind, "emergency" if kind != "vitals" else "urgent")
    # Chance owes the crowd no offer that runs out, and no decline of one that is still open.
    callout.searched(now - MINUTE, "no_movement", "urgent")
    callout.sweep(now - MINUTE / 2)
    (open_offer,) = conn.execute("SELECT min(id) FROM offer WHERE state = 'open'").fetchone() or (0,)
    with transaction(conn) as tx:
        assert replies.decline(tx, now, open_offer, _asked(conn, open_offer), "busy") is None
    crowd = Crowd(database_url, callout, workers, now)
    with ThreadPoolExecutor(THREADS) as pool:
        done = list(pool.map(crowd.act, range(THREADS)))
    assert min(done) > 0
    assert [what for what, query in BROKEN.items() if conn.execute(query.encode()).fetchall()] == []
    answered = {state for alarm in conn.execute("SELECT id FROM alarm") for _, state in callout.offers(alarm=alarm[0])}
    assert {"accepted", "declined", "expired", "withdrawn"} <= answered
    callout.sweep(now + HOUR)
    assert conn.execute("SELECT FROM offer WHERE state = 'open' AND expires_at <= %s", (now + HOUR,)).fetchall() == []
