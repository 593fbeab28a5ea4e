"""Whatever people do in whatever order, every order keeps to its state machine, its tables agree and it goes on."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch import replies
from dispatch.orders import cancel, confirm, reassign, search_again
from dispatch.refusals import Refused
from dispatch.service.checking_in import check_in
from dispatch.service.completing import complete
from dispatch.service.visits import begin, depart, fail
from schemas.database import Transaction, transaction
from schemas.states import OFFER_STEPS, ORDER_STEPS
from tests.integration.dispatch.progress import AT_HOME, HURRIED
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker, Workforce
from tests.integration.district import Connection

STEPS = 300
MORNING = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
"""Always the same, because what people find to do depends on the hour: midnight ends a day's load."""
_WATCH = (
    "CREATE TABLE step (what text, before text, after text)",
    "CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO step VALUES (TG_TABLE_NAME, OLD.state, NEW.state); RETURN NULL; END $$",
    "CREATE TRIGGER watch AFTER UPDATE ON service_order FOR EACH ROW WHEN (OLD.state <> NEW.state)"
    " EXECUTE FUNCTION watch()",
    "CREATE TRIGGER watch AFTER UPDATE ON offer FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION watch()",
)
_WRONG = {
    "open without a deadline": "SELECT id FROM service_order WHERE ended_at IS NULL AND due_at IS NULL",
    "offered without a question, or a question without an offer": "SELECT id FROM service_order WHERE"
    " (state = 'offered') <> EXISTS (SELECT FROM offer WHERE order_id = service_order.id AND state = 'open')",
    "a worker whose offer does not say so": "SELECT id FROM service_order WHERE worker_id IS NOT NULL AND NOT EXISTS"
    " (SELECT FROM offer WHERE order_id = service_order.id AND worker_id = service_order.worker_id"
    " AND state = 'accepted')",
    "two answers to one question": "SELECT order_id FROM order_event WHERE kind IN ('accepted', 'declined', 'expired')"
    " GROUP BY order_id, detail->>'offer_id' HAVING count(*) > 1",
    "an offer the feed was not told of": "SELECT offer.id FROM offer LEFT JOIN event ON event.offer_id = offer.id"
    " AND event.kind = 'offer.' || CASE offer.state WHEN 'open' THEN 'made' ELSE offer.state END"
    " WHERE event.id IS NULL",
    "an offer that outlives its order": "SELECT offer.id FROM offer JOIN service_order ON service_order.id = order_id"
    " WHERE offer.state = 'open' AND service_order.ended_at IS NOT NULL",
}


@pytest.fixture
def street(conn: Connection) -> Workforce:
    """The usual street, with a witness of every change of state."""
    for query in _WATCH:
        conn.execute(query)
    return Workforce(conn, MORNING)


def _act(street: Workforce, act: Callable[[Transaction], object]) -> None:
    try:
        with transaction(street.conn) as tx:
            act(tx)
    except Refused:
        pass


def _some_act(street: Workforce, at: datetime, dice: random.Random, workers: list[Worker]) -> Callable[..., Any]:
    """Something that somebody does to some order, sensible or not."""
    orders = [row[0] for row in street.conn.execute("SELECT id FROM service_order ORDER BY id DESC LIMIT 5")]
    offers = [row[0] for row in street.conn.execute("SELECT id FROM offer ORDER BY id DESC LIMIT 6")] or [0]
    order, worker = dice.choice(orders), dice.choice(workers)
    owner = street.conn.execute(
        "SELECT account_id FROM worker JOIN service_order ON worker_id = worker.id WHERE service_order.id = %s",
        (order,),
    ).fetchone()
    account = owner[0] if owner and dice.random() < 0.9 else worker.account
    staff: list[Callable[[Transaction], Any]] = [
        lambda tx: cancel(tx, at, order, street.operator, "x"),
        lambda tx: reassign(tx, at, order, street.operator, "x"),
        lambda tx: search_again(tx, at, order, street.operator),
        lambda tx: confirm(tx, at, order, street.relative),
    ]
    visits: list[Callable[[Transaction], Any]] = [
        lambda tx: depart(tx, at, order, account),
        lambda tx: check_in(tx, at, order, account, AT_HOME),
        lambda tx: begin(tx, at, order, account),
        lambda tx: complete(tx, at, order, account, AT_HOME, None, reason=HURRIED),
        lambda tx: fail(tx, at, order, account, "other", None),
    ]
    answers: list[Callable[[Transaction], Any]] = [
        lambda tx: replies.accept(tx, at, dice.choice(offers), worker.account),
        lambda tx: replies.decline(tx, at, dice.choice(offers), worker.account, "busy"),
    ]
    return dice.choice(dice.choices([staff, visits, answers], weights=[1, 4, 6])[0])


@pytest.mark.parametrize("seed", [2, 3])
def test_a_long_day_of_whatever_people_do(street: Workforce, seed: int) -> None:
    dice = random.Random(seed)
    workers = [street.add_worker(f"w{number}", 400 * number, shift=(-HOUR, 60 * HOUR)) for number in range(3)]
    at = MORNING
    street.request("escort")
    for _ in range(STEPS):
        at += timedelta(seconds=dice.choice([0, 1, 20, 90, 600]))
        if dice.random() < 0.05:
            street.now = at
            street.request(dice.choice(["meal", "bath", "escort"]), begins=dice.choice([0, 20, 60, 300]) * MINUTE)
        if dice.random() < 0.02:
            street.elder_becomes(dice.choice(["hospital", "home", "home"]), at)
            street.elder_becomes("home", at)
        _act(street, _some_act(street, at, dice, workers))
        street.sweep(at)
    _assert_sound(street)


def _assert_sound(street: Workforce) -> None:
    steps = street.conn.execute("SELECT DISTINCT what, before, after FROM step").fetchall()
    machines: dict[str, Any] = {"service_order": ORDER_STEPS, "offer": OFFER_STEPS}
    assert [step for step in steps if step[2] not in machines[step[0]][step[1]]] == []
    assert len(steps) > 10
    for what, query in _WRONG.items():
        assert street.conn.execute(query.encode()).fetchall() == [], what
