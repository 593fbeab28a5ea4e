"""What journeys measure by: effects of commands, when pages ask again, how requests are counted."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from device_sim.people.screen import Frame, Subject
from device_sim.people.steps import Do
from load_tests.journeys.effects import PATIENCE_SECONDS, Effects
from load_tests.journeys.refetch import Refetch
from load_tests.journeys.seats import workers_on_duty
from load_tests.journeys.site import route_of

ROOT = Path(__file__).resolve().parents[3]


def _frame(received: float, subject: Subject, subject_id: int, state: str, kind: str = "card") -> Frame:
    return Frame(received, kind, "whatever", subject, subject_id, {"id": subject_id, "state": state})


def test_effect_is_the_first_frame_of_the_same_card_in_the_state_that_the_command_brings() -> None:
    effects = Effects()
    effects.expect(Do("k", "/api/alarms/7/acknowledge"), sent=10.0)
    for other in (
        _frame(10.1, "alarm", 8, "acknowledged"),
        _frame(10.1, "order", 7, "acknowledged"),
        _frame(10.1, "alarm", 7, "raised"),
        _frame(9.9, "alarm", 7, "acknowledged"),
    ):
        assert list(effects.shown_by(other)) == []
    (shown,) = effects.shown_by(_frame(10.2, "alarm", 7, "acknowledged"))
    assert (shown.name, shown.sent) == ("acknowledge", 10.0)
    assert list(effects.shown_by(_frame(10.3, "alarm", 7, "acknowledged"))) == []


def test_effect_may_be_a_card_that_leaves() -> None:
    effects = Effects()
    effects.expect(Do("k", "/api/orders/3/complete"), sent=1.0)
    assert [one.name for one in effects.shown_by(_frame(1.5, "order", 3, "completed", "remove"))] == ["complete"]


@pytest.mark.parametrize("path", ["/api/alarms/7/notes", "/api/orders", "/api/work/position", "/api/alarms/x/resolve"])
def test_what_shows_nothing_of_its_own_is_not_awaited(path: str) -> None:
    effects = Effects()
    assert effects.expect(Do("k", path), sent=1.0) is None
    assert list(effects.overdue(1.0 + 2 * PATIENCE_SECONDS)) == []


def test_effect_that_never_comes_is_told_once_and_a_refused_command_awaits_nothing() -> None:
    effects = Effects()
    effects.expect(Do("k", "/api/alarms/7/resolve"), sent=1.0)
    refused = effects.expect(Do("k", "/api/offers/4/accept"), sent=1.0)
    effects.forget(refused)
    assert list(effects.overdue(1.0 + PATIENCE_SECONDS)) == []
    assert [one.subject_id for one in effects.overdue(1.1 + PATIENCE_SECONDS)] == [7]
    assert list(effects.overdue(1.2 + PATIENCE_SECONDS)) == []


def test_page_asks_at_once_then_by_period_and_soon_after_the_last_news_of_a_burst() -> None:
    page = Refetch(settle=0.3, period=60.0)
    assert page.due == -math.inf
    assert page.is_due(100.0)
    assert not page.is_due(159.9)
    page.news(110.0)
    page.news(110.2)
    assert not page.is_due(110.4)
    assert page.is_due(110.5)
    assert page.due == 170.5


def test_alike_requests_are_counted_together() -> None:
    assert route_of("/api/orders/17/check-in") == "/api/orders/{id}/check-in"
    assert route_of("/api/elders?q=%E5%A4%A9&limit=20") == "/api/elders"


def test_workers_of_a_suspended_provider_have_no_part() -> None:
    found = workers_on_duty(2000)
    assert len(found) > 100
    assert {worker.provider.state for worker in found} == {"admitted"}


def test_wrong_setting_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "load_tests", "seats"],
        cwd=ROOT,
        env=dict(os.environ) | {"ANBAN_LOAD_PACE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("anban: ANBAN_LOAD_PACE: ") and len(done.stderr.splitlines()) == 1
