"""A screen's queue: bounded, in order, and honest about what it has seen."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from control_center.board import Batch, Missed, Snapshot
from control_center.cards import AlarmCard
from control_center.changes import FeedEvent
from control_center.frames import BatchFrames, Pulse
from control_center.presence import DeviceCount
from control_center.screens import Phase, Screen
from control_center.seats import Seat
from control_center.subjects import Key
from control_center.witness import Witness
from schemas.states import AlarmState
from tests.unit.control_center.made_cards import NOW, alarm_card

OPERATOR = Seat(1, b"operator", "staff")
PULSE = Pulse(NOW, DeviceCount(online=1, total=2), stale=False)


def batch(*events: tuple[int, str, int], state: AlarmState = "raised", audience: tuple[int, ...] = (1,)) -> BatchFrames:
    """Events (id, step, alarm), the state that all their cards are in now, and the accounts that see them."""
    alarms = {Key("alarm", alarm) for _, _, alarm in events}
    return BatchFrames(
        Batch(
            epoch="e",
            last_id=events[-1][0],
            at=NOW,
            events=tuple(
                FeedEvent(number, NOW, f"alarm.{step}", (Key("alarm", alarm),), None) for number, step, alarm in events
            ),
            cards={key: alarm_card(key.id, state) for key in alarms},
            audience=frozenset((key, account) for key in alarms for account in audience),
        )
    )


def board(*alarms: int) -> dict[Key, AlarmCard]:
    """Alarms on a board."""
    return {Key("alarm", alarm): alarm_card(alarm) for alarm in alarms}


def opened(last_id: int = 10, *shown: int, limit: int = 256) -> Screen:
    """A screen that has been given its snapshot."""
    screen = Screen(OPERATOR, limit)
    screen.start_reading()
    screen.show(Snapshot("e", "scope", last_id, NOW, board(*shown)))
    return screen


def is_behind(screen: Screen) -> bool:
    """Whether the screen needs the board read anew."""
    return screen.phase is Phase.BEHIND


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run to the end, at most a second."""
    return asyncio.run(asyncio.wait_for(work, 1))


async def _next(screen: Screen) -> Any:
    text = await screen.next()
    return json.loads(text) if text else None


def drain(screen: Screen, count: int) -> list[Any]:
    """The next frames."""
    return [run(_next(screen)) for _ in range(count)]


def told(frames: list[Any]) -> list[tuple[Any, ...]]:
    """Type, id and event or reason of frames."""
    return [(frame["type"], frame["id"], frame.get("event") or frame.get("reason")) for frame in frames]


def test_every_transition_is_a_frame_of_its_own() -> None:
    screen = opened()
    screen.take(batch((11, "raised", 7), (12, "signalled", 7), (13, "escalated", 7)))
    assert told(drain(screen, 4)) == [
        ("snapshot", 10, None),
        ("card", 11, "raised"),
        ("card", 12, "signalled"),
        ("card", 13, "escalated"),
    ]


def test_an_alarm_raised_and_ended_at_once_ends_removed() -> None:
    screen = opened()
    screen.take(batch((11, "raised", 7), (12, "noted", 7), (13, "resolved", 7), (14, "noted", 7), state="resolved"))
    assert told(drain(screen, 4))[1:] == [("card", 11, "raised"), ("card", 12, "noted"), ("remove", 13, "ended")]
    screen.take(batch((15, "closed", 7), state="closed"))
    screen.tick(PULSE)
    assert told(drain(screen, 1)) == [("tick", 15, None)]


def test_a_card_out_of_scope_is_removed_only_where_it_was_shown() -> None:
    screen = opened(10, 7)
    screen.take(batch((11, "noted", 7), (12, "raised", 8), audience=(2,)))
    screen.take(batch((13, "noted", 7), audience=(2,)))
    screen.tick(PULSE)
    frames = drain(screen, 3)
    assert told(frames)[1:] == [("remove", 11, "out_of_scope"), ("tick", 13, None)]
    assert frames[1]["card"] is None


def test_events_during_the_reading_follow_the_snapshot_once() -> None:
    screen = Screen(OPERATOR)
    screen.take(batch((9, "raised", 5)))
    screen.start_reading()
    screen.take(batch((10, "raised", 6)))
    screen.take(batch((11, "raised", 7), (12, "raised", 8)))
    screen.show(Snapshot("e", "scope", 11, NOW, board(5, 6, 7)))
    assert told(drain(screen, 2)) == [("snapshot", 11, None), ("card", 12, "raised")]


def test_a_full_queue_is_dropped_for_a_snapshot() -> None:
    screen = opened(10, limit=3)
    screen.take(batch((11, "raised", 7), (12, "raised", 8)))
    assert not is_behind(screen)
    screen.take(batch((13, "raised", 9)))
    assert is_behind(screen)
    assert run(screen.next()) is None
    screen.take(batch((14, "raised", 9)))
    screen.start_reading()
    screen.show(Snapshot("e", "scope", 14, NOW, board(9)))
    assert told(drain(screen, 1)) == [("snapshot", 14, None)]


def test_a_screen_that_falls_behind_while_reading_forgets_what_it_read() -> None:
    screen = Screen(OPERATOR)
    screen.start_reading()
    screen.fall_behind()
    screen.show(Snapshot("e", "scope", 10, NOW, {}))
    screen.catch_up(Missed("scope", batch((11, "raised", 7)).batch, frozenset({Key("alarm", 7)})))
    assert is_behind(screen)
    assert not screen.opened


def test_a_failed_reading_is_tried_again_at_the_next_tick() -> None:
    screen = Screen(OPERATOR)
    screen.start_reading()
    screen.reading_failed()
    assert not is_behind(screen)
    screen.tick(PULSE)
    assert run(screen.next()) is None
    assert is_behind(screen)


def test_a_tick_comes_after_everything_before_it_and_only_the_newest_is_sent() -> None:
    screen = opened()
    screen.tick(PULSE)
    screen.tick(Pulse(NOW, DeviceCount(online=2, total=2), stale=True))
    screen.take(batch((11, "raised", 7)))
    frames = drain(screen, 3)
    assert told(frames) == [("snapshot", 10, None), ("card", 11, "raised"), ("tick", 11, None)]
    assert (frames[2]["stale"], frames[2]["live"]) == (True, {"devices_online": 2, "devices_total": 2})


def test_a_closing_screen_sends_nothing_more() -> None:
    screen = opened()
    screen.close(4401)
    assert run(screen.next()) is None


def test_a_card_is_written_once_for_all_screens() -> None:
    frames = batch((11, "raised", 7), audience=(1, 2))
    (first,) = frames.for_screen(OPERATOR, set(), 10, Witness(1))
    (second,) = frames.for_screen(Seat(2, b"other", "staff"), set(), 10, Witness(2))
    assert first is second


def listed(*keys: str) -> str:
    """A list of calls that are not recorded, as far as a screen looks at it."""
    return json.dumps({"type": "unrecorded", "id": 0, "event": ",".join(keys) or "none"})


def test_calls_that_are_not_recorded_go_before_everything_else_and_only_the_newest_list() -> None:
    screen = opened()
    screen.take(batch((11, "raised", 7)))
    screen.show_unrecorded(listed("a"), shows_any=True)
    screen.show_unrecorded(listed("a", "b"), shows_any=True)
    assert told(drain(screen, 3)) == [("unrecorded", 0, "a,b"), ("snapshot", 10, None), ("card", 11, "raised")]


def test_calls_are_sent_to_a_screen_whose_board_cannot_be_read() -> None:
    screen = Screen(OPERATOR)
    screen.show_unrecorded(listed("a"), shows_any=True)
    screen.fall_behind()
    assert told(drain(screen, 1)) == [("unrecorded", 0, "a")]
    screen.start_reading()
    screen.reading_failed()
    screen.tick(Pulse(NOW, DeviceCount(online=0, total=0), stale=True))
    assert run(screen.next()) is None, "it tries to read again first"
    screen.start_reading()
    screen.reading_failed()
    assert told(drain(screen, 1)) == [("tick", 0, None)], "a sign of life keeps the socket"


def test_an_empty_list_is_told_to_those_who_were_shown_something() -> None:
    screen = opened()
    screen.show_unrecorded(listed(), shows_any=False)
    assert told(drain(screen, 1)) == [("snapshot", 10, None)]
    screen.show_unrecorded(listed("a"), shows_any=True)
    screen.show_unrecorded(listed(), shows_any=False)
    assert told(drain(screen, 1)) == [("unrecorded", 0, "none")]
