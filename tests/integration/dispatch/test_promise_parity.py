"""The report's SQL and the clocks' own decisions agree about every alarm, and engines that look at once tell once."""

import math
import random
import threading
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from dispatch import pauses
from dispatch.compliance import Period, read_tallies
from dispatch.engine import Engine
from dispatch.promises import CLOCKS, PROMISES, own_round
from dispatch.publisher import CommandPublisher
from dispatch.refusals import Refused
from dispatch.reviews import sweep_promises
from schemas.database import connect, row, transaction
from schemas.settings import MqttAddress
from tests.integration.dispatch.callout import SECOND, Callout
from tests.integration.district import Connection

KINDS: Final = ("sos", "vitals", "leak", "smoke")
SECONDS: Final = {
    "emergency": dict(zip(PROMISES, (60, 180, 300, 900, 7200), strict=True)),
    "urgent": dict(zip(PROMISES, (180, 900, 1200, 3600, 14400), strict=True)),
}


@pytest.fixture
def callout(conn: Connection, now: datetime) -> Callout:
    """An elder, an operator and a worker."""
    made = Callout(conn, now)
    made.add_worker("王", 100)
    return made


def _live(callout: Callout, chance: random.Random, now: datetime) -> datetime:
    """Some hours in which alarms ring, get worse, are answered, paused, sent to and ended; returns when they end."""
    for _ in range(250):
        now += timedelta(seconds=chance.choice((1, 7, 60, 200, 700)), milliseconds=chance.randint(0, 999))
        open_ones = [found[0] for found in callout.conn.execute("SELECT id FROM alarm WHERE ended_at IS NULL")]
        try:
            match chance.choice(("raise", "answer", "answer", "send", "pause", "resume", "resolve", "look")):
                case "raise":
                    severity: Any = chance.choice(("urgent", "emergency"))
                    kind: Any = chance.choice(KINDS)
                    callout.raise_(now, kind, severity)
                case "look":
                    with transaction(callout.conn) as tx:
                        sweep_promises(tx, now)
                case doing if open_ones:
                    _do(callout, doing, chance.choice(open_ones), now)
        except (Refused, AssertionError):
            """Not everything fits every state; a vitals alarm that was answered lately stays quiet."""
    return now


def _do(callout: Callout, doing: str, alarm_id: int, now: datetime) -> None:
    if doing in ("answer", "send", "resolve"):
        {"answer": callout.acknowledge, "send": callout.send, "resolve": callout.resolve}[doing](now, alarm_id)
        return
    with transaction(callout.conn) as tx:
        if doing == "pause":
            pauses.pause(tx, now, alarm_id, callout.operator, "no_access", 20, None)
        else:
            pauses.resume(tx, now, alarm_id, callout.operator)


@pytest.mark.parametrize("seed", range(4))
def test_the_report_says_what_the_clocks_say(seed: int, callout: Callout, now: datetime) -> None:
    end = _live(callout, random.Random(seed), now)
    tallies = read_tallies(callout.conn, end, Period(now, end, ["500109001"]), "kind")
    reported = {
        (tally.key, tally.measure, tally.for_help): (tally.decided, tally.broken, sorted(tally.tenths))
        for tally in tallies
    }
    decided: Counter[tuple[str | None, str, bool]] = Counter()
    broken: Counter[tuple[str | None, str, bool]] = Counter()
    tenths: defaultdict[tuple[str | None, str, bool], list[int]] = defaultdict(list)

    def count(
        about: tuple[str | None, str, bool], due: datetime, met: datetime | None, stood: datetime, s: int
    ) -> None:
        if met is None and stood <= due:
            return
        decided[about] += 1
        broken[about] += stood > due
        if met is not None:
            tenths[about].append(math.ceil((s * 1_000_000 + (stood - due) / timedelta(microseconds=1)) / 100_000))

    for alarm_id, kind in callout.conn.execute("SELECT id, kind FROM alarm").fetchall():
        alarm = row(callout.conn, CLOCKS, {"id": alarm_id})
        assert alarm is not None
        for clock in own_round(alarm, end):
            seconds = SECONDS[alarm["severity"]][clock.promise]
            about = (kind, clock.promise, alarm["severity"] == "emergency")
            count(about, clock.due_at, clock.met_at, clock.stands_at, seconds)
    for kind, promise, severity, seconds, due, met, stood in callout.conn.execute(
        "SELECT kind, promise, earlier.severity, seconds, earlier.due_at, met_at, stood_at"
        " FROM earlier_promise AS earlier JOIN alarm ON alarm.id = alarm_id"
    ).fetchall():
        count((kind, promise, severity == "emergency"), due, met, stood, seconds)
    assert reported == {about: (decided[about], broken[about], sorted(tenths[about])) for about in decided}
    assert sum(broken.values()) > 3 and sum(map(len, tenths.values())) > 10
    with transaction(callout.conn) as tx:
        sweep_promises(tx, end + timedelta(microseconds=1))
    told = callout.conn.execute("SELECT count(*) FROM task WHERE kind = 'breach_review'").fetchone()
    assert told == (sum(broken.values()),)


def test_engines_that_look_at_once_tell_of_each_breach_once(callout: Callout, database_url: str, now: datetime) -> None:
    for _ in range(60):
        alarm_id = callout.raise_(now)
        callout.conn.execute(
            "UPDATE alarm SET ended_at = %s, state = 'cancelled', due_at = NULL, due_reason = NULL WHERE id = %s",
            (now + 70 * SECOND, alarm_id),
        )
    started = threading.Barrier(3)

    def look() -> None:
        with connect(database_url, "test") as conn:
            started.wait()
            while True:
                with transaction(conn) as tx:
                    if sweep_promises(tx, now + 80 * SECOND, 7) == 0:
                        return

    engines = [threading.Thread(target=look) for _ in range(3)]
    for engine in engines:
        engine.start()
    for engine in engines:
        engine.join()
    told = callout.conn.execute("SELECT count(*), count(DISTINCT alarm_id) FROM alarm_event WHERE kind = 'breached'")
    assert told.fetchone() == (60, 60)
    tasks = callout.conn.execute("SELECT count(*), count(DISTINCT about) FROM task WHERE kind = 'breach_review'")
    assert tasks.fetchone() == (60, 60)


def test_the_engine_tells_of_breaches_and_ends_pauses(callout: Callout, database_url: str, now: datetime) -> None:
    broken, paused = callout.raise_(now), callout.taken(now, "smoke")
    _do(callout, "pause", paused, now + SECOND)
    late = now + timedelta(minutes=25)
    engine = Engine(database_url, CommandPublisher(MqttAddress("mqtt://127.0.0.1:1")), lambda: late)
    engine.sweep(callout.conn)
    told = {found[0] for found in callout.conn.execute("SELECT alarm_id FROM task WHERE kind = 'breach_review'")}
    assert broken in told
    assert callout.alarm("paused_at", paused) == (None,) and "resumed" in callout.story(paused)
