"""How somebody is, in one word."""

from datetime import UTC, datetime, timedelta

import pytest

from control_center.wellbeing import Distress, Situation, wellbeing
from schemas.states import AlarmState, ElderState

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
MOVED_IN = NOW - timedelta(days=100)


def ago(minutes: float) -> datetime:
    """So many minutes before now."""
    return NOW - timedelta(minutes=minutes)


def situation(*alarms: Distress, state: ElderState = "home", devices: int = 2, heard: float | None = 1) -> Situation:
    """Somebody at home whose device spoke a minute ago, unless told otherwise."""
    return Situation(state, MOVED_IN, devices, None if heard is None else ago(heard), alarms)


def alarm(
    state: AlarmState,
    raised: float = 30,
    answered: float | None = None,
    sent: float | None = None,
    there: float | None = None,
) -> Distress:
    """An open alarm whose steps were taken so many minutes ago."""
    times = [None if minutes is None else ago(minutes) for minutes in (answered, sent, there)]
    return Distress(state, ago(raised), *times)


UNANSWERED = alarm("raised", 5)
ANSWERED = alarm("acknowledged", 30, 20)
COMING = alarm("dispatched", 30, 20, 10)
THERE = alarm("on_scene", 30, 20, 10, 2)


@pytest.mark.parametrize(
    ("known", "word", "since"),
    [
        (situation(), "fine", None),
        (situation(state="test"), "fine", None),
        (situation(heard=59), "fine", None),
        (situation(heard=60), "quiet", ago(60)),
        (situation(heard=None), "quiet", None),
        (situation(devices=0, heard=None), "no_device", None),
        (situation(state="hospital"), "away", MOVED_IN),
        (situation(state="travelling", heard=600), "away", MOVED_IN),
        (situation(state="deceased", devices=0, heard=None), "away", MOVED_IN),
        (situation(UNANSWERED), "alarm", ago(5)),
        (situation(ANSWERED), "being_handled", ago(20)),
        (situation(COMING), "help_coming", ago(10)),
        (situation(THERE), "help_there", ago(2)),
    ],
)
def test_everything_that_is_known_comes_to_one_word(known: Situation, word: str, since: datetime | None) -> None:
    assert wellbeing(known, NOW) == (word, since)


def test_an_alarm_outweighs_whereabouts_devices_and_silence() -> None:
    assert wellbeing(situation(UNANSWERED, state="hospital", devices=0, heard=None), NOW)[0] == "alarm"


@pytest.mark.parametrize(
    ("alarms", "word"),
    [
        ((THERE, COMING), "help_coming"),
        ((COMING, ANSWERED, THERE), "being_handled"),
        ((THERE, UNANSWERED, ANSWERED), "alarm"),
    ],
)
def test_of_several_alarms_the_one_with_the_least_help_decides(alarms: tuple[Distress, ...], word: str) -> None:
    assert wellbeing(situation(*alarms), NOW)[0] == word


def test_of_several_alarms_alike_the_first_says_since_when() -> None:
    assert wellbeing(situation(UNANSWERED, alarm("raised", 50)), NOW) == ("alarm", ago(50))


def test_an_alarm_that_rings_again_keeps_the_help_that_is_on_its_way() -> None:
    assert wellbeing(situation(alarm("raised", 30, 20, 10)), NOW) == ("help_coming", ago(10))
    assert wellbeing(situation(alarm("raised", 30, 20, 10, 2)), NOW) == ("help_there", ago(2))
    assert wellbeing(situation(alarm("raised", 30, 20)), NOW) == ("alarm", ago(30))
