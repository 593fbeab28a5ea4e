"""A responder whom the operator chooses, with her reason: asked beside the others, or sent because she has agreed."""

from datetime import datetime

import pytest

from dispatch import naming, replies
from dispatch.refusals import Refused
from schemas.database import transaction
from tests.integration.dispatch.callout import SECOND, Callout
from tests.integration.dispatch.test_response_races import Race
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker
from tests.integration.district import Connection, add_operator


@pytest.fixture
def callout(conn: Connection, now: datetime) -> Callout:
    """Nobody is on shift yet."""
    return Callout(conn, now)


@pytest.fixture
def race(database_url: str, callout: Callout) -> Race:
    """A race for what the callout is about."""
    return Race(database_url, callout)


def _unfit(callout: Callout) -> Worker:
    """Whom no search would ask: no certificate, off shift, far away, for other elders alone."""
    return callout.add_worker("熟人", 60_000, skills=(), shift=None, kind="paired")


def _named(callout: Callout) -> list[tuple[object, ...]]:
    return callout.conn.execute("SELECT worker_id, named_by, named_reason, waived FROM offer ORDER BY id").fetchall()


def test_whoever_is_named_is_asked_whatever_she_misses_and_may_accept(callout: Callout, now: datetime) -> None:
    friend = _unfit(callout)
    alarm_id = callout.taken(now)
    callout.name(now, alarm_id, friend)
    assert _named(callout) == [(friend.id, callout.operator, "她有钥匙", ["unpaired"])]
    assert callout.alarm("response_state, response_due_at, dispatched_at", alarm_id) == (
        "searching", now + 30 * SECOND, now,
    )  # fmt: skip
    assert callout.story(alarm_id)[-3:] == ["searching", "named", "offered"]
    assert callout.accept(now + SECOND, friend, callout.open_offer(friend, alarm=alarm_id)) is None
    assert callout.alarm("state, responder_id", alarm_id) == ("dispatched", friend.id)


def test_skill_area_and_shift_are_set_aside_for_whoever_is_named(callout: Callout, now: datetime) -> None:
    callout.conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳', '500109/500109002/')")
    other_street = callout.add_provider("邻街", area="500109002")
    worker = callout.add_worker("下班", 100, skills=(), shift=(HOUR, 2 * HOUR), provider=other_street)
    alarm_id = callout.taken(now)
    callout.name(now, alarm_id, worker)
    [(_, _, _, waived)] = _named(callout)
    assert waived == ["skill", "area", "shift"]
    assert callout.accept(now + SECOND, worker, callout.open_offer(worker, alarm=alarm_id)) is None


def test_whoever_has_agreed_goes_at_once_and_the_others_are_told(callout: Callout, now: datetime) -> None:
    asked, friend = callout.add_worker("王", 100), _unfit(callout)
    alarm_id = callout.searched(now)
    later = now + 5 * SECOND
    callout.name(later, alarm_id, friend, agreed=True)
    assert callout.offers(alarm=alarm_id) == [(asked.id, "withdrawn"), (friend.id, "accepted")]
    assert callout.alarm("state, responder_id, accepted_at", alarm_id) == ("dispatched", friend.id, later)
    row = callout.conn.execute(
        "SELECT actor_id, note, detail FROM alarm_event WHERE alarm_id = %s AND kind = 'named'", (alarm_id,)
    ).fetchone()
    assert row is not None
    assert row[:2] == (callout.operator, "她有钥匙")
    assert {"worker": "熟人", "agreed": True}.items() <= row[2].items()
    assert callout.story(alarm_id)[-1] == "dispatched"


def test_whoever_was_asked_before_still_wins_against_whoever_is_only_named(callout: Callout, now: datetime) -> None:
    asked, friend = callout.add_worker("王", 100), _unfit(callout)
    alarm_id = callout.searched(now)
    callout.name(now + SECOND, alarm_id, friend)
    assert callout.accept(now + 2 * SECOND, asked, callout.open_offer(asked, alarm=alarm_id)) is None
    assert callout.offers(alarm=alarm_id) == [(asked.id, "accepted"), (friend.id, "withdrawn")]


def test_whoever_was_asked_already_is_not_asked_twice_but_may_be_sent(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now)
    with pytest.raises(Refused, match="already_asked"):
        callout.name(now + SECOND, alarm_id, worker)
    assert callout.offers(alarm=alarm_id) == [(worker.id, "open")]
    callout.name(now + SECOND, alarm_id, worker, agreed=True)
    assert callout.offers(alarm=alarm_id) == [(worker.id, "accepted")]
    assert callout.alarm("responder_id", alarm_id) == (worker.id,)


def test_when_the_named_one_declines_the_search_goes_on_by_itself(callout: Callout, now: datetime) -> None:
    worker, friend = callout.add_worker("王", 100), _unfit(callout)
    alarm_id = callout.taken(now)
    callout.name(now, alarm_id, friend)
    assert callout.decline(now + SECOND, friend, callout.open_offer(friend, alarm=alarm_id)) is None
    assert callout.offers(alarm=alarm_id) == [(friend.id, "declined"), (worker.id, "open")]


def test_a_named_one_who_does_not_answer_holds_up_nobody(callout: Callout, now: datetime) -> None:
    worker, friend = callout.add_worker("王", 100), _unfit(callout)
    alarm_id = callout.taken(now)
    callout.name(now, alarm_id, friend)
    assert callout.sweep(now + 30 * SECOND) == 1
    assert callout.offers(alarm=alarm_id) == [(friend.id, "expired"), (worker.id, "open")]


def test_nobody_is_sent_away_from_somebody_or_from_a_suspended_provider(callout: Callout, now: datetime) -> None:
    there = callout.add_worker("在别处", 100)
    suspended = callout.add_worker("暂停", 100, provider=callout.add_provider("停业", "suspended"))
    callout.found(now, there, "smoke")
    alarm_id = callout.taken(now)
    before = callout.alarm("alarm::text", alarm_id), callout.story(alarm_id), callout.events()
    for worker, code in ((there, "responder_busy"), (suspended, "not_admitted")):
        with pytest.raises(Refused, match=code):
            callout.name(now, alarm_id, worker)
    assert (callout.alarm("alarm::text", alarm_id), callout.story(alarm_id), callout.events()) == before


def test_nobody_is_named_before_the_alarm_is_answered_nor_while_somebody_is_on_the_way(
    callout: Callout, now: datetime
) -> None:
    worker, friend = callout.add_worker("王", 100), _unfit(callout)
    ringing = callout.raise_(now)
    with pytest.raises(Refused, match="not_yet_acknowledged"):
        callout.name(now, ringing, friend)
    on_the_way = callout.found(now, worker, "smoke")
    with pytest.raises(Refused, match="responder_on_the_way"):
        callout.name(now + MINUTE, on_the_way, friend)
    callout.name(now + HOUR, on_the_way, friend, agreed=True)
    assert callout.alarm("responder_id", on_the_way) == (friend.id,)
    callout.resolve(now + HOUR, on_the_way)
    with pytest.raises(Refused, match="already_ended"):
        callout.name(now + HOUR, on_the_way, worker)


def test_nobody_is_named_whom_or_for_whom_the_caller_may_not_see(callout: Callout, now: datetime) -> None:
    worker, alarm_id = callout.add_worker("王", 100), callout.taken(now)
    callout.conn.execute("INSERT INTO org_unit VALUES ('500112', NULL, 'district', '渝北', '500112/')")
    outsider = add_operator(callout.conn, "outsider", now, "500112")
    stranger = callout.add_worker("外区", 100, provider=callout.add_provider("外区", area="500112"))
    for actor, named in ((outsider, worker.id), (callout.operator, stranger.id), (callout.operator, 999)):
        with pytest.raises(Refused, match="not_found"), transaction(callout.conn) as tx:
            naming.name(tx, now, alarm_id, actor, named, "她有钥匙")


def test_nobody_can_be_named_for_a_home_that_nobody_knows(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.raised_by_a_spare_button(now)
    callout.acknowledge(now, alarm_id)
    with pytest.raises(Refused, match="home_unknown"):
        callout.name(now, alarm_id, worker)


def test_of_one_who_accepts_and_one_who_is_sent_at_that_moment_one_goes(
    race: Race, callout: Callout, now: datetime
) -> None:
    asked, friend = callout.add_worker("王", 100), _unfit(callout)
    alarm_id = callout.searched(now)
    offer = callout.open_offer(asked, alarm=alarm_id)
    answers = race.run(
        lambda tx: naming.name(tx, now, alarm_id, callout.operator, friend.id, "她有钥匙", agreed=True),
        lambda tx: replies.accept(tx, now, offer, asked.account),
    )
    assert answers == (None, "taken_by_another")
    assert callout.offers(alarm=alarm_id) == [(asked.id, "lost"), (friend.id, "accepted")]
    assert callout.alarm("responder_id", alarm_id) == (friend.id,)


def test_one_who_accepts_one_alarm_while_she_is_sent_to_another_goes_to_one(
    race: Race, callout: Callout, now: datetime
) -> None:
    worker = callout.add_worker("王", 100)
    sos, smoke = callout.searched(now), callout.taken(now, "smoke")
    offer = callout.open_offer(worker, alarm=sos)
    answers = race.run(
        lambda tx: replies.accept(tx, now, offer, worker.account),
        lambda tx: naming.name(tx, now, smoke, callout.operator, worker.id, "她有钥匙", agreed=True),
    )
    assert answers == (None, "responder_busy")
    assert callout.alarm("responder_id, response_state", smoke) == (None, None)
    gas = callout.taken(now, "gas")
    callout.resolve(now, sos)
    callout.send(now, smoke)
    offer = callout.open_offer(worker, alarm=smoke)
    answers = race.run(
        lambda tx: naming.name(tx, now, gas, callout.operator, worker.id, "她有钥匙", agreed=True),
        lambda tx: replies.accept(tx, now, offer, worker.account),
    )
    assert answers == (None, "overlaps")
    assert callout.alarm("responder_id", gas) == (worker.id,)
