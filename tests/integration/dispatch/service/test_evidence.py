"""A visit ends with what its item demands, or with a reason and a flag; photographs are taken in once."""

from datetime import datetime, timedelta

import pytest

from dispatch.refusals import Refused
from dispatch.scheduled import housekeep
from dispatch.service import photos
from dispatch.service.completing import complete
from dispatch.service.evidence import tick
from dispatch.service.visits import begin, fail
from dispatch.service.vital_checks import measure
from schemas.database import transaction
from tests.integration.dispatch.progress import AT_HOME, order_in, visit_until
from tests.integration.dispatch.service.proofs import picture, send_photo, serving, tick_all
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker, Workforce
from tests.integration.district import Connection, add_device, one

HEALTHY = {"sbp": 128.0, "dbp": 82.0, "hr": 72.0, "temp": 36.5}


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def finish(
    street: Workforce, worker: Worker, order: int, at: datetime, reason: str | None = None, code: str | None = None
) -> object:
    with transaction(street.conn) as tx:
        return complete(tx, at, order, worker.account, AT_HOME, None, reason=reason, elder_code=code)


def test_a_visit_without_its_evidence_is_refused_with_what_is_missing(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = serving(street, worker)
    with pytest.raises(Refused) as refused:
        finish(street, worker, order, now + HOUR)
    assert (refused.value.code, refused.value.missing) == (
        "evidence_missing",
        ("photos", "ticks.handed_over", "ticks.still_hot"),
    )
    assert street.order("state", order) == ("in_service",)
    tick_all(street, worker, order, now + HOUR)
    with pytest.raises(Refused) as refused:
        finish(street, worker, order, now + HOUR)
    assert refused.value.missing == ("photos",)
    send_photo(street, worker, order, now + HOUR, picture(1))
    finish(street, worker, order, now + HOUR)
    assert street.order("state, flags, flag_reason, examine_at", order) == ("completed", [], None, now + HOUR)


def test_a_reason_ends_it_all_the_same_and_is_kept_with_a_flag(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = serving(street, worker)
    finish(street, worker, order, now + 41 * MINUTE, "手机摄像头坏了")
    assert street.order("flags, flag_reason", order) == (["evidence_missing", "short"], "手机摄像头坏了")
    [detail] = street.conn.execute("SELECT detail FROM order_event WHERE kind = 'completed'").fetchall()[0]
    assert detail["missing"] == ["photos", "ticks.handed_over", "ticks.still_hot"]


def test_a_visit_that_was_too_short_needs_a_reason(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = serving(street, worker)
    tick_all(street, worker, order, now + 41 * MINUTE)
    send_photo(street, worker, order, now + 41 * MINUTE, picture(1))
    with pytest.raises(Refused, match="too_short"):
        finish(street, worker, order, now + 43 * MINUTE - timedelta(seconds=1))
    finish(street, worker, order, now + 43 * MINUTE)
    assert street.order("flags", order) == ([],)


def test_a_tick_is_set_and_taken_back_only_while_the_worker_is_there(street: Workforce, now: datetime) -> None:
    worker, other = street.add_worker("one"), street.add_worker("two", 500)
    order = order_in(street, worker, "en_route")

    def set_it(who: Worker, code: str, done: bool) -> None:
        with transaction(street.conn) as tx:
            tick(tx, now + HOUR, order, who.account, code, done=done)

    with pytest.raises(Refused, match="wrong_step"):
        set_it(worker, "still_hot", done=True)
    street.conn.execute("UPDATE service_order SET state = 'in_service' WHERE id = %s", (order,))
    with pytest.raises(Refused, match="unknown_tick"):
        set_it(worker, "floor", done=True)
    with pytest.raises(Refused, match="not_found"):
        set_it(other, "still_hot", done=True)
    for done in (True, True, False, False, True):
        set_it(worker, "still_hot", done=done)
        assert one(street.conn, "SELECT count(*) FROM visit_tick WHERE order_id = %s", order) == done


def test_the_same_file_is_one_photograph_and_a_visit_takes_a_dozen(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = serving(street, worker)
    first = send_photo(street, worker, order, now + HOUR, picture(1))
    again = send_photo(street, worker, order, now + HOUR, picture(1))
    assert (first.new, again.new, again.id) == (True, False, first.id)
    for seed in range(2, photos.MOST + 1):
        send_photo(street, worker, order, now + HOUR, picture(seed))
    with pytest.raises(Refused, match="too_many_photos"):
        send_photo(street, worker, order, now + HOUR, picture(99))


def test_who_lost_the_visit_still_hands_in_her_pictures_and_a_stranger_none(street: Workforce, now: datetime) -> None:
    worker, other = street.add_worker("one"), street.add_worker("two", 9_000)
    order = serving(street, worker)
    with pytest.raises(Refused, match="not_found"):
        send_photo(street, other, order, now + HOUR, picture(1))
    street.conn.execute("UPDATE service_order SET worker_id = %s WHERE id = %s", (other.id, order))
    kept = send_photo(street, worker, order, now + HOUR, picture(1))
    with transaction(street.conn) as tx:
        assert photos.load(tx, now + HOUR, street.operator, order, kept.id) is not None
        assert photos.load(tx, now + HOUR, street.relative, order, kept.id) is None
        assert photos.load(tx, now + HOUR, worker.account, order, kept.id) is None
        assert photos.load(tx, now + HOUR, other.account, order, kept.id) is None


def test_a_picture_is_thrown_away_after_its_time_and_known_again_all_the_same(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = serving(street, worker)
    kept = send_photo(street, worker, order, now + HOUR, picture(1))
    for days, there in ((179, True), (181, False)):
        with transaction(street.conn) as tx:
            assert housekeep(tx, now + timedelta(days=days))
        with transaction(street.conn) as tx:
            assert (photos.load(tx, now, street.operator, order, kept.id) is not None) == there
    assert one(street.conn, "SELECT count(*) FROM visit_photo WHERE sha256 IS NOT NULL") == 1


def test_the_code_of_the_elders_side_confirms_at_once_and_is_not_guessed(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = serving(street, worker)
    [code] = street.order("confirm_code", order)
    wrong = f"{(int(str(code)) + 1) % 10_000:04}"
    for _ in range(5):
        assert finish(street, worker, order, now + HOUR, "提前", wrong) == "wrong_code"
    assert street.order("state, confirm_tries", order) == ("in_service", 5)
    with pytest.raises(Refused, match="code_expired"):
        finish(street, worker, order, now + HOUR, "提前", str(code))
    street.conn.execute("UPDATE service_order SET confirm_tries = 4 WHERE id = %s", (order,))
    assert finish(street, worker, order, now + HOUR, "提前", str(code)) is None
    assert street.order("state, confirmed_how, confirmed_by", order) == ("confirmed", "code", None)
    assert street.timeline(order)[-2:] == ["completed", "confirmed"]


def bath(street: Workforce, worker: Worker, now: datetime) -> int:
    order = street.accepted(worker, item="bath")
    visit_until(street, worker, order, "check_in", now + HOUR)
    return order


def test_a_bath_begins_only_with_vital_signs_that_were_measured_and_are_in_range(
    street: Workforce, now: datetime
) -> None:
    worker = street.add_worker("one")
    order = bath(street, worker, now)

    def try_to_begin(at: datetime) -> object:
        with transaction(street.conn) as tx:
            return begin(tx, at, order, worker.account)

    def measured(at: datetime, **signs: float) -> None:
        with transaction(street.conn) as tx:
            measure(tx, at, order, worker.account, HEALTHY | signs)

    with pytest.raises(Refused) as refused:
        try_to_begin(now + HOUR)
    assert (refused.value.code, refused.value.missing) == (
        "vitals_missing",
        ("signs.sbp", "signs.dbp", "signs.hr", "signs.temp"),
    )
    with pytest.raises(Refused, match="wrong_step"), transaction(street.conn) as tx:
        fail(tx, now + HOUR, order, worker.account, "unfit", None)
    measured(now + HOUR, sbp=182)
    assert try_to_begin(now + HOUR) == "unfit"
    assert street.order("state, attention", order) == ("checked_in", "unfit")
    measured(now + HOUR + 10 * MINUTE)
    assert try_to_begin(now + HOUR + 10 * MINUTE) is None
    assert street.order("state, attention", order) == ("in_service", None)


def test_what_is_out_of_range_may_end_the_visit_without_blame(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = bath(street, worker, now)
    with transaction(street.conn) as tx:
        measure(tx, now + HOUR, order, worker.account, HEALTHY | {"temp": 38.9})
    with transaction(street.conn) as tx:
        assert begin(tx, now + HOUR, order, worker.account) == "unfit"
    with transaction(street.conn) as tx:
        fail(tx, now + HOUR, order, worker.account, "unfit", None)
    assert street.order("state, end_reason", order) == ("failed", "unfit")


def test_the_wearable_of_the_elder_counts_and_an_old_measurement_does_not(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    order = bath(street, worker, now)
    key = add_device(street.conn, "W-1", "wearable", now)
    street.conn.execute(
        "INSERT INTO device_assignment (device_key, elder_id, valid_from) VALUES (%s, %s, %s)",
        (key, street.elder, now - HOUR),
    )
    street.conn.execute(
        "INSERT INTO reading (at, device_key, received_at, boot, seq, hr, sbp, dbp, temp)"
        " VALUES (%s, %s, %s, 'b', 1, 7200, 12800, 8200, 3650)",
        (now + HOUR, key, now + HOUR),
    )
    with pytest.raises(Refused, match="vitals_missing"), transaction(street.conn) as tx:
        begin(tx, now + HOUR + 31 * MINUTE, order, worker.account)
    with transaction(street.conn) as tx:
        assert begin(tx, now + HOUR + 29 * MINUTE, order, worker.account) is None
