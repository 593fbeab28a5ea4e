"""What is sold changes from a moment on, in one district; an order keeps what it was sold under."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatch.catalogue.items import Item, item_on_sale, items_on_sale
from dispatch.catalogue.profiles import Profile, profile_of, set_profile
from dispatch.catalogue.subsidy_rules import NewRule, end_rule, set_rule
from dispatch.catalogue.versions import Terms, Wanted, publish, retract, terms_of, withdraw
from dispatch.refusals import Refused
from schemas.database import transaction
from tests.integration.dispatch.money.books import NOW, Books
from tests.integration.district import Connection, one

DAY = timedelta(days=1)
HERE, THERE = "500109", "500112"


@pytest.fixture
def books(conn: Connection) -> Books:
    """The street, and a neighbouring district."""
    conn.execute("INSERT INTO org_unit VALUES (%s, NULL, 'district', '渝北区', '500112/')", (THERE,))
    return Books(conn)


def sold(books: Books, code: str, days: float = 0, district: str = HERE) -> Item | None:
    with transaction(books.conn) as tx:
        return item_on_sale(tx, code, NOW + days * DAY, district)


def terms(books: Books, code: str = "haircut") -> Terms:
    item = sold(books, code)
    assert item is not None
    return terms_of(item)


def announce(books: Books, changed: Terms, days: float = 0, code: str = "haircut") -> int:
    with transaction(books.conn) as tx:
        return publish(tx, NOW, books.supervisor, Wanted(HERE, code, NOW + days * DAY), changed)


def price(books: Books, days: float, district: str = HERE) -> int | None:
    item = sold(books, "haircut", days, district)
    return None if item is None else item.price_fen


def test_a_new_version_is_sold_from_its_moment_on_and_orders_keep_theirs(books: Books) -> None:
    before = books.request("haircut")
    assert announce(books, replace(terms(books), price_fen=1_500, duration_minutes=45)) == 2
    after = books.request("haircut")
    columns = "item_version, price_fen, duration_minutes"
    assert books.order(columns, before) == (1, 1_000, 30)
    assert books.order(columns, after) == (2, 1_500, 45)
    assert price(books, 0, THERE) == 1_000


def test_what_is_cooked_at_the_elders_home_comes_from_no_kitchen(books: Books) -> None:
    kitchen = one(
        books.conn,
        "INSERT INTO kitchen (name, org_code, lat, lon) VALUES ('食堂', %s, 29.81, 106.4) RETURNING id",
        HERE,
    )
    assert books.order("kitchen_id", books.request("meal")) == (kitchen,)
    assert books.order("kitchen_id", books.request("cook")) == (None,)
    announce(books, replace(terms(books, "meal"), price_fen=1_000), code="meal")
    announce(books, replace(terms(books, "cook"), from_kitchen=True), code="cook")
    assert books.order("item_version, kitchen_id", books.request("meal")) == (2, kitchen)
    assert books.order("item_version, kitchen_id", books.request("cook")) == (2, kitchen)


def test_later_versions_follow_each_other_whatever_order_they_were_published_in(books: Books) -> None:
    announce(books, replace(terms(books), price_fen=3_000), 30)
    announce(books, replace(terms(books), price_fen=2_000), 20)
    announce(books, replace(terms(books), price_fen=2_500), 25)
    assert [price(books, days) for days in (0, 19.9, 20, 24.9, 25, 29.9, 30, 300)] == [
        1_000, 1_000, 2_000, 2_000, 2_500, 2_500, 3_000, 3_000,
    ]  # fmt: skip
    with pytest.raises(Refused, match="version_planned"):
        announce(books, terms(books), 25)
    with transaction(books.conn) as tx:
        retract(tx, NOW, HERE, "haircut", 4)
    assert [price(books, days) for days in (20, 25, 29.9, 30)] == [2_000, 2_000, 2_000, 3_000]
    with transaction(books.conn) as tx:
        retract(tx, NOW, HERE, "haircut", 2)
    assert price(books, 300) == 2_000


def test_what_has_begun_or_is_anothers_is_not_taken_back(books: Books) -> None:
    announce(books, terms(books))
    for district, version, code in ((HERE, 2, "already_begun"), (HERE, 1, "not_found"), (THERE, 2, "not_found")):
        with pytest.raises(Refused, match=code), transaction(books.conn) as tx:
            retract(tx, NOW, district, "haircut", version)


def test_an_item_taken_from_sale_can_no_longer_be_ordered_in_that_district_alone(books: Books) -> None:
    order = books.request("haircut")
    with transaction(books.conn) as tx:
        withdraw(tx, NOW, books.supervisor, Wanted(HERE, "haircut", NOW + DAY))
    assert (price(books, 0.9), price(books, 1), price(books, 1, THERE)) == (1_000, None, 1_000)
    with transaction(books.conn) as tx:
        assert "haircut" not in {item.code for item in items_on_sale(tx, NOW + DAY, HERE)}
        assert "haircut" in {item.code for item in items_on_sale(tx, NOW + DAY, THERE)}
        assert "haircut" in {item.code for item in items_on_sale(tx, NOW + DAY, None)}
    with pytest.raises(Refused, match="unknown_item"):
        books.request("haircut", 3 * DAY, now=NOW + DAY)
    with pytest.raises(Refused, match="unknown_item"), transaction(books.conn) as tx:
        withdraw(tx, NOW, books.supervisor, Wanted(HERE, "haircut", NOW + 2 * DAY))
    assert books.order("state", order) == ("requested",)
    announce(books, terms(books), 5)
    assert (price(books, 4.9), price(books, 5)) == (None, 1_000)


@pytest.mark.parametrize(
    ("changed", "days", "code"),
    [
        ({}, -1, "in_the_past"),
        ({}, 500, "too_far_ahead"),
        ({"skills": ("flying",)}, 0, "unknown_skill"),
        ({"assist": "meal"}, 0, "other_assist"),
    ],
)
def test_what_makes_no_sense_is_not_published(books: Books, changed: dict[str, object], days: float, code: str) -> None:
    with pytest.raises(Refused, match=code):
        announce(books, replace(terms(books), **changed), days)  # type: ignore[arg-type]


def test_a_new_item_is_sold_in_its_district_only(books: Books) -> None:
    announce(books, terms(books), code="manicure")
    assert sold(books, "manicure") is not None
    assert sold(books, "manicure", district=THERE) is None


def test_a_districts_rule_replaces_its_like_and_gives_way_when_it_is_ended(books: Books) -> None:
    books.tag("aged_80")
    own = NewRule(HERE, "aged_80", None, "meal", None, 900, 2_000)
    with transaction(books.conn) as tx:
        set_rule(tx, NOW, books.supervisor, replace(own, fixed_fen=500))
    first = books.request("meal")
    with transaction(books.conn) as tx:
        rule = set_rule(tx, NOW, books.supervisor, own)
    orders = [books.request("meal") for _ in range(3)]
    assert [books.order("subsidy_fen", order)[0] for order in (first, *orders)] == [500, 900, 600, 0]
    with transaction(books.conn) as tx:
        end_rule(tx, NOW, books.supervisor, HERE, rule)
    # The common rule is about the same category and assist: what was paid this month counts for it too.
    assert books.order("subsidy_fen, subsidy_category", books.request("meal")) == (300, "aged_80")
    with pytest.raises(Refused, match="not_found"), transaction(books.conn) as tx:
        end_rule(tx, NOW, books.supervisor, HERE, rule)
    with pytest.raises(Refused, match="unknown_item"), transaction(books.conn) as tx:
        set_rule(tx, NOW, books.supervisor, replace(own, assist=None, item_code="flying"))


def test_a_service_profile_is_kept_with_what_was_said_before(books: Books) -> None:
    def say(profile: Profile, note: str | None = None) -> bool:
        with transaction(books.conn) as tx:
            return set_profile(tx, NOW, books.elder, profile, note, books.operator)

    heavy = Profile(85, False, "female")
    assert [say(Profile(60)), say(heavy), say(heavy), say(heavy, "左侧偏瘫")] == [True, True, False, True]
    with transaction(books.conn) as tx:
        assert profile_of(tx, books.elder) == heavy
    history = books.conn.execute("SELECT weight_kg, note, account_id FROM service_profile_change ORDER BY id")
    assert history.fetchall() == [
        (60, None, books.operator),
        (85, None, books.operator),
        (85, "左侧偏瘫", books.operator),
    ]
    order = books.request("bath")
    found = books.conn.execute("SELECT source, worker_sex FROM service_order ORDER BY id").fetchall()
    assert found == [("operator", "female"), ("companion", "female")]
    assert books.order("lead_id", order) == (None,)
