"""Kill any process in the middle of an offer: it is neither lost nor doubled, and has one winner at most.

Each victim dies twice over: while two workers hold an offer that both accept, and while an offer runs out unanswered.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from device_sim.accounts import DEMO_PASSWORD
from device_sim.people.api import Address, Api, ApiRefused
from launcher.district import District
from launcher.service import Status
from schemas.database import connect
from tests.integration.waiting import eventually
from tests.running_district import running_district

VICTIMS = ("dispatch", "control-center", "postgres", "nats", "ingest-event")
PATIENCE = 45.0
SHORT, LONG = 3, 120
"""Seconds that offers of meals and of escorts stand."""
Offers = list[tuple[int, int, str]]


@pytest.fixture(scope="module")
def district() -> Iterator[District]:
    """Sixty simulated elders; every worker is on shift, and only an escort's offer waits."""
    with running_district("offer-kills", 60) as running:
        with connect(running.environment["ANBAN_DATABASE_URL"], "test") as conn:
            now = datetime.now(UTC)
            conn.execute("DELETE FROM worker_shift")
            conn.execute(
                "INSERT INTO worker_shift (worker_id, starts_at, ends_at) SELECT id, %s, %s FROM worker",
                (now - timedelta(hours=1), now + timedelta(hours=12)),
            )
            conn.execute(
                "UPDATE order_policy SET offer_seconds = CASE assist WHEN 'meal' THEN %s ELSE %s END", (SHORT, LONG)
            )
        yield running


class Desk:
    """The operator, the workers' phones, and a look into the tables."""

    def __init__(self, district: District) -> None:
        self.district = district
        self.address = Address.of(district.base_url)
        self.operator = self.signed_in("operator1")
        self.phones: dict[int, Api] = {}
        self.elders = [
            one["id"] for one in self.operator.get("/api/elders?limit=60")["elders"] if one["state"] == "home"
        ]

    def signed_in(self, username: str) -> Api:
        """A person with a session."""
        api = Api(self.address)
        api.sign_in(username, DEMO_PASSWORD)
        return api

    def look(self, query: str, *params: object) -> list[TupleRow]:
        """Rows, however often the database has to be asked."""
        found: list[TupleRow] = []

        def ask() -> bool:
            nonlocal found
            try:
                with connect(self.district.environment["ANBAN_DATABASE_URL"], "test") as conn:
                    found = conn.execute(query.encode(), params).fetchall()
            except psycopg.Error:
                return False
            return True

        eventually(ask, PATIENCE, what="the database")
        return found

    def offers(self, order: int) -> Offers:
        """Id, worker and state of an order's offers, oldest first."""
        found = self.look("SELECT id, worker_id, state FROM offer WHERE order_id = %s ORDER BY id", order)
        return [(row[0], row[1], row[2]) for row in found]

    def open_offers(self, order: int, count: int) -> Offers:
        """Wait until so many offers of an order stand open."""

        def waiting() -> Offers:
            return [one for one in self.offers(order) if one[2] == "open"]

        eventually(lambda: len(waiting()) == count, PATIENCE, what=f"{count} open offers of order {order}")
        return waiting()

    def order(self, item: str, elder: int) -> int:
        """The operator orders something to begin in an hour."""
        begins = datetime.now(UTC) + timedelta(hours=1)
        wish = {"elder_id": elder, "item": item, "window_from": begins.isoformat()}
        return int(self.operator.post("/api/orders", wish)["card"]["id"])

    def phone(self, worker: int) -> Api:
        """A worker's phone, signed in once."""
        if worker not in self.phones:
            [(username,)] = self.look(
                "SELECT username FROM account JOIN worker ON account_id = account.id WHERE worker.id = %s", worker
            )
            self.phones[worker] = self.signed_in(username)
        return self.phones[worker]

    def accept(self, offer: int, worker: int) -> str:
        """Press until an answer comes: "ok" or the refusal's code. An answer lost on its way counts as given."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.phone(worker).post(f"/api/offers/{offer}/accept", {})
                return "ok"
            except (OSError, ApiRefused) as error:
                if isinstance(error, ApiRefused) and error.status == 409:
                    return "ok" if error.code == "already_accepted" else error.code
                assert time.monotonic() < deadline, error
                time.sleep(0.1)

    def kill(self, victim: str) -> int:
        """SIGKILL one of our processes or servers; returns which one it was."""
        pid = self.district.supervisor.pid(victim)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        return pid

    def recovered(self, victim: str, pid: int) -> None:
        """Wait until the victim is back and everything is ready."""
        supervisor = self.district.supervisor
        eventually(lambda: supervisor.pid(victim) not in (None, pid), PATIENCE, what=f"{victim} back")
        eventually(lambda: set(supervisor.states().values()) == {Status.READY}, PATIENCE, what="everything ready")


@pytest.fixture(scope="module")
def desk(district: District) -> Iterator[Desk]:
    """One desk for all victims: its orders pile up as they would."""
    made = Desk(district)
    yield made
    for api in (made.operator, *made.phones.values()):
        api.close()


def _both_accept(desk: Desk, waiting: Offers) -> dict[int, str]:
    answers: dict[int, str] = {}

    def press(offer: int, worker: int) -> None:
        answers[worker] = desk.accept(offer, worker)

    phones = [threading.Thread(target=press, args=one[:2]) for one in waiting]
    for phone in phones:
        phone.start()
    for phone in phones:
        phone.join()
    return answers


def _story_of(desk: Desk, order: int) -> dict[str, Any]:
    [(state, worker)] = desk.look("SELECT state, worker_id FROM service_order WHERE id = %s", order)
    kinds = [row[0] for row in desk.look("SELECT kind FROM order_event WHERE order_id = %s ORDER BY id", order)]
    return {
        "state": state,
        "worker": worker,
        "accepted": kinds.count("accepted"),
        "requested": kinds.count("requested"),
    }


@pytest.mark.parametrize("victim", VICTIMS)
def test_an_offer_survives_the_death_of_a_process_and_has_one_winner(desk: Desk, victim: str) -> None:
    elders = desk.elders[VICTIMS.index(victim) * 2 :]
    raced = desk.order("escort", elders[0])
    waiting = desk.open_offers(raced, 2)
    for _, worker, _ in waiting:
        desk.phone(worker)
    ignored = desk.order("meal", elders[1])
    [(first, first_asked, _)] = desk.open_offers(ignored, 1)

    pid = desk.kill(victim)
    answers = _both_accept(desk, waiting)
    desk.recovered(victim, pid)

    assert sorted(answers.values()) == ["ok", "taken_by_another"]
    winner = next(worker for worker, answer in answers.items() if answer == "ok")
    assert _story_of(desk, raced) == {"state": "accepted", "worker": winner, "accepted": 1, "requested": 1}
    assert sorted(state for _, _, state in desk.offers(raced)) == ["accepted", "lost"]

    def passed_on() -> bool:
        offers = desk.offers(ignored)
        return len(offers) >= 2 and offers[0] == (first, first_asked, "expired")

    eventually(passed_on, PATIENCE, what="the ignored offer passed on")
    asked = [worker for _, worker, _ in desk.offers(ignored)]
    assert asked[1] != first_asked
    assert [state for _, _, state in desk.offers(ignored)].count("open") <= 1
    desk.operator.post(f"/api/orders/{ignored}/cancel", {"reason": "the test is over"})
    eventually(lambda: all(state != "open" for _, _, state in desk.offers(ignored)), what="no open offer left")
