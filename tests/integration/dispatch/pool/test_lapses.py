"""What stops when somebody may not come any more: offers at once, promises by themselves, and nothing under way."""

from datetime import datetime, timedelta

import pytest

from dispatch import replies
from dispatch.pool import watching
from dispatch.pool.admission import decide
from dispatch.pool.certificates import revoke
from dispatch.pool.exclusions import exclude
from dispatch.pool.leaves import report_leave
from dispatch.pool.shifts import take_shift
from dispatch.pool.workers import leave_provider
from dispatch.refusals import Refused
from dispatch.service.visits import depart
from schemas.database import transaction
from schemas.district_time import day_bounds, today
from tests.integration.dispatch.callout import Callout
from tests.integration.dispatch.pool.admitted import DistrictPool
from tests.integration.dispatch.races import Act, at_once, overtaken
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker, Workforce
from tests.integration.district import Connection, one
from tests.integration.waiting import eventually

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def pool(conn: Connection, now: datetime) -> DistrictPool:
    """The usual street, its provider decided about by a supervisor."""
    return DistrictPool(conn, now)


def test_a_suspension_withdraws_what_was_asked_and_looks_for_somebody_else_at_once(
    pool: DistrictPool, now: datetime
) -> None:
    gone = pool.add_worker("gone")
    other = pool.add_worker("other", 5000, provider=pool.add_provider("嘉陵家政"))
    order = pool.offered(gone)
    assert pool.decide(now, "suspended", "抽查签到不实") == 1
    assert pool.offers(order=order) == [(gone.id, "withdrawn")]
    assert pool.order("state, due_at, due_reason", order) == ("requested", now, "assign")
    assert pool.told(order, "withdrawn")["lapse"] == "provider"
    assert pool.sweep(now) == 1
    assert pool.offers(order=order)[1:] == [(other.id, "open")]


def test_a_suspension_gives_what_was_promised_to_somebody_else_with_the_reason_on_the_timeline(
    pool: DistrictPool, now: datetime
) -> None:
    gone = pool.add_worker("gone")
    order = pool.accepted(gone)
    pool.decide(now, "suspended", "抽查签到不实")
    assert pool.order("state, worker_id, due_at", order) == ("requested", None, now)
    note, actor = pool.conn.execute(
        "SELECT note, actor_id FROM order_event WHERE order_id = %s AND kind = 'unassigned'", (order,)
    ).fetchone() or (None, None)
    assert (note, actor) == ("抽查签到不实", pool.supervisor)
    assert pool.told(order, "unassigned") == {
        "lapse": "provider",
        "worker": "gone",
        "worker_id": gone.id,
        "offer_id": pool.told(order, "accepted")["offer_id"],
    }
    assert "order.unassigned" in pool.events()


def test_whoever_is_on_the_way_for_a_suspended_provider_is_left_to_a_person_and_whoever_is_there_to_nobody(
    pool: DistrictPool, now: datetime
) -> None:
    walker = pool.add_worker("walker")
    order = pool.accepted(walker)
    with transaction(pool.conn) as tx:
        depart(tx, now, order, walker.account)
    pool.decide(now, "suspended", "证照过期")
    assert pool.order("state, worker_id, attention", order) == ("en_route", walker.id, "worker_lapsed")
    assert pool.told(order, "attention")["lapse"] == "provider"
    pool.conn.execute(
        "UPDATE service_order SET state = 'in_service', attention = NULL, attention_at = NULL WHERE id = %s", (order,)
    )
    pool.look(now + MINUTE)
    assert pool.order("state, worker_id, attention", order) == ("in_service", walker.id, None)


@pytest.mark.parametrize(
    ("change", "lapse"),
    [
        ("UPDATE account SET disabled_at = %(now)s WHERE id = %(account)s", "account"),
        ("UPDATE provider SET state = 'exited'", "provider"),
        ("UPDATE worker_skill SET valid_to = %(yesterday)s WHERE worker_id = %(id)s", "skill"),
        ("DELETE FROM worker_skill WHERE worker_id = %(id)s", "skill"),
        ("DELETE FROM worker_shift WHERE worker_id = %(id)s", "shift"),
        ("UPDATE provider_area SET valid_to = %(now)s", "area"),
        ("UPDATE provider SET every_service = false", "item"),
        (
            "INSERT INTO worker_leave (worker_id, kind, starts_at, reported_at)"
            " VALUES (%(id)s, 'sick', %(now)s, %(now)s)",
            "leave",
        ),
        (
            "INSERT INTO exclusion (elder_id, worker_id, asked_by, reason, valid_from)"
            " VALUES (%(elder)s, %(id)s, 'elder', '不愿意', %(now)s)",
            "excluded",
        ),
    ],
)
def test_a_change_that_anybody_made_in_the_tables_is_acted_on_at_the_next_sweep(
    pool: DistrictPool, now: datetime, change: str, lapse: str
) -> None:
    worker = pool.add_worker("one")
    order = pool.accepted(worker)
    pool.settle_down(now)
    about = {"now": now, "account": worker.account, "id": worker.id, "elder": pool.elder}
    pool.conn.execute(change.encode(), {**about, "yesterday": today(now) - DAY})
    assert pool.order("state", order) == ("accepted",)
    pool.look(now + MINUTE)
    assert pool.order("state, worker_id", order) == ("requested", None)
    assert pool.told(order, "unassigned")["lapse"] == lapse


def test_a_certificate_that_ends_takes_a_late_visit_away_at_midnight_of_the_district_and_not_before(
    conn: Connection, now: datetime
) -> None:
    midnight = day_bounds(now)[1]
    pool = DistrictPool(conn, midnight - HOUR)
    worker = pool.add_worker("one", skills=())
    pool.certify(worker.id, "meal_delivery", today(now) - DAY, today(now))
    order = pool.accepted(worker, begins=30 * MINUTE, lasts=20 * MINUTE)
    pool.settle_down(midnight - HOUR)
    pool.look(midnight - SECOND)
    assert pool.order("state", order) == ("accepted",)
    pool.look(midnight)
    assert pool.order("state, worker_id", order) == ("requested", None)
    assert pool.told(order, "unassigned")["lapse"] == "skill"
    assert pool.told(order, "unassigned")["lacking"] == ["meal_delivery"]


def test_a_promise_beyond_a_certificates_end_goes_to_others_three_days_before_unless_it_is_renewed(
    pool: DistrictPool, now: datetime
) -> None:
    kept, lost = pool.add_worker("kept"), pool.add_worker("lost", 200)
    orders = {}
    for worker, elder in ((kept, pool.elder), (lost, pool.add_neighbour(5000))):
        pool.roster(worker.id, 10 * DAY - HOUR, 10 * DAY + 10 * HOUR)
        orders[worker] = order = pool.request(begins=10 * DAY, elder=elder)
        pool.give(order, worker)
        pool.conn.execute(
            "UPDATE worker_skill SET valid_to = %s WHERE worker_id = %s", (today(now) + 8 * DAY, worker.id)
        )
    early = day_bounds(now + 7 * DAY)[0]
    pool.look(now + MINUTE)
    pool.look(early - SECOND)
    assert [pool.order("state", orders[worker]) for worker in (kept, lost)] == [("accepted",)] * 2
    pool.certify(kept.id, "meal_delivery", today(now), today(now) + 400 * DAY)
    pool.look(early)
    assert pool.order("state, worker_id", orders[kept]) == ("accepted", kept.id)
    assert pool.order("state, worker_id", orders[lost]) == ("requested", None)


def test_the_supervisor_is_asked_once_thirty_and_once_seven_days_before_and_no_more_after_the_renewal(
    pool: DistrictPool, now: datetime
) -> None:
    worker = pool.add_worker("one", skills=())
    pool.certify(worker.id, "bathing", today(now) - DAY, today(now) + 30 * DAY)
    for days in (0, 1, 22, 23, 24):
        pool.look(now + days * DAY)
    asked = pool.conn.execute(
        "SELECT detail ->> 'days', org_code, detail ->> 'worker' FROM task WHERE kind = 'certificate' ORDER BY id"
    ).fetchall()
    assert asked == [("30", "500109", "one"), ("7", "500109", "one")]
    pool.certify(worker.id, "bathing", today(now), today(now) + 400 * DAY)
    pool.look(now + 25 * DAY)
    done = pool.conn.execute("SELECT DISTINCT outcome FROM task WHERE kind = 'certificate'").fetchall()
    assert done == [("renewed",)]


def test_a_certificate_nobody_renewed_ends_its_tasks_as_lapsed(pool: DistrictPool, now: datetime) -> None:
    worker = pool.add_worker("one", skills=())
    pool.certify(worker.id, "bathing", today(now) - DAY, today(now) + DAY)
    pool.look(now)
    pool.look(now + 2 * DAY)
    assert pool.conn.execute("SELECT outcome FROM task").fetchall() == [("lapsed",)]


def test_a_timed_suspension_ends_by_itself_at_its_time(pool: DistrictPool, now: datetime) -> None:
    pool.decide(now, "suspended", "整改", until=now + 2 * HOUR)
    pool.look(now + 2 * HOUR - SECOND)
    assert pool.provider_state() == "suspended"
    pool.look(now + 2 * HOUR)
    assert pool.provider_state() == "admitted"
    kind, actor = pool.history()[-1]
    assert (kind, actor) == ("readmitted", None)


@pytest.mark.parametrize("command", ["revoke", "exclude", "leave", "leave_provider", "take_shift"])
def test_what_makes_a_worker_unfit_takes_effect_in_its_own_transaction(
    pool: DistrictPool, now: datetime, command: str
) -> None:
    worker = pool.add_worker("one", skills=("meal_delivery",))
    order = pool.accepted(worker)
    certificate = one(pool.conn, "SELECT id FROM worker_skill WHERE worker_id = %s", worker.id)
    shift = one(pool.conn, "SELECT id FROM worker_shift WHERE worker_id = %s", worker.id)
    with transaction(pool.conn) as tx:
        changed = {
            "revoke": lambda: revoke(tx, now, worker.id, pool.supervisor, certificate, "系伪造"),
            "exclude": lambda: exclude(tx, now, pool.operator, pool.elder, worker.id, "elder", "不愿意"),
            "leave": lambda: report_leave(tx, now, worker.id, pool.supervisor, "sick", now, None, None),
            "leave_provider": lambda: leave_provider(tx, now, worker.id, pool.supervisor, "辞职"),
            "take_shift": lambda: take_shift(tx, now, worker.id, pool.supervisor, shift),
        }[command]()
    assert changed == 1
    assert pool.order("state, worker_id", order) == ("requested", None)
    pool.settle_down(now)
    assert pool.timeline(order).count("unassigned") == 1
    assert pool.sweep(now) == 1
    assert pool.offers(order=order) == [(worker.id, "accepted")]


def test_an_alarm_is_asked_of_nobody_whose_provider_was_suspended_and_whoever_is_on_the_way_stays(
    conn: Connection, now: datetime
) -> None:
    callout = Callout(conn, now)
    pool = DistrictPool.of(callout)
    asked, other = callout.add_worker("asked"), callout.add_worker("other", 300, provider=callout.add_provider("别家"))
    alarm = callout.searched(now)
    states = dict(callout.offers(alarm=alarm))
    assert states == {asked.id: "open", other.id: "open"}
    pool.decide(now, "suspended", "抽查")
    assert dict(callout.offers(alarm=alarm)) == {asked.id: "withdrawn", other.id: "open"}
    assert Workforce.accept(callout, other, now, alarm=alarm) is None
    other_provider = one(conn, "SELECT provider_id FROM worker WHERE id = %s", other.id)
    pool.decide(now, "suspended", "抽查", provider=other_provider)
    pool.look(now + MINUTE)
    assert callout.alarm("responder_id", alarm) == (other.id,)


@pytest.mark.parametrize("first", ["accept", "suspend"])
def test_accepting_while_the_provider_is_suspended_leaves_nobody_promised(
    pool: DistrictPool, database_url: str, now: datetime, first: str
) -> None:
    worker = pool.add_worker("one")
    order = pool.offered(worker)
    acts = {"accept": _accept(pool, worker, order, now), "suspend": _suspend(pool, now)}
    before, after = overtaken(database_url, pool.conn, acts.pop(first), *acts.values())
    if first == "accept":
        assert (before, after) == (None, 1)
    else:
        assert after in ("no_longer_eligible", "offer_withdrawn")
    pool.look(now + MINUTE)
    assert pool.order("state, worker_id", order) == ("requested", None)


def test_accepting_and_suspending_at_the_same_moment_again_and_again(
    pool: DistrictPool, database_url: str, now: datetime
) -> None:
    worker = pool.add_worker("one")
    for number in range(6):
        order = pool.offered(worker, begins=number * HOUR)
        answers = at_once(database_url, _accept(pool, worker, order, now), _suspend(pool, now))
        assert answers[1] in (0, 1)
        pool.look(now)
        pool.look(now + 6 * SECOND)
        assert pool.order("state, worker_id", order) == ("requested", None)
        assert one(pool.conn, "SELECT count(*) FROM offer WHERE state = 'open'") == 0
        pool.decide(now, "admitted", "整改完毕")
        pool.conn.execute(
            "UPDATE service_order SET state = 'cancelled', ended_at = now(), due_at = NULL,"
            " due_reason = NULL WHERE id = %s",
            (order,),
        )


def test_an_order_that_somebody_holds_is_passed_over_and_found_at_the_next_look(
    pool: DistrictPool, database_url: str, now: datetime
) -> None:
    worker = pool.add_worker("one")
    order = pool.accepted(worker)
    pool.settle_down(now)
    with transaction(pool.conn) as holder:
        holder.conn.execute("SELECT FROM service_order WHERE id = %s FOR UPDATE", (order,))
        assert at_once(database_url, _suspend(pool, now)) == [0]
    assert pool.order("state", order) == ("accepted",)
    pool.look(now)
    assert pool.order("state", order) == ("requested",)


def test_only_a_supervisor_of_the_whole_district_decides(pool: DistrictPool, now: datetime) -> None:
    for account, code in ((pool.operator, "district_supervisor_needed"), (pool.relative, "not_found")):
        with pytest.raises(Refused) as refused, transaction(pool.conn) as tx:
            decide(tx, now, pool.provider, account, "suspended", "x")
        assert refused.value.code == code


def test_the_engine_looks_at_workers_and_providers_by_itself(pool: DistrictPool, now: datetime) -> None:
    worker = pool.add_worker("one")
    order = pool.accepted(worker)
    pool.conn.execute("UPDATE provider SET state = 'suspended'")

    def gone() -> bool:
        with transaction(pool.conn) as tx:
            watching.sweep_workers(tx, now, 5)
        return pool.order("state", order) == ("requested",)

    eventually(gone, what="the promise to be taken away")


def _accept(pool: DistrictPool, worker: Worker, order: int, now: datetime) -> Act:
    offer = pool.open_offer(worker, order=order)
    return lambda tx: replies.accept(tx, now, offer, worker.account)


def _suspend(pool: DistrictPool, now: datetime) -> Act:
    return lambda tx: decide(tx, now, pool.provider, pool.supervisor, "suspended", "抽查")
