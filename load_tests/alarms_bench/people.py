"""Plays a plan: wearers call, operators answer and resolve, each act in a transaction of its own at its moment."""

import contextlib
import heapq
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import psycopg
import structlog
from psycopg.rows import TupleRow

from dispatch.alarms import Signal, cancel_fall, raise_alarm
from dispatch.answering import acknowledge, resolve
from dispatch.refusals import Refused
from load_tests.alarms_bench.cast import Caller, Cast, stale_seconds
from load_tests.alarms_bench.plan import FALL_SECONDS, Planned
from schemas.clock import Clock
from schemas.database import Transaction, connect, transaction
from schemas.states import KIND_SEVERITY

HANDS: Final = 6
"""How many act at the same moment."""
_SOON: Final = 0.5
_TRIES: Final = 20
PASSING: Final = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.SerializationFailure,
)
log = structlog.get_logger()


@dataclass
class Story:
    """What came of one incident; seconds since 1970, None for what did not happen."""

    planned: Planned
    caller: Caller
    alarm_id: int | None = None
    raised: float | None = None
    answers: list[float] = field(default_factory=list)
    """When acknowledgements had been committed."""
    ended: float | None = None


Act = Callable[[Story], None]


class People:
    """Everybody but the engines. `stories` are complete when `finished` is true."""

    def __init__(self, database_url: str, clock: Clock, cast: Cast, plan: list[Planned], pace: float = 1.0) -> None:
        self._url = database_url
        self._clock = clock
        self._cast = cast
        self._stale = stale_seconds(pace)
        self._fell_before = timedelta(seconds=(1 - pace) * FALL_SECONDS)
        self.stories = [Story(one, caller) for one, caller in zip(plan, cast.callers, strict=False)]
        self.lateness: list[float] = []
        self.told: Counter[str] = Counter()
        """What operators were told who came too late, by the refusal's code."""
        self.won_twice = 0
        self.pressed_after = 0
        """How many alarms came of presses just after the end of another; they are no incidents of the plan."""
        self.failures: list[str] = []
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(HANDS, "hand")
        self._lock = threading.Lock()
        self._open = len(self.stories)
        self._due: list[tuple[float, int, Story, Act]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition(self._lock)

    @property
    def finished(self) -> int:
        """How many incidents have come to their end."""
        return len(self.stories) - self._open

    def play(self, progress: Callable[[int], None]) -> None:
        """Begin now, and return when every incident was resolved or called off."""
        began = time.time()
        for story in self.stories:
            self._at(began + story.planned.at, story, self._begin)
        while True:
            with self._changed:
                if not self._open:
                    break
                wait = self._due[0][0] - time.time() if self._due else 1.0
                if wait > 0:
                    self._changed.wait(min(wait, 0.5))
                    following = None
                else:
                    following = heapq.heappop(self._due)
            if following is None:
                progress(self.finished)
                continue
            moment, _, story, act = following
            self._pool.submit(self._act, moment, story, act)
        self._pool.shutdown()

    def _at(self, moment: float, story: Story, act: Act) -> None:
        with self._changed:
            heapq.heappush(self._due, (moment, next(self._numbers), story, act))
            self._changed.notify()

    def _in(self, seconds: float, story: Story, act: Act) -> None:
        self._at(time.time() + seconds, story, act)

    def _act(self, moment: float, story: Story, act: Act) -> None:
        """What fails is over for the players: the account shows what is left of it."""
        self.lateness.append(time.time() - moment)
        try:
            act(story)
        except Exception as error:
            self.failures.append(repr(error)[:300])
            log.error("act_failed", why=repr(error)[:300])
            self._end(story)

    def _conn(self) -> psycopg.Connection[TupleRow]:
        conn: psycopg.Connection[TupleRow] | None = getattr(self._local, "conn", None)
        if conn is None or conn.closed:
            conn = self._local.conn = connect(self._url, "bench-people")
        return conn

    def _commit(self, do: Callable[[Transaction], int | None]) -> int | None:
        """Do it in a transaction; one that the database undid for another's sake is done again."""
        for left in reversed(range(_TRIES)):
            try:
                with transaction(self._conn()) as tx:
                    return do(tx)
            except PASSING:
                if not left:
                    raise
        raise AssertionError("unreachable")

    def _begin(self, story: Story) -> None:
        planned = story.planned
        story.alarm_id = self._commit(lambda tx: raise_alarm(tx, self._clock(), self._signal(story)))
        story.raised = time.time()
        if planned.pressed_again_after is not None:
            self._in(planned.pressed_again_after, story, self._press_again)
        if planned.called_off_after is not None:
            self._in(planned.called_off_after, story, self._call_off)
        else:
            self._in(planned.answered_after, story, self._answer)

    def _signal(self, story: Story) -> Signal:
        kind, caller = story.planned.kind, story.caller
        # At a pace below 1 a fall is told of late, so that less of the time to call it off is left.
        at = self._clock() - self._fell_before if kind == "fall" else self._clock()
        return Signal(kind, KIND_SEVERITY[kind], caller.device_key, at, caller.elder_id, caller.household_id, "home")

    def _press_again(self, story: Story) -> None:
        if story.ended is not None:
            return
        joined = self._commit(lambda tx: raise_alarm(tx, self._clock(), self._signal(story)))
        if joined is not None and joined != story.alarm_id:
            self._finish(joined)

    def _finish(self, alarm_id: int) -> None:
        """The elder pressed just after the alarm had ended: it is another one, and soon over."""
        desk = self._cast.desks[0]
        self.pressed_after += 1
        with contextlib.suppress(Refused):
            self._commit(lambda tx: acknowledge(tx, self._clock(), alarm_id, desk))
        self._commit(lambda tx: resolve(tx, self._clock(), alarm_id, desk, "helped_by_phone", None))

    def _call_off(self, story: Story) -> None:
        now = self._clock()
        self._commit(lambda tx: cancel_fall(tx, now, story.caller.device_key, now))
        if self._is_over(story):
            self._end(story)
        else:
            self._answer(story)

    def _is_over(self, story: Story) -> bool:
        found = (
            self._conn().execute("SELECT ended_at IS NOT NULL FROM alarm WHERE id = %s", (story.alarm_id,)).fetchone()
        )
        return found is not None and bool(found[0])

    def _answer(self, story: Story) -> None:
        desks = self._cast.desks
        first = desks[story.planned.number % len(desks)]
        rival = desks[(story.planned.number + 1) % len(desks)]
        if story.planned.disputed and not story.answers:
            won = self._pool.submit(self._acknowledge, story, rival)
            mine = self._acknowledge(story, first)
            # The rival's turn may come after this thread is needed elsewhere: nobody waits for it here.
            won.add_done_callback(lambda done: self._judge(mine, done.result()))
        else:
            mine = self._acknowledge(story, first)
        if mine in ("not_yet_raised",):
            self._in(_SOON, story, self._answer)
        elif mine == "already_ended":
            self._end(story)
        elif story.planned.lapses and len(story.answers) == 1:
            self._in(self._stale + _SOON, story, self._answer_again)
        else:
            self._in(story.planned.resolved_after, story, self._resolve)

    def _judge(self, mine: str, rival: str) -> None:
        if mine == rival == "ok":
            self.won_twice += 1

    def _answer_again(self, story: Story) -> None:
        """What was acknowledged and left alone rings again; until it does, somebody looks again and again."""
        if self._acknowledge(story, self._cast.desks[0]) == "already_acknowledged":
            self._in(_SOON, story, self._answer_again)
        else:
            self._in(story.planned.resolved_after, story, self._resolve)

    def _acknowledge(self, story: Story, actor: int) -> str:
        alarm_id = story.alarm_id or 0

        def do(tx: Transaction) -> None:
            acknowledge(tx, self._clock(), alarm_id, actor)

        try:
            self._commit(do)
        except Refused as refused:
            self.told[refused.code] += 1
            return refused.code
        story.answers.append(time.time())
        return "ok"

    def _resolve(self, story: Story) -> None:
        actor = self._cast.desks[story.planned.number % len(self._cast.desks)]

        def do(tx: Transaction) -> None:
            resolve(tx, self._clock(), story.alarm_id or 0, actor, "helped_by_phone", None)

        try:
            self._commit(do)
        except Refused as refused:
            self.told[refused.code] += 1
            if refused.code == "not_yet_acknowledged":
                self._answer_again(story)
                return
        self._end(story)

    def _end(self, story: Story) -> None:
        with self._changed:
            if story.ended is None:
                story.ended = time.time()
                self._open -= 1
                self._changed.notify()
