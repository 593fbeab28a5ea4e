"""An old board and the frames since then are the new board, whoever looks and whatever happens."""

from typing import Any, Final

import pytest

from tests.integration.control_center.conftest import Served
from tests.integration.control_center.hands import Hands
from tests.integration.control_center.random_day import WORKERS, RandomDay
from tests.integration.control_center.screen import Frame, RemoteScreen
from tests.integration.control_center.test_feed_scope import account_changed, newest_event
from tests.integration.district import Connection

MEMBERS: Final = ("operator", "street_operator", "outsider", "family_of_gui", "family_of_chen", *WORKERS)
HAPPENED: Final = {
    "alarm.raised",
    "alarm.dispatched",
    "alarm.claimed",
    "alarm.claim_ended",
    "alarm.grouped",
    "order.requested",
    "order.accepted",
    "order.completed",
    "offer.made",
    "offer.accepted",
    "offer.withdrawn",
    "elder.changed",
    "call.queued",
    "call.answered",
    "call.identified",
    "call.missed",
}
"""What no seed may leave out."""


def without_time(boards: dict[str, dict[int, Frame]]) -> dict[str, dict[int, Any]]:
    """The boards without what changes by the clock alone."""
    for card in (*boards["alarm"].values(), *boards["order"].values()):
        for promise in card["sla"].values():
            if promise:
                promise.pop("breached", None)
    return boards


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_old_board_and_frames_make_the_new_board(seed: int, served: Served, conn: Connection) -> None:
    day = RandomDay(seed, Hands(conn, served.cast, served.clock))
    screens = {member: RemoteScreen(served.port, served.cast.cookie(member)) for member in MEMBERS}
    for screen in screens.values():
        screen.take()
    day.open()
    for round_number in range(10):
        for _ in range(day.choice.randint(1, 40)):
            day.step()
        if round_number == 5:
            account_changed(conn, served, "operator")
        last = newest_event(conn)
        for member in MEMBERS:
            if day.choice.random() < (0.1 if member in WORKERS else 0.4):
                screens[member] = screens[member].again()
            screens[member].until_event(last)
            with RemoteScreen(served.port, served.cast.cookie(member)) as fresh:
                fresh.take()
                assert without_time(screens[member].boards) == without_time(fresh.boards), (member, round_number)
    for screen in screens.values():
        screen.close()
    kinds = {kind for (kind,) in conn.execute("SELECT DISTINCT kind FROM event")}
    assert HAPPENED - kinds == set()
