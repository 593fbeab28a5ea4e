"""The world of a simulated day: events in their order, and workers who move."""

from collections.abc import Callable
from heapq import heappop
from typing import Final

from load_tests.dispatch_bench import rules
from load_tests.dispatch_bench.day import Answer, Day, Order, Site
from load_tests.dispatch_bench.desk import Counterpart
from load_tests.dispatch_bench.dispatcher import Dispatcher, Offer, Step, Stop
from load_tests.dispatch_bench.roads import estimate, real
from load_tests.dispatch_bench.state import Course, Life

_EARLY: Final = 120.0
_SLACK: Final = 0.1
"""Whoever has time sets out so as to be there two minutes and a tenth of the way before she is to begin."""
_COMPANION: Final = 45 * 60
"""Whoever waits for a second worker leaves so long after the window."""


class World(Counterpart):
    """Plays a day once; afterwards `courses`, `lives` and `refused` say what came of it."""

    def __init__(self, day: Day, tell: Callable[[float], None] = lambda _: None) -> None:
        super().__init__(day)
        self._tell = tell

    def play(self, dispatcher: Dispatcher) -> None:
        """Let a policy dispatch the whole day."""
        self._dispatcher = dispatcher
        for order in self.day.orders:
            self._at(order.placed_at, self._placed, order)
        for number, at in self.day.called_off_at.items():
            self._at(at, self._called_off, number)
        for worker in self.day.workers:
            self._at(worker.shift[0], self._on_duty, worker.number)
            self._at(worker.shift[1], self._look, worker.number)
            self._at(worker.shift[1] + rules.OVERTIME + 1, self._off_duty, worker.number)
        for number, at in self.day.ill_at.items():
            self._at(at, self._fell_ill, number)
        dispatcher.start(self)
        while self._queue:
            self._now, _, act, about = heappop(self._queue)
            act(*about)
            self._ask()
            self._tell(self._now)

    def _placed(self, order: Order) -> None:
        self.courses[order.number] = Course(order)
        self._at(order.window[1] + rules.PATIENCE, self._failed, order.number)
        self._dispatcher.placed(self._now, order)

    def _called_off(self, number: int) -> None:
        course = self.courses[number]
        if not course.is_open:
            return
        course.is_called_off = True
        self._empty(course)
        self._dispatcher.called_off(self._now, number)

    def _failed(self, number: int) -> None:
        course = self.courses[number]
        if not course.is_open:
            return
        course.has_failed = True
        self._empty(course)
        self._dispatcher.failed(self._now, number)

    def _empty(self, course: Course) -> None:
        for number in list(course.crew):
            life = self.lives[number]
            if number in course.present:
                life.status, life.heading = "idle", None
            self._take(course, life)
            self.look_at(number)

    def _answered(self, offer: Offer, answer: Answer) -> None:
        course, life = self.courses[offer.order], self.lives[offer.worker]
        if not course.is_open:
            return
        course.declined += answer == "declined"
        course.silent += answer == "silent"
        if answer == "accepted" and life.is_ill:
            answer = "silent"
        if not self._dispatcher.answered(self._now, offer, answer):
            return
        why = self._why_not(offer.order, offer.worker, offer.made_at)
        if answer != "accepted" or why is not None:
            self.refused[why or "not_accepted"] += 1
            self._dispatcher.lost(self._now, offer.order, offer.worker, is_ill=life.is_ill)
            return
        course.crew.append(offer.worker)
        life.held.add(offer.order)
        self.look_at(offer.worker)

    def _woken(self) -> None:
        self._dispatcher.wake(self._now)

    def _on_duty(self, number: int) -> None:
        life = self.lives[number]
        if not life.is_ill:
            life.status = "idle"
            self.look_at(number)

    def _look(self, number: int) -> None:
        self.look_at(number)

    def _off_duty(self, number: int) -> None:
        life = self.lives[number]
        busy = {life.heading, *life.carried}
        self._lose(life, [order for order in sorted(life.held) if order not in busy], is_ill=False)
        self.look_at(number)

    def _fell_ill(self, number: int) -> None:
        life = self.lives[number]
        life.is_ill = True
        self._dispatcher.absent(self._now, number)
        self._lose(life, [order for order in sorted(life.held) if self.courses[order].is_open], is_ill=True)
        if life.status in ("waiting", "leaving", "at_kitchen"):
            life.status, life.heading = "idle", None
            life.plan += 1
        self.look_at(number)

    def _lose(self, life: Life, orders: list[int], *, is_ill: bool) -> None:
        for order in orders:
            course = self.courses[order]
            course.lost += 1
            self._take(course, life)
            self._dispatcher.lost(self._now, order, life.worker.number, is_ill=is_ill)

    def _ask(self) -> None:
        while self._looks:
            looked, self._looks = sorted(self._looks), set()
            for number in looked:
                life = self.lives[number]
                if life.status in ("idle", "leaving"):
                    self._next(life)

    def _next(self, life: Life) -> None:
        life.plan += 1
        life.status, life.heading = "idle", None
        number, over = life.worker.number, life.worker.shift[1] + rules.OVERTIME
        stop = None if life.is_ill else self._dispatcher.next_stop(self._now, number)
        if stop is not None and self._now > over and stop.order not in life.carried:
            stop = None
        if stop is None:
            if life.is_ill or self._now >= life.worker.shift[1]:
                self._go_home(life)
            return
        if stop.order is not None and not self._may_go(life, stop.order):
            self.refused["stop"] += 1
            return
        destination = self._destination(stop)
        target = max(stop.not_before, self.order(stop.order).window[0] if stop.order is not None else 0.0)
        if stop.kitchen is not None:
            target -= rules.LOADING
        way = estimate(life.place, destination, life.worker.means)
        leaves_at = max(self._now, target - way * (1 + _SLACK) - _EARLY)
        life.status = "leaving"
        self._at(leaves_at, self._depart, number, life.plan, stop)

    def _may_go(self, life: Life, order: int) -> bool:
        course = self.courses[order]
        is_meal = course.order.kitchen is not None
        return order in life.held and course.is_open and (not is_meal or order in life.carried)

    def _destination(self, stop: Stop) -> Site:
        if stop.order is not None:
            return self.order(stop.order).site
        assert stop.kitchen is not None  # noqa: S101
        return self.kitchens[stop.kitchen].site

    def _depart(self, number: int, plan: int, stop: Stop) -> None:
        life = self.lives[number]
        if life.status != "leaving" or life.plan != plan:
            return
        there = self._destination(stop)
        name = f"order {stop.order}" if stop.order is not None else f"kitchen {stop.kitchen} {self._now // 3600:.0f}"
        way = real(self.day, life.worker, name, life.place, there, self._now)
        life.status, life.heading = "under_way", stop.order
        life.travel += way
        self._stepped(number, "departed", stop.order)
        self._at(self._now + way, self._arrive, number, stop)

    def _arrive(self, number: int, stop: Stop) -> None:
        life = self.lives[number]
        life.place = self._destination(stop)
        if life.is_ill:
            life.status = "idle"
            self.look_at(number)
        elif stop.order is not None:
            self._at_the_door(life, stop.order)
        else:
            life.status = "at_kitchen"
            life.plan += 1
            self._at(max(self._now, stop.not_before - rules.LOADING), self._load, number, life.plan, stop.kitchen)

    def _at_the_door(self, life: Life, order: int) -> None:
        course, number = self.courses[order], life.worker.number
        if not course.is_open or order not in life.held:
            life.status, life.heading = "idle", None
            self.look_at(number)
            return
        life.status = "waiting"
        course.present.add(number)
        self._stepped(number, "arrived", order)
        if self._now < course.order.window[0]:
            self._at(course.order.window[0], self._begin, order)
        else:
            self._begin(order)
        self._at(max(self._now, course.order.window[1] + _COMPANION), self._leave_alone, number, order)

    def _leave_alone(self, number: int, order: int) -> None:
        course, life = self.courses[order], self.lives[number]
        if life.status == "waiting" and life.heading == order and course.is_open:
            self._failed(order)

    def _begin(self, order: int) -> None:
        course = self.courses[order]
        if not course.is_open or len(course.present) < course.order.workers:
            return
        course.begun_at = self._now
        lasts = self._service_time(course.order)
        for number in sorted(course.present):
            life = self.lives[number]
            life.status, life.heading = "serving", order
            left = life.carried.pop(order, None)
            course.is_cold = course.is_cold or (left is not None and self._now > left + rules.HOT)
            life.service += lasts
            life.visits += 1
            self._stepped(number, "begun", order)
        self._at(self._now + lasts, self._complete, order)

    def _service_time(self, order: Order) -> float:
        rng = self.day.chance("service", order.number)
        overrun = rng.uniform(1.25, 1.6) if rng.random() < 0.05 else 1.0
        return order.duration * min(1.4, max(0.8, rng.lognormvariate(-0.02, 0.1))) * overrun

    def _complete(self, order: int) -> None:
        course = self.courses[order]
        course.done_at = self._now
        for number in list(course.crew):
            life = self.lives[number]
            life.status, life.heading = "idle", None
            life.held.discard(order)
            self._stepped(number, "completed", order)
            self.look_at(number)

    def _load(self, number: int, plan: int, kitchen: int) -> None:
        life = self.lives[number]
        if life.status != "at_kitchen" or life.plan != plan:
            return
        left_at = self._now + rules.LOADING
        for order in self._dispatcher.loads(self._now, number, kitchen):
            why = self._why_not_loaded(life, order, kitchen, left_at)
            if why is None:
                life.carried[order] = left_at
            else:
                self.refused[why] += 1
        self._at(left_at, self._loaded, number, plan)

    def _why_not_loaded(self, life: Life, order: int, kitchen: int, left_at: float) -> rules.Broken | None:
        course = self.courses[order]
        if order not in life.held or course.order.kitchen != kitchen or order in life.carried:
            return "twice"
        if len(life.carried) >= life.worker.meals:
            return "capacity"
        return "hot" if left_at < course.order.ready else None

    def _loaded(self, number: int, plan: int) -> None:
        life = self.lives[number]
        if life.status == "at_kitchen" and life.plan == plan:
            life.status = "idle"
            self._stepped(number, "loaded", None)
            self.look_at(number)

    def _go_home(self, life: Life) -> None:
        if not life.at_home_again:
            way = real(self.day, life.worker, "home", life.place, life.worker.base, self._now)
            life.way_home += way if life.visits or life.travel else 0.0
            life.at_home_again = True
        life.status, life.place = "absent", life.worker.base

    def _stepped(self, number: int, step: Step, order: int | None) -> None:
        self._dispatcher.stepped(self._now, number, step, order)
