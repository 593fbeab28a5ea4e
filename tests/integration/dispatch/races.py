"""Acts of several people at the same moment, each on a connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from dispatch.refusals import Refused
from schemas.database import Transaction, connect, transaction
from tests.integration.district import Connection
from tests.integration.waiting import eventually

Act = Callable[[Transaction], object]
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'anban-second' AND wait_event_type = 'Lock'"


def told(conn: Connection, act: Act) -> object:
    """What somebody is told who acts: the answer, or the code of the refusal."""
    try:
        with transaction(conn) as tx:
            return act(tx)
    except Refused as refused:
        return refused.code


def at_once(url: str, *acts: Act) -> list[object]:
    """Let everybody go at the same moment; returns what each was told. Who comes first is left to chance."""
    barrier = Barrier(len(acts))

    def run(act: Act) -> object:
        with connect(url, "racer") as conn:
            barrier.wait(10)
            return told(conn, act)

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts, timeout=30))


def overtaken(url: str, watcher: Connection, first: Act, second: Act) -> tuple[object, object]:
    """Let the second act while the first one's transaction is open, and wait for it; returns what each was told."""
    with connect(url, "first") as one, connect(url, "second") as other, ThreadPoolExecutor(1) as pool:
        with transaction(one) as tx:
            won = first(tx)
            late = pool.submit(told, other, second)
            eventually(lambda: watcher.execute(WAITING).fetchone() == (1,), what="the second to wait for the first")
        return won, late.result(10)
