"""Plans are made beside the engine, in a process of their own: solving takes minutes and a core.

A thread claims a plan under a lease, reads the day, has the solver make a plan of it, and carries it out. An engine
that dies loses its lease and nothing else.
"""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Final

import msgspec
import psycopg
import structlog
from prometheus_client import Counter, Histogram
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from dispatch.day_plans.applying import apply_some, free_moved
from dispatch.day_plans.checking import fault_of
from dispatch.day_plans.problem import LeftOut, PlannedVisit, problem_of, visits_of
from dispatch.day_plans.reading import DayRows, read_day
from dispatch.planning.format import BadFormat, Plan, Problem, decode_plan, encode
from schemas.clock import Clock
from schemas.database import Row, Transaction, connect, transaction
from schemas.district_time import DISTRICT_TIME, day_bounds
from schemas.process import StopSignal
from schemas.statements import statement

LOOK_SECONDS: Final = 5.0
GRACE: Final = timedelta(minutes=4)
"""Over the seconds that a plan may take to solve: reading, routing, writing; then another engine tries."""
TRIES: Final = 3
SOLVED = Counter("anban_day_plans_total", "Plans of days, by what became of them", ["outcome"])
SOLVING = Histogram("anban_day_plan_seconds", "Time to solve the plan of a day", buckets=(1, 5, 15, 30, 60, 120, 300))
log = structlog.get_logger()

CLAIM = statement("""
    UPDATE day_plan
    SET state = CASE WHEN state = 'applying' THEN 'applying' ELSE 'solving' END, tries = tries + 1,
        due_at = %(now)s::timestamptz + make_interval(secs => seconds) + %(grace)s::interval
    WHERE id = (
        SELECT id FROM day_plan WHERE due_at <= %(now)s::timestamptz ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, org_code, day, state, seconds, seed, at_once, tries, due_at
""")
# Whoever lost the lease writes nothing.
KEEP = statement("""
    UPDATE day_plan
    SET state = CASE WHEN at_once THEN 'applying' ELSE 'ready' END, figures = %(figures)s::jsonb,
        solved_at = %(now)s::timestamptz, due_at = CASE WHEN at_once THEN %(now)s::timestamptz + %(grace)s::interval END
    WHERE id = %(id)s::bigint AND state = 'solving' AND due_at = %(lease)s::timestamptz
    RETURNING due_at
""")
KEEP_VISITS = statement("""
    INSERT INTO day_plan_visit (plan_id, order_id, worker_id, planned_at, pickup_at, reason)
    SELECT %(plan_id)s::bigint, told.*
    FROM unnest(%(order_ids)s::bigint[], %(worker_ids)s::integer[], %(planned)s::timestamptz[],
                %(pickups)s::timestamptz[], %(reasons)s::text[]) AS told
""")
DONE = statement("""
    UPDATE day_plan SET state = 'applied', applied_at = %(now)s::timestamptz, due_at = NULL
    WHERE id = %(id)s::bigint AND state = 'applying'
""")
FAILED = statement("""
    UPDATE day_plan
    SET state = CASE WHEN %(final)s::boolean THEN 'failed' ELSE 'queued' END, error = %(error)s::text,
        due_at = CASE WHEN NOT %(final)s::boolean THEN %(again)s::timestamptz END
    WHERE id = %(id)s::bigint AND due_at = %(lease)s::timestamptz
""")

Solver = Callable[[Problem, int, int], Plan]
"""Makes a plan of a problem within so many seconds from a seed. Raises SolverFailed."""


def search_seconds(jobs: int, most: int) -> int:
    """How long a plan of so many jobs is looked for: a large one takes all of `most`, a small one less; pure."""
    return min(most, 3 + jobs * 60 // 1000)


class SolverFailed(Exception):
    """No plan was made; the text says why."""


@dataclass(frozen=True)
class Claimed:
    """A plan that this engine makes or carries out until its lease is over."""

    id: int
    org_code: str
    state: str
    seconds: int
    seed: int
    tries: int
    lease: datetime
    noon: datetime
    """A moment of its day."""


def solve_apart(problem: Problem, seconds: int, seed: int, *, osrm_url: str | None = None) -> Plan:
    """Have a process of its own make a plan, which may take up to two minutes longer than the solver is given.

    Of the settings it is told where OSRM answers, and nothing else. Of what it warns of the log tells. Raises
    SolverFailed.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANBAN_")}
    if osrm_url is not None:
        environment["ANBAN_OSRM_URL"] = osrm_url
    with tempfile.TemporaryDirectory(prefix="anban-plan-") as folder:
        given, made = Path(folder) / "problem.json", Path(folder) / "plan.json"
        given.write_bytes(encode(problem))
        command: Sequence[str] = (
            sys.executable, "-m", "dispatch.planning", str(given), str(made), "--seconds", str(seconds),
            "--seed", str(seed),
        )  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, timeout=seconds + 120, check=False, env=environment)
            said = done.stderr.decode(errors="replace")
            if done.returncode != 0:
                raise SolverFailed(said[-500:] or f"exit code {done.returncode}")
            warned = [line for line in said.splitlines() if "warning:" in line.lower()]
            if warned:
                log.warning("solver_warned", problem=problem.name, warnings=warned[:20])
            return decode_plan(made.read_bytes())
        except subprocess.TimeoutExpired:
            raise SolverFailed(f"no plan after {seconds + 120} s") from None
        except (OSError, BadFormat) as fault:
            raise SolverFailed(str(fault)) from None


class PlanMaker:
    """Makes the plans that are asked for, one at a time, in a thread beside the engine."""

    def __init__(self, database_url: str, clock: Clock, solver: Solver = solve_apart) -> None:
        self._url = database_url
        self._clock = clock
        self._solver = solver
        self._stop: StopSignal | None = None

    def start(self, stop: StopSignal) -> None:
        """Begin, until the process is told to stop."""
        self._stop = stop
        threading.Thread(target=self._run, name="planning days", daemon=True).start()

    def wake(self) -> None:
        """Plans are not in a hurry: they are looked for every few seconds."""

    def _run(self) -> None:
        while self._stop is not None and not self._stop.is_set():
            try:
                with connect(self._url, "dispatch-plans") as conn:
                    while not self._stop.is_set():
                        if not self.make_one(conn):
                            self._stop.wait(LOOK_SECONDS)
            except psycopg.OperationalError as error:
                log.warning("interrupted", work="planning days", error=str(error))
                self._stop.wait(1.0)
            except Exception:
                log.exception("failed", work="planning days")
                self._stop.wait(LOOK_SECONDS)

    def make_one(self, conn: psycopg.Connection[TupleRow]) -> bool:
        """Make and carry out the plan that is due first; returns False when none is."""
        with transaction(conn) as tx:
            claimed = _claimed(tx.row(CLAIM, {"now": self._clock(), "grace": GRACE}))
        if claimed is None:
            return False
        if claimed.state == "solving" and claimed.tries > TRIES:
            self._fail(conn, claimed, "whoever made it ended in the middle")
            return True
        try:
            if claimed.state == "solving" and not self._solve(conn, claimed):
                return True
        except SolverFailed as fault:
            self._fail(conn, claimed, str(fault))
            return True
        carry_out(conn, self._clock, claimed.id)
        return True

    def _solve(self, conn: psycopg.Connection[TupleRow], claimed: Claimed) -> bool:
        """Returns whether the plan is to be carried out now."""
        with transaction(conn) as tx:
            rows = read_day(tx, self._clock(), claimed.org_code, claimed.noon)
        problem = problem_of(rows, f"{claimed.org_code} {rows.day}")
        with SOLVING.time():
            plan = self._solver(problem, search_seconds(len(problem.jobs), claimed.seconds), claimed.seed)
        fault = fault_of(problem, plan)
        if fault is not None:
            raise SolverFailed(fault)
        with transaction(conn) as tx:
            return _keep(tx, self._clock(), claimed, rows, plan)

    def _fail(self, conn: psycopg.Connection[TupleRow], claimed: Claimed, why: str) -> None:
        now, final = self._clock(), claimed.tries >= TRIES
        log.error("day_plan_failed", plan=claimed.id, tries=claimed.tries, error=why)
        SOLVED.labels("failed").inc()
        told = {"id": claimed.id, "lease": claimed.lease, "error": why.replace("\x00", "")[:500]}
        with transaction(conn) as tx:
            tx.execute(FAILED, {**told, "final": final, "again": now + timedelta(seconds=30)})


def carry_out(conn: psycopg.Connection[TupleRow], clock: Clock, plan_id: int) -> None:
    """Carry out a plan that is to be applied, to its end."""
    with transaction(conn) as tx:
        free_moved(tx, clock(), plan_id)
    left = 1
    while left:
        with transaction(conn) as tx:
            left = apply_some(tx, clock(), plan_id)
    with transaction(conn) as tx:
        if tx.execute(DONE, {"id": plan_id, "now": clock()}):
            SOLVED.labels("applied").inc()


def _claimed(row: Row | None) -> Claimed | None:
    if row is None:
        return None
    noon = datetime.combine(row["day"], time(12), DISTRICT_TIME)
    return Claimed(
        row["id"], row["org_code"], row["state"], row["seconds"], row["seed"], row["tries"], row["due_at"], noon
    )


def _keep(tx: Transaction, now: datetime, claimed: Claimed, rows: DayRows, plan: Plan) -> bool:
    figures = Jsonb(msgspec.to_builtins(plan.figures))
    lease = {"id": claimed.id, "lease": claimed.lease, "now": now, "grace": GRACE}
    kept = tx.row(KEEP, {**lease, "figures": figures})
    if kept is None:
        return False
    visits, left_out = visits_of(plan, rows.orders, day_bounds(claimed.noon)[0])
    tx.execute(KEEP_VISITS, {"plan_id": claimed.id, **_columns(visits, left_out)})
    SOLVED.labels("solved").inc()
    return kept["due_at"] is not None


def _columns(visits: Sequence[PlannedVisit], left_out: Sequence[LeftOut]) -> dict[str, list[object]]:
    empty = [None] * len(left_out)
    return {
        "order_ids": [*(visit.order_id for visit in visits), *(one.order_id for one in left_out)],
        "worker_ids": [*(visit.worker_id for visit in visits), *empty],
        "planned": [*(visit.planned_at for visit in visits), *empty],
        "pickups": [*(visit.pickup_at for visit in visits), *empty],
        "reasons": [*(None for _ in visits), *(one.reason for one in left_out)],
    }
