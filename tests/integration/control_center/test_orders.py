"""An order from its making to its settlement, as staff, the worker and the family see it over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from psycopg import ClientCursor
from psycopg.types.json import Jsonb

from control_center import orders
from control_center.order_views import offer_cards, order_cards
from dispatch.order_deadlines import sweep_orders
from schemas.database import transaction
from schemas.district_time import month_of
from tests.integration.cast import Cast
from tests.integration.cast_at_work import add_offer, add_order
from tests.integration.control_center.conftest import MovableClock
from tests.integration.control_center.order_states import put_order
from tests.integration.district import Connection, one

AT_GUIS = {"lat": 29.8301, "lon": 106.4402, "accuracy_m": 20}


def iso(moment: datetime) -> str:
    """A time as the API writes it."""
    return moment.isoformat().replace("+00:00", "Z")


def do(client: TestClient, cast: Cast, member: str, path: str, body: object = None, status: int = 200) -> Any:
    """What a member's command is answered, which must have the status."""
    answer = client.post(path, json={} if body is None else body, headers=cast.cookie(member))
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_card_says_everything_at_once(client: TestClient, cast: Cast, now: datetime) -> None:
    order = cast.orders["visit_of_gui"]
    card = client.get(f"/api/orders/{order}", headers=cast.cookie("operator")).json()["card"]
    elder, proof = card.pop("elder"), card["proof"]
    assert proof["photos_needed"] == 1
    assert (elder["id"], elder["name"], elder["address"]) == (cast.elders["gui"], "李桂芳", "天生路1号")
    assert card == {
        "id": order,
        "state": "accepted",
        "is_test": False,
        "item": {
            "code": "meal",
            "version": 1,
            "assist": "meal",
            "name_zh": "助餐（送餐上门）",
            "name_en": "Meal delivery",
            "duration_minutes": 15,
            "skills": ["meal_delivery"],
        },
        "home": {"lat": 29.8301, "lon": 106.4402},
        "window_from": iso(now + timedelta(minutes=20)),
        "window_to": iso(now + timedelta(minutes=80)),
        "note": "a private word",
        "requested_at": iso(now - timedelta(minutes=10)),
        "source": "operator",
        "requested_by": {"id": cast.accounts["operator"], "name": "Name of operator"},
        "sla": {
            "accept": {"due_at": iso(now), "met_at": iso(now - timedelta(minutes=8)), "breached": False},
            "arrive": {"due_at": iso(now + timedelta(minutes=80)), "met_at": None, "breached": False},
            "finish": None,
        },
        "next_due": {"at": iso(now + timedelta(minutes=60)), "reason": "arrive"},
        "worker": {
            "id": cast.workers["worker_of_gui"],
            "name": "Name of worker_of_gui",
            "provider": "安心家政",
            "phone": "13700000000",
        },
        "predicted_at": None,
        "risk": None,
        "accepted_at": iso(now - timedelta(minutes=8)),
        "departed_at": None,
        "checked_in_at": None,
        "begun_at": None,
        "completed_at": None,
        "confirmed_at": None,
        "ended_at": None,
        "end_reason": None,
        "attention": None,
        "offers_open": 0,
        "offers_made": 1,
        "mode": None,
        "priority": 0,
        "lead_id": None,
        "companion": None,
        "planned_at": None,
        "hall_until": None,
        "proof": proof,
        "price": {"price_fen": 0, "subsidy_fen": 0, "elder_fen": 0, "category": None},
    }


def test_staff_say_how_much_an_order_matters_and_how_it_finds_its_worker(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    wish = {
        "elder_id": cast.elders["gui"],
        "item": "bath",
        "window_from": (clock.now + timedelta(days=1)).isoformat(),
    }
    asked = [wish, wish | {"priority": 7, "mode": "plan"}]
    made = [do(client, cast, "operator", "/api/orders", body, 201)["card"] for body in asked]
    assert [(card["priority"], card["mode"]) for card in made] == [(0, None), (7, "plan")]
    ids = [card["id"] for card in made]
    kept = conn.execute("SELECT priority, mode FROM service_order WHERE id = ANY(%s) ORDER BY id", (ids,)).fetchall()
    assert kept == [(0, None), (7, "plan")]
    path = f"/api/orders/{ids[1]}"
    hers = client.get(path, headers=cast.cookie("family_of_gui")).json()["card"]
    assert (hers["priority"], hers["mode"]) == (None, None)
    for wrong in ({"priority": 10}, {"priority": -1}, {"priority": "7"}, {"mode": "random"}):
        assert do(client, cast, "operator", "/api/orders", wish | wrong, 422)["error"]["code"] == "invalid"


def test_an_order_goes_from_request_to_settlement(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    conn.execute("DELETE FROM worker_shift WHERE worker_id = %s", (cast.workers["worker_of_gui"],))
    wish = {
        "elder_id": cast.elders["gui"],
        "item": "bath",
        "window_from": (clock.now + timedelta(minutes=40)).isoformat(),
        "skills": ["first_aid"],
        "note": "  门铃坏了 ",
    }
    made = do(client, cast, "street_operator", "/api/orders", wish, 201)["card"]
    assert (made["state"], made["note"], made["item"]["skills"]) == ("requested", "门铃坏了", ["bathing", "first_aid"])
    assert made["window_to"] == iso(clock.now + timedelta(minutes=160))
    with transaction(conn) as tx:
        sweep_orders(tx, clock.now, 100)
    order = f"/api/orders/{made['id']}"
    [offer] = client.get(order, headers=cast.cookie("operator")).json()["offers"]
    assert (offer["worker"]["id"], offer["state"], offer["reasons"]["rank"]) == (
        cast.workers["asked_worker"],
        "open",
        1,
    )

    taken = do(client, cast, "asked_worker", f"/api/offers/{offer['id']}/accept")["offer"]
    assert taken["state"] == "accepted"
    clock.move(minutes=12)
    assert do(client, cast, "asked_worker", f"{order}/depart")["card"]["state"] == "en_route"
    there = do(client, cast, "asked_worker", f"{order}/check-in", AT_GUIS)["card"]
    assert (there["state"], there["checked_in_at"]) == ("checked_in", iso(clock.now))
    assert there["sla"]["finish"]["due_at"] == iso(clock.now + timedelta(minutes=90))
    clock.move(minutes=3)
    assert do(client, cast, "asked_worker", f"{order}/begin", status=422)["error"]["code"] == "vitals_missing"
    vitals = {"sbp": 128, "dbp": 82, "hr": 72, "temp": 36.5}
    assert do(client, cast, "asked_worker", f"{order}/measurements", vitals)["card"]["price"] is None
    assert do(client, cast, "asked_worker", f"{order}/begin")["card"]["state"] == "in_service"
    clock.move(minutes=50)
    ending = {**AT_GUIS, "note": "洗好了", "reason": "手机拍不了照片"}
    done = do(client, cast, "asked_worker", f"{order}/complete", ending)["card"]
    assert (done["state"], done["home"], done["note"], done["elder"]["phone"]) == ("completed", None, None, None)
    confirmed = do(client, cast, "family_of_gui", f"{order}/confirm")["card"]
    assert (confirmed["state"], confirmed["next_due"]) == ("confirmed", None)
    assert confirmed["price"] == {"price_fen": 12_000, "subsidy_fen": 0, "elder_fen": 12_000, "category": None}

    detail = client.get(order, headers=cast.cookie("operator")).json()
    steps = ["requested", "offered", "accepted", "departed", "checked_in", "measured", "begun"]
    steps += ["completed", "confirmed"]
    assert [entry["kind"] for entry in detail["timeline"]] == steps
    told = client.get(order, headers=cast.cookie("family_of_gui")).json()["timeline"]
    assert [entry["kind"] for entry in told] == [step for step in steps if step not in ("offered", "measured")]
    assert told[1]["actor"]["name"] == "Name of asked_worker" and told[0]["actor"] is None

    month = f"{month_of(clock.now):%Y-%m}"
    clock.move(days=32)
    conn.execute("UPDATE session SET expires_at = %s", (clock.now + timedelta(hours=1),))
    [listed] = client.get(f"/api/settlements?month={month}", headers=cast.cookie("supervisor")).json()["settlements"]
    body = {"district_code": "500109", "provider_id": listed["provider"]["id"], "month": month}
    drafted = do(client, cast, "supervisor", "/api/settlements", body, 201)
    assert [(line["order_id"], line["minutes"], line["provider_fen"]) for line in drafted["lines"]] == [
        (made["id"], 50, 11_400)
    ]
    assert drafted["differences"] == []


def test_an_order_is_cancelled_reassigned_and_searched_for_again(client: TestClient, cast: Cast) -> None:
    order = f"/api/orders/{cast.orders['visit_of_gui']}"
    free = do(client, cast, "operator", f"{order}/reassign", {"reason": "车坏了"})["card"]
    assert (free["state"], free["worker"], free["accepted_at"]) == ("requested", None, None)
    assert client.get(order, headers=cast.cookie("worker_of_gui")).status_code == 404
    assert do(client, cast, "operator", f"{order}/search")["card"]["next_due"]["reason"] == "assign"
    gone = do(client, cast, "operator", f"{order}/cancel", {"reason": "老人外出"})["card"]
    assert (gone["state"], gone["end_reason"], gone["next_due"]) == ("cancelled", "老人外出", None)
    for step, body in (("cancel", {"reason": "x"}), ("reassign", {"reason": "x"}), ("search", {}), ("confirm", {})):
        refused = do(client, cast, "operator", f"{order}/{step}", body, 409)
        assert refused["error"]["code"] == "order_cancelled", step


def test_an_elder_who_goes_away_calls_for_a_person_until_she_is_back(client: TestClient, cast: Cast) -> None:
    state, operator = f"/api/elders/{cast.elders['gui']}/state", cast.cookie("operator")
    order = f"/api/orders/{cast.orders['visit_of_gui']}"
    assert client.put(state, json={"state": "hospital"}, headers=operator).status_code == 200
    attention = client.get(order, headers=operator).json()["card"]["attention"]
    assert (attention["kind"], attention["turned_away"], attention["nearest_miss"]) == ("elder_away", {}, None)
    assert client.put(state, json={"state": "home"}, headers=operator).status_code == 200
    assert client.get(order, headers=operator).json()["card"]["attention"] is None


def test_what_a_search_found_is_shown_and_a_broken_note_does_not_take_the_card_with_it(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    order = f"/api/orders/{cast.orders['bath_of_chen']}"
    put_order(conn, cast, now, "bath_of_chen", "requested")
    conn.execute(
        "UPDATE service_order SET attention = 'nobody_eligible', attention_at = %s, attention_detail = "
        '\'{"turned_away": {"skill": 2}, "nearest_miss": {"worker": "王丽", "missing": "shift",'
        ' "travel_minutes": 7}}\' WHERE id = %s',
        (now, cast.orders["bath_of_chen"]),
    )
    card = client.get(order, headers=cast.cookie("operator")).json()["card"]
    assert card["attention"] == {
        "kind": "nobody_eligible",
        "at": iso(now),
        "turned_away": {"skill": 2},
        "nearest_miss": {"worker": "王丽", "missing": "shift", "travel_minutes": 7},
        "predicted_at": None,
        "late_minutes": None,
    }
    assert card["next_due"] is None
    conn.execute("UPDATE service_order SET attention_detail = '[1]' WHERE id = %s", (cast.orders["bath_of_chen"],))
    card = client.get(order, headers=cast.cookie("operator")).json()["card"]
    assert (card["attention"]["kind"], card["attention"]["turned_away"]) == ("nobody_eligible", {})


def test_a_visit_that_will_be_late_tells_staff_when_it_begins_and_how_late(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    order, begins = cast.orders["visit_of_gui"], now + timedelta(minutes=92)
    detail = {"predicted_at": begins.isoformat(), "late_minutes": 12}
    conn.execute(
        "UPDATE service_order SET predicted_at = %s, risk = 'late', attention = 'likely_late', attention_at = %s,"
        " attention_detail = %s WHERE id = %s",
        (begins, now, Jsonb(detail), order),
    )
    card = client.get(f"/api/orders/{order}", headers=cast.cookie("operator")).json()["card"]
    assert (card["predicted_at"], card["risk"]) == (iso(begins), "late")
    told = card["attention"]
    assert (told["kind"], told["predicted_at"], told["late_minutes"]) == ("likely_late", iso(begins), 12)
    hers = client.get(f"/api/orders/{order}", headers=cast.cookie("worker_of_gui")).json()["card"]
    assert (hers["risk"], hers["attention"]) == (None, None)


def test_lists_are_paged_newest_first(client: TestClient, cast: Cast, conn: Connection, now: datetime) -> None:
    made = [add_order(conn, cast, now, "gui", state="requested", due=(1, "assign")) for _ in range(5)]
    for member in ("operator", "family_of_gui"):
        ids: list[int] = []
        before = ""
        while page := client.get(f"/api/orders?limit=2{before}", headers=cast.cookie(member)).json()["orders"]:
            assert len(page) <= 2
            ids += [card["id"] for card in page]
            before = f"&before={ids[-1]}"
        assert ids == sorted(ids, reverse=True)
        assert ids[:5] == made[::-1]


@contextmanager
def counted(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """The queries that a connection is asked meanwhile."""
    asked: list[object] = []
    ask = conn.cursor

    def listening(*args: Any, **kwargs: Any) -> Any:
        asked.append(1)
        return ask(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(conn, "cursor", listening)
        yield asked


def test_cards_cost_the_same_few_queries_however_many_there_are(
    cast: Cast, conn: Connection, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [add_order(conn, cast, now, elder, "worker_of_gui") for elder in ("gui", "chen", "zhang") * 10]
    offers = [add_offer(conn, cast, now, "asked_worker", order=order) for order in made]
    for count in (1, 30):
        with counted(conn, monkeypatch) as asked:
            assert len(order_cards(conn, made[:count], now)) == count
            assert len(offer_cards(conn, offers[:count], now)) == count
        assert len(asked) == 4
    assert order_cards(conn, [], now) == {} and offer_cards(conn, [10**9], now) == {}


def test_the_overview_counts_the_day_and_what_is_broken_now(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    def overview() -> Any:
        return client.get("/api/overview", headers=cast.cookie("operator")).json()

    first = overview()
    today = {"requested": 3, "accepted": 2, "accepted_within_target": 2, "completed": 1, "arrived_within_window": 1}
    assert first["orders"] == {"open": 2, "attention": 0, "late": 0, "today": today}
    assert first["breached"] == {"alarms": 0, "orders": 0}
    clock.move(seconds=61)
    assert overview()["breached"] == {"alarms": 2, "orders": 1}
    clock.move(minutes=80)
    assert overview()["orders"]["late"] == 1
    assert overview()["breached"]["orders"] == 2
    assert one(conn, "SELECT count(*) FROM service_order WHERE ended_at IS NULL") == 3


def _plan(conn: Connection, query: bytes, about: dict[str, object]) -> str:
    with ClientCursor(conn) as cursor:
        return "\n".join(found[0] for found in cursor.execute(b"EXPLAIN " + query, about))


def test_lists_find_their_orders_by_index(cast: Cast, conn: Connection, now: datetime) -> None:
    conn.execute(
        "INSERT INTO service_order (elder_id, item_code, item_version, state, is_test, skills, duration_minutes,"
        " window_from, window_to, requested_at, requested_by, accept_due_at, ended_at)"
        " SELECT %s, 'meal', 1, 'cancelled', false, '{meal_delivery}', 15, at, at + interval '1 hour', at, %s, at, at"
        " FROM (SELECT %s - n * interval '1 hour' AS at FROM generate_series(1, 5000) AS n) AS made",
        (cast.elders["zhang"], cast.accounts["operator"], now),
    )
    conn.execute("ANALYZE service_order")
    about = {"now": now, "account_id": cast.accounts["operator"], "before": 2**62, "limit": 50}
    for query in (orders.OPEN, orders.ENDED, orders.OF_ELDERS):
        text = query.as_string(conn).encode()
        plan = _plan(conn, text, {**about, "ended": False, "elder_ids": [cast.elders["gui"]]})
        assert "Seq Scan on service_order" not in plan, plan
