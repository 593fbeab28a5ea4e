"""What cards say."""

from datetime import UTC, date, datetime, timedelta

import pytest

from control_center.cards import AlarmResponse, Entry, Point, WorkerBrief
from control_center.finding_views import news2_of
from control_center.offer_views import search_of
from control_center.views import age, for_family, for_worker, promise
from schemas.states import AlarmState
from tests.unit.control_center.made_cards import alarm_card, elder

NOW = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
DUE = NOW + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("born", "years"),
    [
        (date(1942, 11, 22), 84),
        (date(1942, 11, 23), 83),
        (date(1944, 2, 29), 82),
        (date(2026, 11, 22), 0),
    ],
)
def test_age_is_in_full_years(born: date, years: int) -> None:
    assert age(born, date(2026, 11, 22)) == years


@pytest.mark.parametrize(
    ("met", "ended", "later", "breached"),
    [
        (None, None, 0, False),
        (None, None, 60, False),
        (None, None, 61, True),
        (59, None, 600, False),
        (61, None, 600, True),
        (None, 30, 600, False),
        (None, 90, 600, True),
        (90, 30, 600, True),
    ],
)
def test_a_promise_is_broken_when_it_was_not_met_in_time(
    met: int | None, ended: int | None, later: int, breached: bool
) -> None:
    met_at = NOW + timedelta(seconds=met) if met is not None else None
    ended_at = NOW + timedelta(seconds=ended) if ended is not None else None
    made = promise(DUE, met_at, ended_at, NOW + timedelta(seconds=later))
    assert made is not None
    assert (made.due_at, made.met_at, made.breached) == (DUE, met_at, breached)


def test_what_was_not_promised_cannot_be_broken() -> None:
    assert promise(None, None, None, NOW) is None


def test_a_score_in_an_unknown_shape_is_left_out() -> None:
    assert news2_of(None) is None
    assert news2_of([1]) is None
    assert news2_of({"score": 1}) is None


ENTRY = Entry(phone=None, door_note="密码锁 1357#", key_holder="王姐", key_holder_phone="13900000008")
RESPONSE = AlarmResponse(
    state="found",
    due_at=None,
    responder=WorkerBrief(id=1, name="x", provider="y", phone="137"),
    offers_open=1,
    offers_made=3,
    turned_away={"skill": 2},
    nearest_miss=None,
)


@pytest.mark.parametrize(("state", "there"), [("dispatched", True), ("on_scene", True), ("resolved", False)])
def test_a_responder_has_the_way_and_the_number_until_the_alarm_ends(state: AlarmState, there: bool) -> None:
    full = alarm_card(1, state, residents=(2,)).model_copy(
        update={"elder": elder(1), "home": Point(lat=29.8, lon=106.4), "response": RESPONSE, "entry": ENTRY}
    )
    told = for_worker(full)
    assert told.elder is not None and told.elder.name == "x"
    assert [told.home is not None, told.elder.phone is not None, told.residents[0].phone is not None] == [there] * 3
    assert told.entry == (ENTRY if there else None)


def test_neither_family_nor_responder_is_told_of_the_search() -> None:
    full = alarm_card(1).model_copy(update={"response": RESPONSE, "home": Point(lat=29.8, lon=106.4), "entry": ENTRY})
    for told in (for_family(full, {1}).response, for_worker(full).response):
        assert (told.state, told.offers_open, told.offers_made, told.turned_away) == ("found", 0, 0, {})
        assert told.responder is not None and (told.responder.name, told.responder.phone) == ("x", None)
    assert (for_family(full, {1}).home, for_family(full, {1}).entry) == (None, None)
    nobody = full.model_copy(update={"response": RESPONSE.model_copy(update={"state": "nobody", "responder": None})})
    assert for_family(nobody, {1}).response.state is None


def test_what_a_search_found_in_an_unknown_shape_is_left_out() -> None:
    assert search_of({"turned_away": {"skill": 2}, "after_offer": 7}).turned_away == {"skill": 2}
    for odd in ([1], None, {"turned_away": 1}, {"nearest_miss": {"worker": 1}}):
        assert (search_of(odd).turned_away, search_of(odd).nearest_miss) == ({}, None)
