"""Prices and the ledger come to a service that has orders already, and can be taken away again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dispatch.catalogue.items import item_on_sale
from dispatch.catalogue.versions import Wanted, publish, terms_of
from dispatch.money import settlements
from launcher.migrations import migrate
from schemas.database import connect, transaction
from tests.conftest import Storage
from tests.integration.dispatch.money.books import AFTER, NOVEMBER, NOW, Books
from tests.schema_versions import take_down_to

BEFORE_PRICES = 23


@pytest.fixture
def url(storage: Storage) -> Iterator[str]:
    """A fresh migrated database on each storage."""
    made = storage.new_database()
    yield made
    storage.drop(made)


def test_earlier_visits_are_settled_for_nothing_and_what_was_sold_stays_when_prices_go(url: str) -> None:
    with connect(url, "test") as conn:
        books = Books(conn)
        early = books.done()
        take_down_to(url, BEFORE_PRICES)
        conn.execute(
            "UPDATE service_order SET state = 'confirmed', confirmed_at = %s, due_at = NULL, due_reason = NULL,"
            " price_fen = 0, subsidy_fen = 0, provider_fen = 0 WHERE id = %s",
            (NOW, early),
        )
        conn.execute("INSERT INTO order_event (order_id, at, kind) VALUES (%s, %s, 'confirmed')", (early, NOW))
        migrate(url)
        assert books.entries("kind, key, month, order_id, provider_id, lines") == [
            ("charge", f"order:{early}", NOVEMBER, early, books.provider, 0)
        ]
        [due_at, reason] = books.order("due_at, due_reason", early)
        assert (due_at, reason) == (datetime(2026, 12, 9, 16, tzinfo=UTC), "settle")
        late = books.confirmed("meal")
        with transaction(conn) as tx:
            item = item_on_sale(tx, "haircut", NOW, "500109")
            assert item is not None
            wanted = Wanted("500109", "haircut", NOW)
            publish(tx, NOW, books.supervisor, wanted, replace(terms_of(item), price_fen=2_000))
        cut = books.confirmed("haircut")
        assert books.approve(books.draft()) == settlements.Totals(3, 3_200, 0, 3_200, 3_500, 0, 3_500)
        open_visit = books.confirmed("bath", at=AFTER + timedelta(days=1))

        take_down_to(url, BEFORE_PRICES)
        known = "SELECT id, item_code, item_version, state FROM service_order ORDER BY id"
        assert conn.execute(known).fetchall() == [
            (early, "meal", 1, "settled"),
            (late, "meal", 1, "settled"),
            (cut, "haircut", 2, "settled"),
            (open_visit, "bath", 1, "confirmed"),
        ]
        on_sale = "SELECT code FROM catalogue_item WHERE valid_to IS NULL ORDER BY code"
        assert [row[0] for row in conn.execute(on_sale)] == ["bath", "escort", "meal", "wellbeing_check"]
        migrate(url)
        assert len(conn.execute(on_sale).fetchall()) == 16
        assert [row[0] for row in conn.execute("SELECT order_id FROM ledger_entry ORDER BY id")] == [open_visit]
