"""Whatever happens, in whatever mode: nobody is at two places at once, nobody comes without her certificates, and no
order is ever without a next deadline."""

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from dispatch import hall, order_naming, replies
from dispatch.orders import cancel, reassign
from dispatch.refusals import Refused
from dispatch.travel import Place, travel_time
from schemas.database import Transaction, transaction
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker, Workforce
from tests.integration.district import Connection

STEPS = 100
OPEN = "SELECT id FROM service_order WHERE ended_at IS NULL ORDER BY id"
DAYS = """
    SELECT worker_id, planned_at, duration_minutes, place_lat, place_lon, worker.travel, window_from, window_to
    FROM service_order JOIN worker ON worker.id = worker_id
    WHERE state = 'accepted' ORDER BY worker_id, planned_at
"""
UNCERTIFIED = """
    SELECT offer.id FROM offer JOIN service_order AS visit ON visit.id = offer.order_id
    WHERE offer.state IN ('open', 'accepted') AND EXISTS (
        SELECT FROM unnest(visit.skills) AS needed WHERE NOT EXISTS (
            SELECT FROM worker_skill AS held
            WHERE held.worker_id = offer.worker_id AND held.skill = needed AND held.revoked_at IS NULL
              AND held.valid_from <= (visit.window_from AT TIME ZONE 'Asia/Shanghai')::date
              AND (held.valid_to IS NULL OR held.valid_to >= (visit.window_from AT TIME ZONE 'Asia/Shanghai')::date)))
"""
BARRED = """
    SELECT offer.id FROM offer JOIN service_order AS visit ON visit.id = offer.order_id
    JOIN worker ON worker.id = offer.worker_id
    WHERE offer.state IN ('open', 'accepted') AND (
        EXISTS (SELECT FROM exclusion WHERE exclusion.elder_id = visit.elder_id AND exclusion.worker_id = worker.id)
        OR visit.sex_required AND worker.sex IS DISTINCT FROM visit.worker_sex)
"""
TWICE = """
    SELECT companion.id FROM service_order AS companion JOIN service_order AS lead ON lead.id = companion.lead_id
    WHERE companion.state = 'accepted' AND lead.state = 'accepted'
      AND (companion.worker_id = lead.worker_id OR companion.planned_at <> lead.planned_at)
"""


class District:
    """A handful of workers and elders, to whom anything may happen."""

    def __init__(self, conn: Connection, now: datetime, seed: int) -> None:
        self.street = Workforce(conn, now)
        self.now = now
        self.chance = random.Random(seed)
        conn.execute("UPDATE catalogue_item SET two_above_kg = 80 WHERE code = 'bath'")
        conn.execute("INSERT INTO kitchen (name, org_code, lat, lon) VALUES ('食堂', '500109001', 29.812, 106.402)")
        self.elders = [self.street.elder, *(self.street.add_neighbour(400 * n) for n in range(1, 9))]
        conn.execute(
            "INSERT INTO service_profile (elder_id, two_workers, changed_at) VALUES (%s, true, %s)",
            (self.elders[1], now),
        )
        self.workers = [self._worker(number) for number in range(6)]
        conn.execute(
            "INSERT INTO exclusion (elder_id, worker_id, asked_by, reason, valid_from)"
            " VALUES (%s, %s, 'elder', '不合', %s)",
            (self.elders[2], self.workers[0].id, now),
        )

    def _worker(self, number: int) -> Worker:
        worker = self.street.add_worker(
            f"w{number}", 700 * number, skills=(), travel=("walk", "scooter", "car")[number % 3]
        )
        self.street.conn.execute(
            "UPDATE worker SET sex = %s, carries = 2 WHERE id = %s", (("female", "male")[number % 2], worker.id)
        )
        for skill in ("meal_delivery", "bathing", "medical_escort"):
            if self.chance.random() < 0.7:
                ends = None if self.chance.random() < 0.6 else self.now.date() - timedelta(days=2)
                self.street.certify(worker.id, skill, date(2020, 1, 1), ends)
        return worker

    def request(self, tx: Transaction) -> None:
        """Something is ordered, to be given to somebody in any mode."""
        item = self.chance.choice(["meal", "meal", "bath", "escort"])
        begins = self.now + self.chance.uniform(0.2, 6) * HOUR - self.street.now
        order = self.street.request(
            item,
            begins,
            self.chance.choice([30, 60, 120]) * MINUTE,
            elder=self.chance.choice(self.elders),
            now=self.now,
        )
        mode, required = self.chance.choice(["sequence", "best", "hall", "plan"]), self.chance.random() < 0.2
        tx.conn.execute(
            "UPDATE service_order SET mode = %s, worker_sex = 'female', sex_required = %s"
            " WHERE id = %s OR lead_id = %s",
            (mode, required, order, order),
        )

    def answer(self, tx: Transaction) -> None:
        """Somebody who was asked answers."""
        waiting = tx.conn.execute(
            "SELECT offer.id, worker.account_id FROM offer JOIN worker ON worker.id = worker_id"
            " WHERE offer.state = 'open' AND offer.order_id IS NOT NULL ORDER BY offer.id"
        ).fetchall()
        if waiting:
            offer, account = self.chance.choice(waiting)
            if self.chance.random() < 0.8:
                replies.accept(tx, self.now, offer, account)
            else:
                replies.decline(tx, self.now, offer, account, "busy")

    def take(self, tx: Transaction) -> None:
        """Somebody takes something in the hall."""
        worker = self.chance.choice(self.workers)
        orders = [row[0] for row in tx.conn.execute("SELECT id FROM service_order WHERE hall_until IS NOT NULL")]
        if orders:
            hall.take(tx, self.now, self.chance.choice(orders), worker.account)

    def name(self, tx: Transaction) -> None:
        """Staff choose somebody."""
        orders = [row[0] for row in tx.conn.execute(OPEN)]
        if orders:
            worker, agreed = self.chance.choice(self.workers), self.chance.random() < 0.5
            order_naming.name(
                tx, self.now, self.chance.choice(orders), self.street.operator, worker.id, "她去", agreed=agreed
            )

    def call_off(self, tx: Transaction) -> None:
        """Staff call something off, or take it from whoever has it."""
        orders = [row[0] for row in tx.conn.execute(OPEN)]
        if orders:
            what = self.chance.choice([cancel, reassign])
            what(tx, self.now, self.chance.choice(orders), self.street.operator, "变了")

    def act(self) -> None:
        """Something happens, then the engine acts, then time passes."""
        acts: list[Callable[[Transaction], None]] = [
            self.request, self.request, self.answer, self.answer, self.answer, self.take, self.take, self.name,
            self.call_off,
        ]  # fmt: skip
        act = self.chance.choice(acts)
        try:
            with transaction(self.street.conn) as tx:
                act(tx)
        except Refused:
            pass
        self.street.sweep(self.now)
        self.now += self.chance.choice([0, 5, 30, 100]) * timedelta(seconds=1)

    def rows(self, query: str) -> list[Any]:
        """What a query finds."""
        return self.street.conn.execute(query.encode()).fetchall()


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_the_laws_hold(conn: Connection, now: datetime, seed: int) -> None:
    district = District(conn, now, seed)
    for _ in range(STEPS):
        district.act()
        assert district.rows("SELECT id FROM service_order WHERE ended_at IS NULL AND due_at IS NULL") == []
        assert district.rows(UNCERTIFIED) == []
        assert district.rows(BARRED) == []
        assert district.rows(TWICE) == []
        _nobody_is_at_two_places(district.rows(DAYS))
    assert len(district.rows("SELECT FROM service_order WHERE accepted_at IS NOT NULL")) > 5
    assert district.rows("SELECT FROM step_failure") == []


def _nobody_is_at_two_places(visits: list[Any]) -> None:
    for (worker, begins, minutes, lat, lon, means, *window), following in pairwise(visits):
        assert begins is not None
        assert window[0] <= begins <= window[1], "begins outside its window"
        if following[0] == worker:
            way = travel_time(Place(lat, lon), Place(following[3], following[4]), means)
            over = begins + timedelta(minutes=minutes) + way
            assert over <= following[1] + timedelta(seconds=1), "has to be at two places"
