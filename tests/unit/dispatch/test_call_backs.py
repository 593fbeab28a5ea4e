"""After which alarms somebody calls back, and until when."""

from datetime import UTC, datetime, time
from typing import get_args

import pytest

from dispatch.call_backs import needs_call_back, next_day
from schemas.states import CALLED_BACK, Outcome, Severity


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_after_an_emergency_somebody_calls_back_unless_nobody_needed_help(outcome: Outcome) -> None:
    asked = needs_call_back("emergency", outcome, is_test=False, somebody=True)
    assert asked == (outcome not in ("false_alarm", "device_fault", "test_call"))
    assert asked == (outcome in CALLED_BACK)


@pytest.mark.parametrize("severity", ["urgent", "advisory", "technical"])
def test_after_a_lesser_alarm_only_who_was_taken_away_is_called(severity: Severity) -> None:
    asked = {o for o in get_args(Outcome) if needs_call_back(severity, o, is_test=False, somebody=True)}
    assert asked == {"ambulance_called", "hospital"}


def test_nobody_is_called_after_a_test_nor_where_nobody_is_known() -> None:
    assert not needs_call_back("emergency", "hospital", is_test=True, somebody=True)
    assert not needs_call_back("emergency", "hospital", is_test=False, somebody=False)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        # 23:30 and 00:30 in the district are two different days.
        (datetime(2026, 11, 22, 15, 30, tzinfo=UTC), datetime(2026, 11, 23, 10, 0, tzinfo=UTC)),
        (datetime(2026, 11, 22, 16, 30, tzinfo=UTC), datetime(2026, 11, 24, 10, 0, tzinfo=UTC)),
    ],
)
def test_the_next_day_is_the_districts(now: datetime, due: datetime) -> None:
    assert next_day(now, time(18)) == due
