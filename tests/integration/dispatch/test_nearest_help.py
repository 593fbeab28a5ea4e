"""Who is asked to go to an alarm, circle by circle and kind by kind, and what is kept of why and why not."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg.errors import CheckViolation

from dispatch import matching, pairings
from dispatch.order_deadlines import sweep_orders
from dispatch.refusals import Refused
from dispatch.scheduled import housekeep
from schemas.database import rows, transaction
from schemas.statements import statement
from tests.integration.dispatch.callout import SECOND, Callout
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker
from tests.integration.district import Connection, add_elder

SEARCHES = statement("""
    SELECT id, actor_id, circle, considered, eligible, turned_away, left_out FROM responder_search
    WHERE alarm_id = %(id)s::bigint ORDER BY id
""")


@pytest.fixture
def callout(conn: Connection, now: datetime) -> Callout:
    """Nobody is on shift yet."""
    return Callout(conn, now)


def searches(callout: Callout, alarm_id: int) -> list[dict[str, Any]]:
    return [dict(found) for found in rows(callout.conn, SEARCHES, {"id": alarm_id})]


def asked_now(callout: Callout, alarm_id: int) -> list[int]:
    return [worker for worker, state in callout.offers(alarm=alarm_id) if state == "open"]


def reasons(callout: Callout, worker: Worker) -> dict[str, Any]:
    row = callout.conn.execute("SELECT reasons FROM offer WHERE worker_id = %s", (worker.id,)).fetchone()
    assert row is not None
    return dict(row[0])


def test_when_nobody_of_a_circle_comes_the_wider_one_is_asked(callout: Callout, now: datetime) -> None:
    near = callout.add_worker("近", 500)
    farther = callout.add_worker("远", 5000)
    next_street = callout.add_provider("邻街", area="500109")
    callout.conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳', '500109/500109002/')")
    callout.conn.execute("UPDATE provider_area SET org_code = '500109002' WHERE provider_id = %s", (next_street,))
    elsewhere = callout.add_worker("邻", 300, provider=next_street)
    farthest = callout.add_worker("最远", 30_000)
    alarm_id = callout.searched(now)
    rounds = [asked_now(callout, alarm_id)]
    for number in (1, 2):
        assert callout.sweep(now + 30 * number * SECOND) == 1
        rounds.append(asked_now(callout, alarm_id))
    assert rounds == [[near.id], [elsewhere.id, farther.id], [farthest.id]]
    assert [search["circle"] for search in searches(callout, alarm_id)] == [1, 2, 3]
    assert callout.accept(now + 61 * SECOND, farthest, callout.open_offer(farthest, alarm=alarm_id)) is None
    assert callout.alarm("responder_id, response_state", alarm_id) == (farthest.id, "found")


def test_whoever_a_wider_circle_asked_across_the_border_may_accept(callout: Callout, now: datetime) -> None:
    callout.conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳', '500109/500109002/')")
    elsewhere = callout.add_worker("邻", 300, provider=callout.add_provider("邻街", area="500109002"))
    alarm_id = callout.searched(now)
    assert callout.accept(now + SECOND, elsewhere, callout.open_offer(elsewhere, alarm=alarm_id)) is None
    assert callout.alarm("responder_id", alarm_id) == (elsewhere.id,)


def test_a_circle_that_may_ask_off_shift_asks_them_last(callout: Callout, now: datetime) -> None:
    callout.conn.execute("UPDATE response_circle SET off_shift = true WHERE severity = 'emergency' AND circle = 3")
    asleep = callout.add_worker("下班", 100, shift=(HOUR, 2 * HOUR))
    awake = callout.add_worker("上班", 5000)
    alarm_id = callout.searched(now)
    assert asked_now(callout, alarm_id) == [awake.id]
    callout.sweep(now + 30 * SECOND)
    assert asked_now(callout, alarm_id) == [asleep.id]
    assert reasons(callout, asleep)["on_shift"] is False
    assert callout.accept(now + 31 * SECOND, asleep, callout.open_offer(asleep, alarm=alarm_id)) is None


def test_without_rows_about_circles_everybody_is_in_one(callout: Callout, now: datetime) -> None:
    callout.conn.execute("DELETE FROM response_circle")
    near, far = callout.add_worker("近", 100), callout.add_worker("远", 30_000)
    assert asked_now(callout, callout.searched(now)) == [near.id, far.id]


def test_grid_workers_go_without_a_certificate_and_are_offered_no_orders(callout: Callout, now: datetime) -> None:
    grid = callout.add_worker("网格员", 100, skills=(), kind="grid")
    nurse = callout.add_worker("护理员", 2500)
    alarm_id = callout.searched(now)
    assert asked_now(callout, alarm_id) == [grid.id, nurse.id]
    assert {key: reasons(callout, grid)[key] for key in ("kind", "skilled")} == {"kind": "grid", "skilled": False}
    callout.certify(grid.id, "meal_delivery", (now - timedelta(days=9)).date(), None)
    order = callout.request()
    with transaction(callout.conn) as tx:
        sweep_orders(tx, now)
    assert callout.offers(order=order) == [(nurse.id, "open")]


def test_a_paired_helper_is_asked_for_her_own_elder_at_any_hour_and_for_nobody_else(
    callout: Callout, now: datetime
) -> None:
    helper = callout.add_worker("邻居", 20, skills=(), kind="paired", shift=None)
    alarm_id = callout.searched(now)
    assert callout.alarm("response_state, response_detail -> 'turned_away'", alarm_id) == ("nobody", {"unpaired": 1})
    callout.pair(helper, now)
    callout.send(now + SECOND, alarm_id)
    assert asked_now(callout, alarm_id) == [helper.id]
    assert reasons(callout, helper)["paired"] is True
    assert callout.accept(now + SECOND, helper, callout.open_offer(helper, alarm=alarm_id)) is None


def test_the_helper_of_either_resident_is_asked_when_the_button_on_the_wall_was_pressed(
    callout: Callout, now: datetime
) -> None:
    husband = add_elder(callout.conn, callout.household, now)
    helper, second = (callout.add_worker(name, 20, skills=(), kind="paired", shift=None) for name in ("邻居", "对门"))
    callout.pair(helper, now, husband)
    callout.pair(second, now)
    callout.pair(second, now, husband)
    alarm_id = callout.raised_on_the_wall(now)
    callout.acknowledge(now, alarm_id)
    callout.send(now, alarm_id)
    assert asked_now(callout, alarm_id) == [helper.id, second.id]


def test_a_pairing_that_was_ended_is_none_any_more(callout: Callout, now: datetime) -> None:
    helper = callout.add_worker("邻居", 20, kind="paired")
    callout.pair(helper, now - HOUR)
    with pytest.raises(Refused, match="already_paired"):
        callout.pair(helper, now)
    with transaction(callout.conn) as tx:
        pairings.part(tx, now, callout.operator, callout.elder, helper.id)
        with pytest.raises(Refused, match="not_found"):
            pairings.part(tx, now, callout.operator, callout.elder, helper.id)
    assert asked_now(callout, callout.searched(now)) == []
    callout.pair(helper, now + HOUR)
    kept = callout.conn.execute("SELECT valid_from, valid_to, set_by, ended_by FROM pairing ORDER BY id").fetchall()
    assert kept == [(now - HOUR, now, callout.operator, callout.operator), (now + HOUR, None, callout.operator, None)]


def test_the_pairing_brings_a_far_helper_before_a_near_stranger(callout: Callout, now: datetime) -> None:
    stranger, helper = callout.add_worker("生", 300), callout.add_worker("熟", 1000)
    callout.pair(helper, now)
    assert asked_now(callout, callout.searched(now)) == [helper.id, stranger.id]


def test_whoever_came_to_an_earlier_alarm_knows_the_elder(callout: Callout, now: datetime) -> None:
    stranger, known = callout.add_worker("生", 300), callout.add_worker("熟", 320)
    callout.conn.execute("UPDATE ranking_policy SET familiarity_minutes = 6")
    earlier = callout.taken(now - HOUR, "smoke")
    callout.name(now - HOUR, earlier, known, agreed=True)
    callout.arrive(now - HOUR, known, earlier)
    callout.resolve(now - HOUR, earlier)
    assert asked_now(callout, callout.searched(now)) == [known.id, stranger.id]


def test_a_position_of_ten_minutes_ago_counts_less_than_one_of_now(callout: Callout, now: datetime) -> None:
    stale, fresh = callout.add_worker("旧", 4000), callout.add_worker("新", 4000)
    callout.locate(stale.id, 100, now - 10 * MINUTE)
    callout.locate(fresh.id, 600, now)
    alarm_id = callout.searched(now)
    assert asked_now(callout, alarm_id) == [fresh.id, stale.id]
    told = reasons(callout, stale)
    assert (told["position_seconds"], told["trust"]) == (600, 0.71)
    assert 100 * 1.4 / 300 < told["travel_minutes"] < 4000 * 1.4 / 300


def test_why_the_others_were_left_out_is_kept_with_every_round(callout: Callout, now: datetime) -> None:
    near = callout.add_worker("近", 100)
    callout.add_worker("无证", 50, skills=("bathing",))
    callout.add_worker("下班又无证", 60, skills=(), shift=(HOUR, 2 * HOUR))
    second, third, fourth = (callout.add_worker(name, 200 + metres) for metres, name in enumerate("乙丙丁"))
    for number in range(25):
        callout.add_worker(f"停{number}", 1000 + number, skills=())
    alarm_id = callout.searched(now)
    [search] = searches(callout, alarm_id)
    assert (search["circle"], search["considered"], search["eligible"]) == (1, 31, 4)
    assert (search["actor_id"], search["turned_away"]) == (callout.operator, {"skill": 27})
    told = [(one["worker"], one["missing"], one["rank"]) for one in search["left_out"]]
    assert told[:3] == [("无证", ["skill"], None), ("下班又无证", ["skill", "shift"], None), ("丁", [], 4)]
    assert len(told) == 20
    offered = callout.conn.execute("SELECT worker_id, search_id FROM offer ORDER BY id").fetchall()
    assert offered == [(worker.id, search["id"]) for worker in (near, second, third)]
    callout.sweep(now + 30 * SECOND)
    callout.sweep(now + 60 * SECOND)
    _, next_round, last = searches(callout, alarm_id)
    assert (next_round["actor_id"], next_round["eligible"]) == (None, 1)
    assert ("近", ["asked"]) in [(one["worker"], one["missing"]) for one in next_round["left_out"]]
    assert (last["circle"], last["eligible"], last["turned_away"]) == (None, 0, {"skill": 27, "asked": 4})
    assert asked_now(callout, alarm_id) == [] and fourth.id in dict(callout.offers(alarm=alarm_id))


def test_a_look_at_who_could_go_asks_nobody(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("近", 100)
    alarm_id = callout.taken(now)
    before = callout.events()
    with transaction(callout.conn) as tx:
        choice = matching.preview(tx, now, alarm_id)
        with pytest.raises(Refused, match="not_found"):
            matching.preview(tx, now, alarm_id + 99)
    assert [one.candidate.worker_id for one in choice.ranked] == [worker.id]
    assert (callout.events(), callout.offers(alarm=alarm_id), searches(callout, alarm_id)) == (before, [], [])


def test_the_database_refuses_a_named_responder_without_a_reason(callout: Callout, now: datetime) -> None:
    callout.add_worker("近", 100)
    callout.searched(now)
    with pytest.raises(CheckViolation):
        callout.conn.execute("UPDATE offer SET named_by = %s", (callout.operator,))


def test_the_record_of_searches_outlives_the_positions_it_was_made_from(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("近", 100)
    callout.locate(worker.id, 50, now)
    alarm_id = callout.searched(now)
    with transaction(callout.conn) as tx:
        housekeep(tx, now + 48 * HOUR)
    assert callout.conn.execute("SELECT FROM worker_position").fetchall() == []
    assert reasons(callout, worker)["position_seconds"] == 0
    assert len(searches(callout, alarm_id)) == 1
