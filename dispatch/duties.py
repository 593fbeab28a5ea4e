"""What an engine does: sweeps of what is due, alarms first, and looks at the whole that need a thread each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from prometheus_client import Counter, Gauge

from dispatch import (
    call_deadlines,
    claims,
    commands,
    escalation,
    groups,
    home_sweep,
    order_deadlines,
    responders,
    reviews,
    tasks,
    water_sweep,
)
from dispatch.day_plans import asking
from dispatch.ingest_watch import WATCH_SECONDS, watch_ingest
from dispatch.pool import watching
from dispatch.service import fraud
from dispatch.service_level import breaches, handing_over, lateness
from dispatch.shift_checks import CHECK_SECONDS, check_rotas
from dispatch.sources import alarm_orders, care_plans, green_button, scheduling
from dispatch.standings import STANDING_SECONDS, take_stock
from dispatch.sweeping import MATCHING_BATCH, Sweep
from schemas.database import Transaction

BATCH: Final = 200
STEPS_AT_ONCE: Final = 25
"""Steps of alarms in one transaction: until it ends nobody is called by any of them, and whoever answers one waits."""
Act = Callable[[Transaction, datetime, int], int]
"""Acts on at most so many rows that are due at the moment, and returns how many it dealt with."""


@dataclass(frozen=True)
class Duty:
    """A sweep of at most `limit` rows in one transaction, and what is counted of it."""

    name: str
    act: Act
    rows: Sweep | None
    """None for rows that are changed all at once and have no step of their own that could fail."""
    limit: int
    done: Counter
    overdue: Gauge


@dataclass(frozen=True)
class Look:
    """What is done every so many seconds in a transaction of its own, beside the sweeps."""

    name: str
    seconds: float
    work: Callable[[Transaction, datetime], object]


def duty(name: str, plural: str, act: Act, rows: Sweep | None, limit: int = BATCH) -> Duty:
    """A duty with its metrics `anban_<name>_steps_total` and `anban_<plural>_overdue`."""
    done = Counter(f"anban_{name}_steps_total", f"Rows acted on that were due: {plural}")
    overdue = Gauge(f"anban_{plural}_overdue", f"Rows more than ten seconds past their time without action: {plural}")
    return Duty(name, act, rows, limit, done, overdue)


# Swept until nothing is due, before and between the rest: an alarm waits for nobody.
FIRST: Final = (
    duty("alarm", "alarms", escalation.sweep_deadlines, escalation.SWEEP, STEPS_AT_ONCE),
    duty("search", "searches", responders.sweep_searches, responders.SWEEP, MATCHING_BATCH),
)
# One batch a turn each, and then those above again.
THEN: Final = (
    duty("claim", "claims", claims.sweep_claims, None),
    duty("group", "ungrouped_alarms", groups.sweep_groups, groups.SWEEP),
    duty("provider", "providers", watching.sweep_providers, watching.PROVIDERS, MATCHING_BATCH),
    duty("worker", "workers", watching.sweep_workers, watching.WORKERS, MATCHING_BATCH),
    duty("order", "orders", order_deadlines.sweep_orders, order_deadlines.SWEEP, MATCHING_BATCH),
    duty("late_visit", "late_visits", handing_over.sweep_late, handing_over.SWEEP, MATCHING_BATCH),
    duty("schedule", "schedules", scheduling.sweep_schedules, scheduling.SWEEP, MATCHING_BATCH),
    duty("service_request", "service_requests", green_button.sweep_requests, green_button.SWEEP, MATCHING_BATCH),
    duty("care_plan", "care_plans", care_plans.sweep_plans, care_plans.SWEEP),
    duty("alarm_order", "alarm_orders", alarm_orders.sweep_alarm_orders, alarm_orders.SWEEP, MATCHING_BATCH),
    duty("home", "homes", home_sweep.sweep_homes, home_sweep.SWEEP),
    duty("water", "meters", water_sweep.sweep_meters, water_sweep.SWEEP),
    duty("task", "tasks", tasks.sweep_overdue, tasks.SWEEP),
    duty("promise", "promises", reviews.sweep_promises, reviews.SWEEP, reviews.BATCH),
    duty("visit_promise", "visit_promises", breaches.sweep_visit_promises, breaches.SWEEP, breaches.BATCH),
    duty("visit", "visits", fraud.sweep_visits, fraud.SWEEP),
    duty("command", "commands", commands.settle, commands.SWEEP),
    duty("call", "calls", call_deadlines.sweep_calls, call_deadlines.SWEEP),
)
BESIDE: Final = (
    Look("watching_ingest", WATCH_SECONDS, watch_ingest),
    Look("checking_rotas", CHECK_SECONDS, check_rotas),
    Look("taking_stock", STANDING_SECONDS, take_stock),
    Look("asking_for_plans", asking.ASK_SECONDS, asking.ask_when_due),
    Look("foretelling", lateness.FORECAST_SECONDS, lateness.look_ahead),
)
