"""A seeded day of the cast: alarms, orders, offers, visits, deadlines and elders who move, in any order."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from dispatch import pauses, tasks
from dispatch.answering import add_note
from dispatch.claims import claim, sweep_claims
from dispatch.escalation import sweep_deadlines
from dispatch.groups import sweep_groups
from dispatch.positions import Spot
from dispatch.refusals import Refused
from dispatch.reviews import sweep_promises
from dispatch.service.checking_in import check_in
from dispatch.shelving import shelve
from schemas.states import TASK_OUTCOMES
from tests.integration.cast import raise_for
from tests.integration.control_center.hands import AT_HOME, Hands
from tests.integration.control_center.random_calls import RandomCalls
from tests.integration.district import Connection, add_device, one

WORKERS: Final = ("worker_of_gui", "asked_worker", "outside_worker")
_NEIGHBOURS_DOOR: Final = Spot(29.7203, 106.6304, 10)


class RandomDay:
    """Does one thing after another; what is refused changes nothing and is not counted."""

    KINDS: Final = ("sos", "fall", "leak", "smoke", "vitals")
    WEARERS: Final = (
        ("W-gui", "gui", "tiansheng"),
        ("W-chen", "chen", "chaoyang"),
        ("B-tiansheng", "", "tiansheng"),
        ("W-deng", "deng", "neighbour"),
    )

    def __init__(self, seed: int, hands: Hands) -> None:
        self.choice = random.Random(seed)
        self.hands = hands
        self.cast = hands.cast
        self.clock = hands.clock
        self._calls = RandomCalls(random.Random(seed), hands)
        hands.ask_at_once(2)

    @property
    def _conn(self) -> Connection:
        return self.hands.conn

    def open(self) -> None:
        """How every day begins: two are asked about an order and all about an alarm, and somebody takes each."""
        order, alarm = self.hands.offered("zhang", minutes=240), self.cast.alarms["sos_of_gui"]
        self.hands.accept("worker_of_gui", self.hands.offer("worker_of_gui", order=order))
        self.hands.answer(alarm)
        self.hands.send_to(alarm)
        self.hands.accept("asked_worker", self.hands.offer("asked_worker", alarm=alarm))
        self._smoke_in_two_homes()
        self._claim_and_forget(self.cast.alarms["vitals_of_chen"])

    def _smoke_in_two_homes(self) -> None:
        self._conn.execute("UPDATE lifecycle_policy SET group_homes = 2")
        door = "INSERT INTO household (org_code, address) VALUES ('500109001', '天生路1号') RETURNING id"
        self.cast.households["next_door"] = one(self._conn, door)
        self.cast.devices["H-next-door"] = add_device(self._conn, "H-next-door", "hub", self.clock.now)
        for device, home in (("B-tiansheng", "tiansheng"), ("H-next-door", "next_door")):
            raise_for(self._conn, self.cast, self.clock.now, "smoke", "emergency", device, household=home)
        self.hands.do(lambda tx: sweep_groups(tx, self.clock.now))

    def _claim_and_forget(self, alarm: int) -> None:
        self.hands.do(lambda tx: claim(tx, self.clock.now, alarm, self.cast.accounts["supervisor"]))
        self.clock.move(seconds=30)
        self.hands.do(lambda tx: sweep_claims(tx, self.clock.now))

    def step(self) -> None:
        """One thing that happens."""
        self.clock.move(seconds=self.choice.randint(0, 20))
        if self.choice.random() < 0.02:
            self.clock.move(minutes=25)
        things: list[tuple[float, Callable[[], None]]] = [
            (2, self._raise),
            (1, self._move_elder),
            (2, self._sweep),
            (3, self._answer_alarm),
            (2, self._arrive),
            (2, self._order),
            (6, self._answer_offer),
            (5, self._visit),
            (2, self._decide),
            (2, self._do_task),
        ]
        weights, doings = zip(*things, strict=True)
        [doing] = self.choice.choices(doings, weights)
        for happens in (doing, self._calls.step):
            try:
                happens()
            except Refused:
                """Not every command fits every state."""

    def _any(self, query: str) -> Any:
        found = self._conn.execute(query.encode()).fetchall()
        return self.choice.choice(found) if found else None

    def _raise(self) -> None:
        device, elder, household = self.choice.choice(self.WEARERS)
        severity: Any = self.choice.choice(("urgent", "emergency"))
        kind: Any = self.choice.choice(self.KINDS)
        try:
            raise_for(self._conn, self.cast, self.clock.now, kind, severity, device, elder=elder, household=household)
        except AssertionError:
            """A vitals alarm that was answered lately stays quiet."""

    def _move_elder(self) -> None:
        elder = self.choice.choice(list(self.cast.elders))
        self.hands.move(elder, self.choice.choice(("home", "home", "hospital", "travelling")))

    def _sweep(self) -> None:
        self.hands.do(lambda tx: sweep_deadlines(tx, self.clock.now))
        self.hands.do(lambda tx: sweep_promises(tx, self.clock.now))
        self.hands.do(lambda tx: sweep_claims(tx, self.clock.now))
        self.hands.do(lambda tx: sweep_groups(tx, self.clock.now))
        self.hands.do(lambda tx: tasks.sweep_overdue(tx, self.clock.now))
        self.hands.search_on()
        self.hands.look()

    def _answer_alarm(self) -> None:
        alarm, state = self._any(
            "SELECT id, state FROM alarm ORDER BY id"
            if self.choice.random() < 0.2
            else "SELECT id, state FROM alarm WHERE ended_at IS NULL ORDER BY id"
        )
        actor = self.choice.choice(("operator", "operator", "supervisor", "outsider"))
        account = self.cast.accounts[actor]
        match self.choice.choice(
            ("help", "help", "help", "help", "note", "pause", "resume", "resolve", "resolve", "claim", "shelve")
        ):
            case "help":
                if state in ("raised", "shelved"):
                    self.hands.answer(alarm, actor)
                self.hands.send_to(alarm, actor)
            case "claim":
                self.hands.do(lambda tx: claim(tx, self.clock.now, alarm, account))
            case "shelve":
                until = self.clock.now + timedelta(minutes=self.choice.randint(1, 30))
                self.hands.do(lambda tx: shelve(tx, self.clock.now, alarm, account, "elder_away", until, None))
            case "note":
                self.hands.do(lambda tx: add_note(tx, self.clock.now, alarm, account, "记录"))
            case "pause":
                self.hands.do(lambda tx: pauses.pause(tx, self.clock.now, alarm, account, "no_access", 2, None))
            case "resume":
                self.hands.do(lambda tx: pauses.resume(tx, self.clock.now, alarm, account))
            case "resolve":
                self.hands.resolve(alarm, actor)

    def _do_task(self) -> None:
        found = self._any("SELECT id, kind FROM task ORDER BY id")
        if found is None:
            return
        task, kind = found
        account = self.cast.accounts[self.choice.choice(("operator", "supervisor", "outsider"))]
        if self.choice.random() < 0.4:
            self.hands.do(lambda tx: tasks.take(tx, self.clock.now, task, account))
        else:
            outcome = self.choice.choice(sorted(TASK_OUTCOMES[kind]))
            self.hands.do(lambda tx: tasks.complete(tx, self.clock.now, task, account, outcome, "记录"))

    def _arrive(self) -> None:
        found = self._any("SELECT id, responder_id FROM alarm WHERE responder_id IS NOT NULL AND ended_at IS NULL")
        if found:
            self.hands.arrive(self._member(found[1]), found[0])

    def _member(self, worker_id: int) -> str:
        return next(name for name, known in self.cast.workers.items() if known == worker_id)

    def _order(self) -> None:
        elder, actor = self.choice.choice((("gui", "operator"), ("zhang", "operator"), ("deng", "outsider")))
        self.hands.order(elder, self.choice.choice(("meal", "bath")), minutes=self.choice.randint(0, 40), by=actor)
        self.hands.look()

    def _answer_offer(self) -> None:
        found = self._any(
            "SELECT id, worker_id FROM offer ORDER BY id" if self.choice.random() < 0.2 else
            "SELECT id, worker_id FROM offer WHERE state IN ('open', 'withdrawn') ORDER BY state, id DESC LIMIT 4"
        )  # fmt: skip
        if found:
            says = self.hands.accept if self.choice.random() < 0.7 else self.hands.decline
            says(self._member(found[1]), found[0])

    def _visit(self) -> None:
        found = self._any(
            "SELECT id, worker_id, state, elder_id FROM service_order"
            " WHERE worker_id IS NOT NULL AND ended_at IS NULL ORDER BY id"
        )
        if found is None:
            return
        order, worker, door = found[0], self._member(found[1]), AT_HOME
        if found[3] == self.cast.elders["deng"]:
            door = _NEIGHBOURS_DOOR
        account = self.cast.accounts[worker]
        steps: dict[str, Callable[[], None]] = {
            "accepted": lambda: self.hands.depart(worker, order),
            "en_route": lambda: self.hands.do(lambda tx: check_in(tx, self.clock.now, order, account, door)),
            "checked_in": lambda: self.hands.begin(worker, order),
            "in_service": lambda: self.hands.complete(worker, order),
        }
        if found[2] != "accepted" and self.choice.random() < 0.1:
            self.hands.fail(worker, order)
        else:
            steps[found[2]]()

    def _decide(self) -> None:
        order = self._any("SELECT id FROM service_order ORDER BY id")[0]
        actor = self.choice.choice(("operator", "supervisor", "outsider", "family_of_gui"))
        commands: dict[str, Callable[[], None]] = {
            "cancel": lambda: self.hands.cancel(order, actor),
            "reassign": lambda: self.hands.reassign(order, actor),
            "search": lambda: self.hands.search_again(order, actor),
            "confirm": lambda: self.hands.confirm(order, actor),
        }
        commands[self.choice.choice(("cancel", "reassign", "reassign", "search", "confirm"))]()
