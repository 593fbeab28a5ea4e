"""A relative's page: how she is, what happened, who is on the way, who comes."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from control_center import families
from tests.integration.cast import Cast, raise_for
from tests.integration.cast_at_work import add_offer, add_order, send_to
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection, by_hand


def elder_of(client: TestClient, cast: Cast, member: str = "family_of_gui") -> Any:
    """The one elder on a family's page."""
    [elder] = client.get("/api/family", headers=cast.cookie(member)).json()["elders"]
    return elder


def end_alarms(conn: Connection, now: datetime) -> None:
    """Everything is over."""
    with by_hand(conn):
        conn.execute(
            "UPDATE alarm SET state = 'resolved', ended_at = %s, outcome = 'helped_on_site', due_reason = 'close'"
            " WHERE ended_at IS NULL",
            (now,),
        )


def iso(moment: datetime) -> str:
    """A time as the API writes it."""
    return moment.isoformat().replace("+00:00", "Z")


def test_a_family_sees_its_own_elder_and_nobody_else(client: TestClient, cast: Cast, now: datetime) -> None:
    for member, name in (("family_of_gui", "李桂芳"), ("family_of_chen", "陈秀英")):
        answer = client.get("/api/family", headers=cast.cookie(member))
        assert [found["elder"]["name"] for found in answer.json()["elders"]] == [name]
        assert answer.json()["server_time"] == iso(now)
        assert "张德明" not in answer.text and "邓淑珍" not in answer.text
    assert set(elder_of(client, cast)) == {"elder", "wellbeing", "since", "last_sign_at", "alarms", "visits"}


def test_a_member_of_two_families_sees_both_by_name(client: TestClient, cast: Cast, conn: Connection) -> None:
    conn.execute(
        "INSERT INTO membership (account_id, elder_id, valid_from) VALUES (%s, %s, '2020-01-01Z')",
        (cast.accounts["family_of_gui"], cast.elders["chen"]),
    )
    elders = client.get("/api/family", headers=cast.cookie("family_of_gui")).json()["elders"]
    assert {found["elder"]["id"] for found in elders} == {cast.elders["gui"], cast.elders["chen"]}
    of_chen = next(found for found in elders if found["elder"]["id"] == cast.elders["chen"])
    assert [visit["id"] for visit in of_chen["visits"]] == [cast.orders["bath_of_chen"]]
    assert {alarm["id"] for alarm in of_chen["alarms"]} == {cast.alarms["vitals_of_chen"], cast.alarms["ended"]}


def test_a_right_that_ended_shows_nobody(client: TestClient, cast: Cast, conn: Connection, now: datetime) -> None:
    conn.execute("UPDATE membership SET valid_to = %s WHERE elder_id = %s", (now, cast.elders["gui"]))
    assert client.get("/api/family", headers=cast.cookie("family_of_gui")).json()["elders"] == []


def test_help_is_followed_from_the_press_to_the_door(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    end_alarms(conn, clock.now)
    assert elder_of(client, cast)["wellbeing"] == "fine"
    alarm_id = raise_for(conn, cast, clock.now, "sos", "emergency", "W-gui", elder="gui", household="tiansheng")
    alarm, operator, pressed = f"/api/alarms/{alarm_id}", cast.cookie("operator"), clock.now
    assert (elder_of(client, cast)["wellbeing"], elder_of(client, cast)["since"]) == ("alarm", iso(pressed))
    clock.move(seconds=20)
    client.post(f"{alarm}/acknowledge", json={}, headers=operator)
    assert (elder_of(client, cast)["wellbeing"], elder_of(client, cast)["since"]) == ("being_handled", iso(clock.now))
    clock.move(seconds=20)
    send_to(conn, cast, clock.now, "worker_of_gui", alarm_id)
    coming = elder_of(client, cast)
    assert (coming["wellbeing"], coming["since"]) == ("help_coming", iso(clock.now))
    assert coming["alarms"][0]["responder"] == "Name of worker_of_gui"
    clock.move(minutes=4)
    client.post(f"{alarm}/arrive", json={}, headers=cast.cookie("worker_of_gui"))
    assert (elder_of(client, cast)["wellbeing"], elder_of(client, cast)["since"]) == ("help_there", iso(clock.now))
    clock.move(minutes=9)
    client.post(f"{alarm}/resolve", json={"outcome": "helped_on_site", "note": "悄悄话"}, headers=operator)
    after = elder_of(client, cast)
    assert after["wellbeing"] == "fine"
    assert after["alarms"][0]["outcome"] == "helped_on_site"
    assert after["alarms"][0]["raised_at"] == iso(pressed)
    assert "悄悄话" not in str(after)


def test_alarms_are_told_for_seven_days_newest_first(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    conn.execute("UPDATE session SET expires_at = expires_at + interval '30 days'")
    shown = [alarm["id"] for alarm in elder_of(client, cast)["alarms"]]
    assert shown == [cast.alarms["leak_at_home"], cast.alarms["sos_of_gui"]]
    end_alarms(conn, clock.now)
    clock.move(days=7)
    assert {alarm["id"] for alarm in elder_of(client, cast)["alarms"]} > set(shown)
    clock.move(seconds=1)
    assert elder_of(client, cast)["alarms"] == []


@pytest.mark.parametrize(("minutes", "word"), [(59, "fine"), (61, "quiet")])
def test_an_hour_without_a_sign_from_any_device_is_quiet(
    minutes: int, word: str, client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    end_alarms(conn, clock.now)
    heard = clock.now
    conn.execute(
        "INSERT INTO device_presence (device_key, last_seen_at) VALUES (%s, %s)",
        (cast.devices["B-tiansheng"], heard),
    )
    clock.move(minutes=minutes)
    elder = elder_of(client, cast)
    assert (elder["wellbeing"], elder["last_sign_at"]) == (word, iso(heard))
    assert elder["since"] == (iso(heard) if word == "quiet" else None)


def test_without_a_device_nothing_is_known_and_away_is_away(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    end_alarms(conn, clock.now)
    conn.execute("UPDATE device SET revoked_at = %s", (clock.now,))
    assert (elder_of(client, cast)["wellbeing"], elder_of(client, cast)["last_sign_at"]) == ("no_device", None)
    path = f"/api/elders/{cast.elders['gui']}/state"
    client.put(path, json={"state": "hospital"}, headers=cast.cookie("operator"))
    assert (elder_of(client, cast)["wellbeing"], elder_of(client, cast)["since"]) == ("away", iso(clock.now))


def test_visits_of_today_and_tomorrow_come_by_time_after_those_to_confirm(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    tomorrow = add_order(conn, cast, now, "gui", "worker_of_gui", begins=60 * 35)
    tonight = add_order(conn, cast, now, "gui", state="requested", due=(1, "assign"), begins=60 * 8)
    add_order(conn, cast, now, "gui", state="requested", due=(1, "assign"), begins=60 * 36)
    ended = {"ended_at": now - timedelta(days=1), "due": None, "state": "cancelled"}
    add_order(conn, cast, now, "gui", begins=-60 * 24, **ended)
    add_order(conn, cast, now, "gui", "worker_of_gui", is_test=True)
    unconfirmed = add_order(
        conn,
        cast,
        now,
        "gui",
        "worker_of_gui",
        begins=-60 * 24,
        state="completed",
        due=(60, "confirm"),
        completed_at=now - timedelta(hours=23),
        ended_at=now - timedelta(hours=23),
    )
    add_offer(conn, cast, now, "asked_worker", order=tonight)
    visits = elder_of(client, cast)["visits"]
    assert [visit["id"] for visit in visits] == [
        unconfirmed,
        cast.orders["done_for_gui"],
        cast.orders["visit_of_gui"],
        tonight,
        tomorrow,
    ]
    assert {visit["note"] for visit in visits} == {None} and {visit["offers_made"] for visit in visits} == {0}


def test_a_long_history_is_not_gone_through(cast: Cast, conn: Connection, now: datetime) -> None:
    conn.execute(
        "INSERT INTO alarm (kind, severity, state, elder_id, household_id, device_key, is_test, occurred_at, raised_at,"
        " last_signal_at, ended_at, outcome) SELECT 'sos', 'emergency', 'closed', %s, %s, %s, false, at, at, at, at,"
        " 'helped_by_phone'"
        " FROM (SELECT %s - n * interval '1 hour' AS at FROM generate_series(1, 5000) AS n) AS ended",
        (cast.elders["chen"], cast.households["chaoyang"], cast.devices["W-chen"], now),
    )
    conn.execute("ANALYZE alarm")
    about = {
        "now": now,
        "since": now - timedelta(days=7),
        "account_id": cast.accounts["family_of_gui"],
        "elder_ids": [cast.elders["gui"]],
    }
    query = b"EXPLAIN " + families.ALARMS.as_string(conn).encode()
    plan = "\n".join(found[0] for found in conn.execute(query, about))
    assert "Seq Scan on alarm" not in plan, plan
