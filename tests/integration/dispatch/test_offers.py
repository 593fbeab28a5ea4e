"""One yes wins, every no or silence moves the order on, and whoever answers too late is told why."""

from datetime import datetime, timedelta

import pytest

from dispatch import replies
from dispatch.orders import cancel, reassign
from dispatch.refusals import Refused
from schemas.database import transaction
from tests.integration.dispatch.workforce import HOUR, MINUTE, Worker, Workforce
from tests.integration.district import Connection

SECOND = timedelta(seconds=1)


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def test_whoever_accepts_has_it_and_is_expected_by_the_end_of_the_window(
    storage_conn: Connection, now: datetime
) -> None:
    street = Workforce(storage_conn, now)
    worker = street.add_worker("near")
    order = street.accepted(worker)
    assert street.order("state, worker_id, accepted_at, due_at, due_reason", order) == (
        "accepted", worker.id, now, now + 2 * HOUR, "arrive",
    )  # fmt: skip
    assert street.offers(order=order) == [(worker.id, "accepted")]
    assert street.events()[-2:] == ["offer.accepted", "order.accepted"]
    told = street.conn.execute("SELECT account_id, order_id, elder_id FROM event ORDER BY id DESC LIMIT 1").fetchone()
    assert told == (worker.account, order, street.elder)


def test_a_declined_offer_goes_to_the_next(street: Workforce, now: datetime) -> None:
    near, far = street.add_worker("near"), street.add_worker("far", 3000)
    order = street.offered(near)
    assert street.decline(near, now + SECOND, "too_far", order=order) is None
    assert street.order("state, due_at, due_reason", order) == ("requested", now + SECOND, "assign")
    street.sweep(now + SECOND)
    assert street.offers(order=order) == [(near.id, "declined"), (far.id, "open")]
    assert street.accept(far, now + 2 * SECOND, order=order) is None
    assert street.timeline(order) == ["requested", "offered", "declined", "offered", "accepted"]


def test_an_expired_offer_moves_on_by_itself(street: Workforce, now: datetime) -> None:
    near, far = street.add_worker("near"), street.add_worker("far", 3000)
    order = street.offered(near)
    assert street.sweep(now + 89 * SECOND) == 0
    assert street.sweep(now + 90 * SECOND) == 1
    assert street.order("state, due_at, due_reason", order) == ("requested", now + 90 * SECOND, "assign")
    assert street.sweep(now + 90 * SECOND) == 1
    assert street.offers(order=order) == [(near.id, "expired"), (far.id, "open")]


def test_several_are_asked_at_once_where_the_policy_says_so(street: Workforce, now: datetime) -> None:
    one_, two, three = (street.add_worker(name, north) for name, north in (("a", 0), ("b", 500), ("c", 900)))
    order = street.offered(one_, two, item="escort")
    assert street.decline(one_, now, order=order) is None
    assert street.order("state, due_reason", order) == ("offered", "offer")
    assert street.accept(two, now + SECOND, order=order) is None
    assert street.offers(order=order) == [(one_.id, "declined"), (two.id, "accepted")]
    assert three.id not in dict(street.offers(order=order))


def test_the_loser_is_told_that_another_was_faster_and_that_is_written_down(street: Workforce, now: datetime) -> None:
    fast, slow = street.add_worker("fast"), street.add_worker("slow", 500)
    order = street.offered(fast, slow, item="escort")
    late = street.open_offer(slow, order=order)
    assert street.accept(fast, now + SECOND, order=order) is None
    assert street.offers(order=order) == [(fast.id, "accepted"), (slow.id, "withdrawn")]
    for _ in range(2):
        with transaction(street.conn) as tx:
            assert replies.accept(tx, now + 2 * SECOND, late, slow.account) == "taken_by_another"
        assert street.offers(order=order) == [(fast.id, "accepted"), (slow.id, "lost")]
    assert street.events().count("offer.lost") == 1
    assert street.order("worker_id", order) == (fast.id,)


@pytest.mark.parametrize("reply", ["accept", "decline"])
def test_an_answer_after_the_time_is_told_so_and_lets_the_search_go_on(
    street: Workforce, now: datetime, reply: str
) -> None:
    worker = street.add_worker("slow")
    order = street.offered(worker)
    late = getattr(street, reply)(worker, now + 90 * SECOND, order=order)
    assert late == "offer_expired"
    assert street.offers(order=order) == [(worker.id, "expired")]
    assert street.order("state, due_reason", order) == ("requested", "assign")


def _answers(street: Workforce, worker: Worker, offer: int, now: datetime) -> list[object]:
    told: list[object] = []
    with transaction(street.conn) as tx:
        told.append(replies.accept(tx, now, offer, worker.account))
    with transaction(street.conn) as tx:
        told.append(replies.decline(tx, now, offer, worker.account, "busy"))
    return told


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        ("accepted", "already_accepted"),
        ("declined", "already_declined"),
        ("expired", "offer_expired"),
        ("cancelled", "order_cancelled"),
        ("cancelled_after_acceptance", "order_cancelled"),
        ("reassigned", "offer_withdrawn"),
        ("elder_away", "offer_withdrawn"),
    ],
)
def test_an_answer_that_does_not_count_any_more_changes_nothing(
    street: Workforce, now: datetime, happens: str, told: str
) -> None:
    worker = street.add_worker("slow")
    order = street.offered(worker)
    offer = street.open_offer(worker, order=order)
    _let_happen(street, now, happens, worker, order)
    before = street.order("service_order::text", order), street.offers(order=order), street.events()
    assert _answers(street, worker, offer, now + SECOND) == [told, told]
    assert (street.order("service_order::text", order), street.offers(order=order), street.events()) == before


def _let_happen(street: Workforce, now: datetime, happens: str, worker: Worker, order: int) -> None:
    from_staff = {"cancelled": cancel, "cancelled_after_acceptance": cancel, "reassigned": reassign}
    if happens in ("accepted", "cancelled_after_acceptance", "reassigned"):
        street.accept(worker, now, order=order)
    if happens == "declined":
        street.decline(worker, now, order=order)
    if happens == "expired":
        street.sweep(now + 90 * SECOND)
    if happens == "elder_away":
        street.elder_becomes("hospital", now)
    if happens in from_staff:
        with transaction(street.conn) as tx:
            from_staff[happens](tx, now, order, street.operator, "改约")


def test_only_the_one_who_was_asked_can_answer(street: Workforce, now: datetime) -> None:
    asked, other = street.add_worker("asked"), street.add_worker("other", 900)
    offer = street.open_offer(asked, order=street.offered(asked))
    for account in (other.account, street.operator, street.relative, 10**6):
        with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
            replies.accept(tx, now, offer, account)
    with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
        replies.accept(tx, now, 10**6, asked.account)
    street.conn.execute("UPDATE account SET disabled_at = %s WHERE id = %s", (now, asked.account))
    with pytest.raises(Refused, match="not_found"), transaction(street.conn) as tx:
        replies.accept(tx, now, offer, asked.account)


def test_accepting_what_overlaps_is_refused_and_counts_as_declined(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    first = street.offered(worker, item="bath", lasts=10 * MINUTE)
    second = street.offered(worker, item="bath", lasts=10 * MINUTE, elder=street.add_neighbour(300))
    assert street.accept(worker, now, order=first) is None
    assert street.accept(worker, now, order=second) == "overlaps"
    assert street.order("state, due_at, due_reason", second) == ("requested", now, "assign")
    declined = "SELECT decline_reason FROM offer WHERE order_id = %s AND state = 'declined'"
    assert street.conn.execute(declined, (second,)).fetchone() == ("busy",)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE provider SET state = 'suspended'",
        "DELETE FROM provider_area",
        "UPDATE worker_skill SET valid_to = '2021-01-01'",
        "DELETE FROM worker_shift",
    ],
)
def test_whoever_lost_the_conditions_meanwhile_is_told_so(street: Workforce, now: datetime, change: str) -> None:
    worker = street.add_worker("one")
    order = street.offered(worker)
    street.conn.execute(change.encode())
    assert street.accept(worker, now, order=order) == "no_longer_eligible"
    assert street.offers(order=order) == [(worker.id, "withdrawn")]
    assert street.order("state, due_at, due_reason", order) == ("requested", now, "assign")
    street.sweep(now)
    assert street.order("attention, due_at", order) == ("nobody_eligible", now + 5 * MINUTE)


def test_a_slow_yes_is_not_held_against_a_worker_who_could_just_make_it(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("far", 3000)
    order = street.offered(worker, begins=-MINUTE, lasts=16 * MINUTE + 10 * SECOND)
    assert street.accept(worker, now + 80 * SECOND, order=order) is None
