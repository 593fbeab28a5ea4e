"""What a policy may ask the world of a simulated day and tell it, and the limits that no policy gets past."""

from collections import Counter
from collections.abc import Callable
from heapq import heappush
from itertools import count
from typing import Any, Final

from load_tests.dispatch_bench import rules
from load_tests.dispatch_bench.day import Answer, Day, Elder, Kitchen, Order, Site, Worker
from load_tests.dispatch_bench.dispatcher import Offer, Status
from load_tests.dispatch_bench.roads import estimate
from load_tests.dispatch_bench.state import Course, Life

DAY_BEGINS: Final = 7 * 3600.0
_FAR: Final = 30 * 60
"""Whoever would come from so far away declines more often."""


class Counterpart:
    """The state of a day while it is played, behind the desk at which a policy stands."""

    def __init__(self, day: Day) -> None:
        self.day = day
        self.kitchens: tuple[Kitchen, ...] = day.kitchens
        self.staff: dict[int, Worker] = {worker.number: worker for worker in day.workers}
        self.lives = {worker.number: Life(worker, worker.base) for worker in day.workers}
        self.courses: dict[int, Course] = {}
        self.refused: Counter[str] = Counter()
        self._elders = {elder.number: elder for elder in day.elders}
        self._queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._ties = count()
        self._offers = count(1)
        self._looks: set[int] = set()
        self._now = 0.0

    def _answered(self, offer: Offer, answer: Answer) -> None:
        """A worker answers."""
        raise NotImplementedError

    def _woken(self) -> None:
        """It is as late as the policy asked for."""
        raise NotImplementedError

    def order(self, number: int) -> Order:
        """See `Desk`."""
        return self.courses[number].order

    def elder(self, number: int) -> Elder:
        """See `Desk`."""
        return self._elders[self.courses[number].order.elder]

    def crew(self, number: int) -> tuple[int, ...]:
        """See `Desk`."""
        return tuple(self.courses[number].crew)

    def is_open(self, number: int) -> bool:
        """See `Desk`."""
        return self.courses[number].is_open

    def is_ill(self, worker: int) -> bool:
        """See `Desk`."""
        return self.lives[worker].is_ill

    def status(self, worker: int) -> Status:
        """See `Desk`."""
        return self.lives[worker].status

    def whereabouts(self, worker: int) -> Site:
        """See `Desk`."""
        return self.lives[worker].place

    def carried(self, worker: int) -> dict[int, float]:
        """See `Desk`."""
        return dict(self.lives[worker].carried)

    def offer(self, order: int, worker: int, expires_at: float) -> Offer | None:
        """See `Desk`."""
        why = self._why_not(order, worker, self._now)
        if why is not None:
            self.refused[why] += 1
            return None
        course = self.courses[order]
        course.asked += 1
        offer = Offer(next(self._offers), order, worker, self._now, expires_at)
        answer, at = self._answer(offer, course)
        self._at(at, self._answered, offer, answer)
        return offer

    def release(self, order: int, worker: int) -> None:
        """See `Desk`."""
        course, life = self.courses[order], self.lives[worker]
        if worker not in course.crew or worker in course.present or course.begun_at is not None:
            self.refused["release"] += 1
            return
        self._take(course, life)
        self.look_at(worker)

    def look_at(self, worker: int) -> None:
        """See `Desk`."""
        self._looks.add(worker)

    def wake_at(self, at: float) -> None:
        """See `Desk`."""
        self._at(max(at, self._now), self._woken)

    def _at(self, at: float, act: Callable[..., None], *about: object) -> None:
        heappush(self._queue, (at, next(self._ties), act, about))

    def _take(self, course: Course, life: Life) -> None:
        number = life.worker.number
        course.crew.remove(number)
        course.present.discard(number)
        life.held.discard(course.order.number)
        life.carried.pop(course.order.number, None)

    def _why_not(self, number: int, worker_number: int, at: float) -> str | None:
        """The limit that an assignment would break; `at`: when she was asked, for the time she takes is not held
        against anybody."""
        course, life = self.courses[number], self.lives[worker_number]
        order = course.order
        if not course.is_open:
            return "ended"
        if worker_number in course.crew:
            return "twice"
        if len(course.crew) >= order.workers:
            return "full"
        if life.is_ill or life.at_home_again:
            return "shift"
        kitchen = None if order.kitchen is None else self.kitchens[order.kitchen]
        why = rules.broken_by(life.worker, order, self._elders[order.elder], kitchen, at)
        before_her = (self.courses[held] for held in life.held)
        if why is None and any(
            course.is_open and rules.exclude_each_other(order, course.order, at) for course in before_her
        ):
            return "twice"
        return why

    def _answer(self, offer: Offer, course: Course) -> tuple[Answer, float]:
        """What a worker will answer, and when; `asked` makes another question of a second one."""
        worker = self.staff[offer.worker]
        willing = self.day.chance("willing", worker.number).uniform(0.90, 0.99)
        if estimate(worker.base, course.order.site, worker.means) > _FAR:
            willing *= 0.8
        course.asked_of[worker.number] += 1
        rng = self.day.chance("answer", worker.number, course.order.number, course.asked_of[worker.number])
        drawn, after = rng.random(), min(600.0, max(3.0, rng.lognormvariate(2.9, 0.6)))
        if drawn >= willing + (1 - willing) * 0.6 or offer.made_at + after >= offer.expires_at:
            # What was on her list before the day began is hers unless she says no.
            if offer.made_at < DAY_BEGINS:
                return "accepted", min(offer.expires_at - 1, DAY_BEGINS)
            return "silent", offer.expires_at
        return ("accepted" if drawn < willing else "declined"), offer.made_at + after
