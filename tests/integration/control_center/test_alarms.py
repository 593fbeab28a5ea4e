"""What operators read and do."""

from datetime import datetime, timedelta

from fastapi.testclient import TestClient

from schemas.database import transaction
from schemas.events import Event
from tests.integration.cast import NEWS2, Cast, raise_for
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection, one


def iso(moment: object) -> str:
    """A time as the API writes it."""
    return str(moment).replace(" ", "T").replace("+00:00", "Z")


def test_a_card_says_everything_at_once(client: TestClient, cast: Cast, clock: MovableClock) -> None:
    alarm_id = cast.alarms["vitals_of_chen"]
    card = client.get(f"/api/alarms/{alarm_id}", headers=cast.cookie("operator")).json()["card"]
    now = clock.now
    assert card == {
        "id": alarm_id,
        "kind": "vitals",
        "severity": "urgent",
        "state": "raised",
        "is_test": False,
        "raised_at": iso(now),
        "occurred_at": iso(now),
        "last_signal_at": iso(now),
        "signal_count": 1,
        "sla": {
            "answer": {"due_at": iso(now + timedelta(seconds=180)), "met_at": None, "breached": False},
            "dispatch": {"due_at": iso(now + timedelta(minutes=15)), "met_at": None, "breached": False},
            "accept": {"due_at": iso(now + timedelta(minutes=20)), "met_at": None, "breached": False},
            "on_scene": {"due_at": iso(now + timedelta(hours=1)), "met_at": None, "breached": False},
            "resolve": {"due_at": iso(now + timedelta(hours=4)), "met_at": None, "breached": False},
            "paused": None,
        },
        "next_due": {"at": iso(now), "reason": "escalate"},
        "escalation": {"level": 0, "roles": []},
        "acknowledged_at": None,
        "acknowledged_by": None,
        "resolved_at": None,
        "incident_id": card["incident_id"],
        "group": None,
        "claim": None,
        "shelved": None,
        "outcome": None,
        "outcome_cause": None,
        "news2": NEWS2,
        "finding": None,
        "device": {"id": "W-chen", "kind": "wearable"},
        "elder": {
            "id": cast.elders["chen"],
            "name": "陈秀英",
            "gender": "female",
            "age": card["elder"]["age"],
            "state": "home",
            "living_alone": True,
            "tags": ["living_alone", "aged_80"],
            "address": "朝阳路2号",
            "org": {"code": "500109002", "name": "朝阳街道"},
            "phone": "13900000000",
        },
        "residents": [],
        "address": "朝阳路2号",
        "org": {"code": "500109002", "name": "朝阳街道"},
        "home": None,
        "entry": None,
        "response": {
            "state": None,
            "due_at": None,
            "responder": None,
            "offers_open": 0,
            "offers_made": 0,
            "turned_away": {},
            "nearest_miss": None,
        },
    }


def test_a_household_alarm_names_the_residents_and_a_spare_device_nobody(client: TestClient, cast: Cast) -> None:
    operator = cast.cookie("operator")
    leak = client.get(f"/api/alarms/{cast.alarms['leak_at_home']}", headers=operator).json()["card"]
    spare = client.get(f"/api/alarms/{cast.alarms['spare_button']}", headers=operator).json()["card"]
    assert leak["elder"] is None
    assert [resident["name"] for resident in leak["residents"]] == ["李桂芳", "张德明"]
    assert (spare["elder"], spare["residents"], spare["address"]) == (None, [], "")
    assert spare["org"] == {"code": "", "name": ""}


def test_an_alarm_is_answered_from_press_to_outcome(client: TestClient, cast: Cast, clock: MovableClock) -> None:
    alarm = f"/api/alarms/{cast.alarms['sos_of_gui']}"
    operator, supervisor = cast.cookie("operator"), cast.cookie("supervisor")
    clock.move(seconds=9)
    taken = client.post(f"{alarm}/acknowledge", json={}, headers=operator).json()["card"]
    assert taken["state"] == "acknowledged"
    assert taken["acknowledged_by"] == {"id": cast.accounts["operator"], "name": "Name of operator"}
    assert taken["sla"]["answer"]["met_at"] == iso(clock.now)
    assert taken["next_due"]["reason"] == "realarm"
    clock.move(seconds=5)
    assert client.post(f"{alarm}/notes", json={"text": "  已通话 "}, headers=supervisor).status_code == 200
    clock.move(hours=1)
    body = {"outcome": "helped_by_phone", "note": None}
    ended = client.post(f"{alarm}/resolve", json=body, headers=supervisor).json()["card"]
    assert (ended["state"], ended["outcome"], ended["next_due"]) == ("resolved", "helped_by_phone", None)
    clock.move(hours=1)
    detail = client.get(alarm, headers=operator).json()
    assert detail["card"]["sla"]["answer"]["breached"] is False
    assert [entry["kind"] for entry in detail["timeline"]] == [
        "raised",
        "acknowledged",
        "noted",
        "resolved",
        "task_created",
    ]
    assert detail["timeline"][2]["note"] == "已通话"
    assert detail["timeline"][2]["actor"] == {"id": cast.accounts["supervisor"], "name": "Name of supervisor"}


def test_promises_break_while_time_passes_and_stop_when_the_alarm_ends(
    client: TestClient, cast: Cast, clock: MovableClock
) -> None:
    alarm, operator = f"/api/alarms/{cast.alarms['sos_of_gui']}", cast.cookie("operator")
    clock.move(seconds=61)
    sla = client.get(alarm, headers=operator).json()["card"]["sla"]
    assert sla["answer"]["breached"] is True
    client.post(f"{alarm}/acknowledge", json={}, headers=operator)
    client.post(f"{alarm}/resolve", json={"outcome": "false_alarm", "cause": "pressed_by_mistake"}, headers=operator)
    clock.move(hours=11)
    sla = client.get(alarm, headers=operator).json()["card"]["sla"]
    assert sla["answer"]["breached"] is True


def test_refused_commands_say_why_in_the_users_language(client: TestClient, cast: Cast) -> None:
    english = {**cast.cookie("operator"), "Accept-Language": "en"}
    sos, fall = f"/api/alarms/{cast.alarms['sos_of_gui']}", f"/api/alarms/{cast.alarms['possible_fall_of_gui']}"
    early = client.post(f"{sos}/resolve", json={"outcome": "helped_by_phone"}, headers=english)
    assert (early.status_code, early.json()["error"]["code"]) == (409, "not_yet_acknowledged")
    assert early.json()["error"]["message"] == "Acknowledge the alarm before resolving it"
    pending = client.post(f"{fall}/acknowledge", json={}, headers=cast.cookie("operator"))
    assert (pending.status_code, pending.json()["error"]["code"]) == (409, "not_yet_raised")
    assert pending.json()["error"]["message"].startswith("疑似跌倒")
    client.post(f"{sos}/acknowledge", json={}, headers=english)
    twice = client.post(f"{sos}/acknowledge", json={}, headers=english)
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "already_acknowledged")
    client.post(f"{sos}/resolve", json={"outcome": "false_alarm", "cause": "pressed_by_mistake"}, headers=english)
    after = client.post(f"{sos}/acknowledge", json={}, headers=english)
    assert (after.status_code, after.json()["error"]["code"]) == (409, "already_ended")


def test_lists_are_paged_newest_first(client: TestClient, cast: Cast) -> None:
    operator = cast.cookie("operator")
    ids: list[int] = []
    before = ""
    while page := client.get(f"/api/alarms?limit=2{before}", headers=operator).json()["alarms"]:
        assert len(page) <= 2
        ids += [card["id"] for card in page]
        before = f"&before={ids[-1]}"
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5
    ended = client.get("/api/alarms?view=ended", headers=operator).json()["alarms"]
    assert [(card["id"], card["outcome"]) for card in ended] == [(cast.alarms["ended"], "helped_by_phone")]


def test_the_overview_counts_the_day(client: TestClient, cast: Cast, conn: Connection, clock: MovableClock) -> None:
    clock.move(seconds=14)
    operator = cast.cookie("operator")
    client.post(f"/api/alarms/{cast.alarms['sos_of_gui']}/acknowledge", json={}, headers=operator)
    overview = client.get("/api/overview", headers=operator).json()
    assert overview["devices"] == {"online": 1, "total": 3}
    assert overview["open_alarms"] == {"emergency": 3, "urgent": 2, "advisory": 0, "technical": 0}
    assert overview["today"] == {
        "raised": 5,
        "answered": 2,
        "answered_within_target": 2,
        "escalated": 0,
        "median_answer_seconds": 7.0,
        "dispatched": 0,
        "dispatched_within_target": 0,
        "accepted": 0,
        "accepted_within_target": 0,
        "on_scene": 0,
        "on_scene_within_target": 0,
        "resolved": 1,
        "resolved_within_target": 1,
    }


def test_every_read_of_an_alarm_is_recorded(client: TestClient, cast: Cast, conn: Connection) -> None:
    alarm_id = cast.alarms["sos_of_gui"]
    for _ in range(2):
        client.get(f"/api/alarms/{alarm_id}", headers=cast.cookie("street_operator"))
    client.get(f"/api/alarms/{alarm_id}", headers=cast.cookie("outsider"))
    rows = conn.execute("SELECT account_id, action, elder_id, alarm_id FROM access_log").fetchall()
    assert rows == [(cast.accounts["street_operator"], "alarm.read", cast.elders["gui"], alarm_id)] * 2


def test_a_broken_score_does_not_take_the_card_with_it(client: TestClient, cast: Cast, conn: Connection) -> None:
    alarm_id = raise_for(
        conn, cast, cast_now(conn), "vitals", "urgent", "W-gui", elder="gui", details={"news2": {"score": "high"}}
    )
    card = client.get(f"/api/alarms/{alarm_id}", headers=cast.cookie("operator")).json()["card"]
    assert card["news2"] is None


def cast_now(conn: Connection) -> datetime:
    """The moment at which the cast's alarms were raised."""
    found = conn.execute("SELECT max(raised_at) FROM alarm").fetchone()
    assert found is not None and isinstance(found[0], datetime)
    return found[0]


def test_commands_append_their_event_in_the_same_transaction(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    before = one(conn, "SELECT max(id) FROM event")
    client.post(f"/api/alarms/{cast.alarms['sos_of_gui']}/acknowledge", json={}, headers=cast.cookie("operator"))
    with transaction(conn) as tx:
        tx.emit(Event("account.changed", clock.now, account_id=cast.accounts["worker"]))
    kinds = conn.execute("SELECT kind FROM event WHERE id > %s ORDER BY id", (before,)).fetchall()
    assert kinds == [("alarm.acknowledged",), ("account.changed",)]
