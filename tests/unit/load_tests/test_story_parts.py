"""The story's own judgement: it must notice what is wrong."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from load_tests.story.bad_input import reason_of, unreadable
from load_tests.story.cast import Cast, CastTooSmall, Person, Role
from load_tests.story.errand import Errand
from load_tests.story.play import _guard
from load_tests.story.presses import card_faults
from load_tests.story.report import Report

ROLE = Role("B-00001", "button", "北碚区天生街道天生路1号", [Person(7, "李桂芳", "home", 1)])


def card(**changed: Any) -> dict[str, Any]:
    whole = {
        "id": 1,
        "kind": "sos",
        "severity": "emergency",
        "is_test": False,
        "raised_at": "2026-05-01T08:00:00Z",
        "sla": {"answer": {"due_at": "2026-05-01T08:01:00Z", "met_at": None, "breached": False}},
        "elder": None,
        "residents": [{"id": 7}],
        "address": ROLE.address,
        "device": {"id": "B-00001"},
    }
    return whole | changed


def test_a_whole_card_has_no_faults() -> None:
    assert card_faults(card(), ROLE) == []
    assert card_faults(card(elder={"id": 7}, residents=[]), ROLE) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"residents": []},
        {"residents": [{"id": 8}]},
        {"address": ""},
        {"severity": "urgent"},
        {"is_test": True},
        {"sla": {"answer": None}},
        {"sla": {"answer": {"due_at": "2026-05-01T08:02:00Z", "met_at": None, "breached": False}}},
        {"sla": {"answer": {"due_at": "2026-05-01T08:01:00Z", "met_at": None, "breached": True}}},
    ],
)
def test_every_fault_of_a_card_is_noticed(changed: dict[str, Any]) -> None:
    assert len(card_faults(card(**changed), ROLE)) == 1


def test_every_bad_message_is_unreadable_and_all_reasons_of_a_payload_occur() -> None:
    reasons = {reason_of(message) for message in unreadable("k3f9")}
    assert reasons == {"invalid_json", "invalid_message", "not_utf8", "too_large", "unknown_lane"}


def test_bad_messages_of_two_runs_differ() -> None:
    one = {message.payload for message in unreadable("aaaa")}
    assert not one & {message.payload for message in unreadable("bbbb")}


def test_a_report_without_checks_has_not_passed(tmp_path: Path) -> None:
    report = Report()
    assert not report.passed
    report.check("something holds", True)
    assert report.passed
    report.check_all("nothing was tried", [], 0)
    assert not report.passed
    report.write(tmp_path / "outcome.json")
    outcome = json.loads((tmp_path / "outcome.json").read_text())
    assert outcome["passed"] is False
    assert [check["held"] for check in outcome["checks"]] == [True, False]


def test_a_chapter_that_fails_or_hangs_is_a_failed_check_and_no_more() -> None:
    async def fails() -> None:
        raise CastTooSmall("nobody is left")

    async def hangs() -> None:
        await asyncio.Event().wait()

    async def play() -> None:
        await asyncio.gather(_guard(report, "one", fails(), 5), _guard(report, "two", hangs(), 0.01))

    report = Report()
    asyncio.run(play())
    assert sorted(check.name for check in report.checks) == ["one plays to its end", "two ends in time"]
    assert not any(check.held for check in report.checks)


def test_chapters_are_given_ordinary_wearers_once() -> None:
    away = Role("W-00001", "wearable", "", [Person(1, "甲", "travelling", 1)])
    clinical = Role("W-00002", "wearable", "", [Person(2, "乙", "home", 2)])
    ordinary = Role("W-00003", "wearable", "", [Person(3, "丙", "home", 1)])
    cast = Cast([], [away, clinical, ordinary], 3, {})
    assert cast.take_wearable() is ordinary
    with pytest.raises(CastTooSmall):
        cast.take_wearable()


def test_the_relatives_button_is_taken_once_and_only_when_her_elder_is_at_home() -> None:
    home = [Person(1, "甲", "home", 1)]
    worn, button = Role("W-00001", "wearable", "", home), Role("B-00001", "button", "", home)
    players = Cast([Role("B-00009", "button", "", [Person(9, "乙", "home", 1)]), button], [], 2, {"W-00001": worn})
    assert players.take_family_button() is button
    assert [role.device_id for role in players.buttons] == ["B-00009"]
    with pytest.raises(CastTooSmall):
        players.take_family_button()
    away = Role("W-00001", "wearable", "", [Person(1, "甲", "hospital", 1)])
    with pytest.raises(CastTooSmall):
        Cast([button], [], 1, {"W-00001": away}).take_family_button()


def test_orders_are_for_elders_at_home_whose_wearables_the_story_does_not_use() -> None:
    roles = {
        f"W-{number:05d}": Role(f"W-{number:05d}", "wearable", "", [Person(number, "甲", state, 1)])
        for number, state in enumerate(("home", "home", "hospital", "home", "home"), 1)
    }
    players = Cast([], [roles["W-00005"]], 5, roles)
    assert players.ordinary_elders(2) == [2, 4]
    with pytest.raises(CastTooSmall):
        players.ordinary_elders(3)


def test_every_step_that_should_have_been_refused_is_judged() -> None:
    errand = Errand(cast(Any, None), "meal", 1)
    errand.judge("accepting twice", "already_accepted", "already_accepted")
    errand.judge("a check-in far away", "ok", "too_far")
    assert [refusal.fault for refusal in errand.refusals] == ["", "a check-in far away was answered ok"]
    assert not errand.expect([], "nothing was there")
    assert errand.faults == ["nothing was there"]
