"""Which calls for help are shown although the database does not have them, and until when."""

import json
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from control_center.heard import KEPT, MOST_IN_CALL, PATIENCE, Answer, Heard, Identity, Memory, listen
from schemas.topics import device_topic
from tests.unit.control_center.made_cards import NOW

TOPIC = device_topic("B-1", "event")
SECOND = timedelta(seconds=1)


def said(kind: str = "sos", seq: int = 1, at: datetime = NOW, **more: Any) -> bytes:
    """An event as its device writes it."""
    return json.dumps(
        {"v": 1, "boot": "k", "seq": seq, "at": round(at.timestamp() * 1000), "kind": kind, **more}
    ).encode()


def heard(kind: str = "sos", seq: int = 1, at: datetime = NOW, device: str = "B-1") -> Heard:
    """An event as it arrived at once."""
    event = listen(device_topic(device, "event"), said(kind, seq, at), at)
    assert event is not None
    return event


def told(*events: Heard) -> Memory:
    """A memory that has heard of one elder's events."""
    memory = Memory()
    for event in events:
        memory.hear(event, "elder:1", is_test=False)
    return memory


def test_a_call_is_shown_at_once_while_the_database_is_away() -> None:
    memory = told(heard())
    assert [call.key for call in memory.shown(NOW, away=True)] == ["B-1.k.1"]


def test_the_green_button_calls_for_no_help_and_an_unreadable_press_is_no_emergency() -> None:
    assert listen(TOPIC, said("service"), NOW) is None
    unreadable = listen(TOPIC, b'{"kind": "service"}', NOW)
    assert unreadable is not None
    assert (unreadable.kind, unreadable.severity) == ("unreadable_event", "urgent")


def test_a_call_that_is_not_recorded_in_time_is_shown_although_the_database_answers() -> None:
    memory = told(heard())
    assert memory.shown(NOW + PATIENCE - SECOND / 10, away=False) == []
    assert len(memory.shown(NOW + PATIENCE, away=False)) == 1


def test_a_call_stays_until_every_one_of_its_events_is_recorded() -> None:
    memory = told(heard(seq=1), heard(seq=2, at=NOW + SECOND))
    assert len(memory.shown(NOW, away=True)) == 1
    assert not memory.mark_recorded([Identity("B-1", "k", 1)])
    assert len(memory.shown(NOW + SECOND, away=False)) == 1
    assert memory.mark_recorded([Identity("B-1", "k", 2)])
    assert memory.shown(NOW + SECOND, away=True) == []


def test_a_recorded_event_is_not_shown_when_its_device_repeats_it() -> None:
    memory = told(heard())
    memory.mark_recorded([Identity("B-1", "k", 1)])
    assert not memory.hear(heard(at=NOW + SECOND), "elder:1", is_test=False)
    assert memory.shown(NOW + SECOND, away=True) == []


def test_presses_of_one_person_are_one_call_and_other_kinds_are_others() -> None:
    memory = told(heard(seq=1), heard(seq=2), heard("smoke", seq=3), heard(seq=4, device="B-2"))
    assert [(call.kind, len(call.events)) for call in memory.shown(NOW, away=True)] == [("sos", 3), ("smoke", 1)]


def test_a_test_never_takes_in_a_real_press() -> None:
    memory = Memory()
    memory.hear(heard(seq=1), "elder:1", is_test=True)
    memory.hear(heard(seq=2), "elder:1", is_test=False)
    assert [call.is_test for call in memory.shown(NOW, away=True)] == [True, False]


def test_a_fall_that_its_wearer_cancels_leaves_whichever_word_comes_first() -> None:
    cancelled = heard("fall_cancelled", seq=2, at=NOW + 10 * SECOND)
    for words in ((heard("fall"), cancelled), (cancelled, heard("fall"))):
        assert told(*words).shown(NOW + 10 * SECOND, away=True) == []
    late = heard("fall_cancelled", seq=2, at=NOW + 31 * SECOND)
    assert len(told(heard("fall"), late).shown(NOW + 31 * SECOND, away=True)) == 1


def test_a_fall_after_one_that_was_cancelled_is_shown() -> None:
    cancelled = heard("fall_cancelled", seq=2, at=NOW + 10 * SECOND)
    again = heard("fall", seq=3, at=NOW + 60 * SECOND)
    memory = told(heard("fall"), cancelled, again)
    (call,) = memory.shown(NOW + 60 * SECOND, away=True)
    assert call.key == "B-1.k.3"
    assert call.is_candidate(NOW + 89 * SECOND)
    memory.hear(heard("fall_cancelled", seq=4, at=NOW + 70 * SECOND), "elder:1", is_test=False)
    assert memory.shown(NOW + 70 * SECOND, away=True) == []
    assert not memory.hear(heard("fall"), "elder:1", is_test=False)


def test_a_fall_is_a_candidate_for_its_window() -> None:
    (call,) = told(heard("fall")).shown(NOW, away=True)
    assert call.is_candidate(NOW + 29 * SECOND)
    assert not call.is_candidate(NOW + 30 * SECOND)


def test_an_unreadable_event_of_a_device_is_a_call_by_what_it_still_says() -> None:
    for payload, severity in ((b'{"kind":"sos"', "urgent"), (said(v=2), "emergency"), (b"\xff", "urgent")):
        event = listen(TOPIC, payload, NOW)
        assert event is not None
        assert (event.kind, event.severity, event.readable) == ("unreadable_event", severity, False)
        assert event.identity == getattr(listen(TOPIC, payload, NOW + SECOND), "identity", None)


def test_what_is_not_on_a_devices_event_lane_is_no_call() -> None:
    for topic in (device_topic("B-1", "telemetry"), "care/v1/x/B-1/event", "nonsense"):
        assert listen(topic, said(), NOW) is None


def test_a_clock_that_is_far_off_does_not_say_when_it_happened() -> None:
    event = listen(TOPIC, said(at=NOW - timedelta(days=400)), NOW)
    assert event is not None and event.at == NOW


def test_an_answer_of_before_is_known_when_the_event_is_heard_again() -> None:
    memory, answer = Memory(), Answer("e", NOW, 7)
    memory.remember_answers([Identity("B-1", "k", 1)], answer)
    memory.hear(heard(), "elder:1", is_test=False)
    (call,) = memory.shown(NOW, away=True)
    assert call.answer == answer


def test_a_call_that_was_recorded_while_somebody_reached_for_it_can_still_be_found() -> None:
    memory = told(heard())
    memory.shown(NOW, away=True)
    memory.mark_recorded([Identity("B-1", "k", 1)])
    assert memory.find("B-1.k.1") is None
    assert memory.find_gone("B-1.k.1") is not None
    memory.forget(NOW + KEPT + SECOND)
    assert memory.find_gone("B-1.k.1") is None


def test_what_waits_is_never_forgotten_and_what_is_recorded_is() -> None:
    memory = told(heard(seq=1), heard("smoke", seq=2))
    memory.mark_recorded([Identity("B-1", "k", 2)])
    memory.forget(NOW + 48 * KEPT)
    assert [call.kind for call in memory.shown(NOW + 48 * KEPT, away=True)] == ["sos"]
    assert memory.hear(heard("smoke", seq=2), "elder:1", is_test=False)
    assert not memory.hear(heard(seq=1), "elder:1", is_test=False)


def test_a_device_that_calls_without_end_is_counted_and_not_kept() -> None:
    memory = told(*(heard(seq=seq) for seq in range(MOST_IN_CALL + 50)))
    (call,) = memory.shown(NOW, away=True)
    assert (len(call.events), call.further) == (MOST_IN_CALL, 50)


STEPS = st.lists(
    st.tuples(st.sampled_from(["hear", "record", "show"]), st.integers(0, 5), st.sampled_from(["sos", "smoke"])),
    max_size=40,
)


@given(STEPS)
def test_exactly_what_was_heard_and_not_recorded_is_shown(steps: list[tuple[str, int, str]]) -> None:
    memory, waiting, recorded = Memory(), dict[int, str](), set[int]()
    for step, seq, kind in steps:
        if step == "hear" and memory.hear(heard(kind, seq), "elder:1", is_test=False):
            assert seq not in waiting and seq not in recorded
            waiting[seq] = kind
        elif step == "record" and seq in waiting:
            memory.mark_recorded([Identity("B-1", "k", seq)])
            waiting.pop(seq)
            recorded.add(seq)
        shown = memory.shown(NOW, away=True)
        assert {identity.seq for call in shown for identity in call.waiting} == set(waiting)
        assert {call.kind for call in shown} == set(waiting.values())
