"""Devices are told to talk, to ring and where they are; what they answer stands on the alarm's timeline."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch.answering import acknowledge, resolve
from dispatch.answers import answer as answer_by_keypad
from dispatch.commands import (
    LIFETIME,
    acknowledge_command,
    answer_press,
    claim_due,
    mark_tried,
    position_of,
    settle,
)
from dispatch.refusals import Refused
from dispatch.telling import OperatorCommand, tell_device
from schemas.database import transaction
from tests.integration.dispatch.called import Calls, add_reach
from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.dispatch.silent import Silent
from tests.integration.district import Connection, add_operator


def tell(desk: Desk, now: datetime, alarm_id: int, kind: OperatorCommand, device: str | None = None) -> uuid.UUID:
    """The operator tells a device something."""
    with transaction(desk.conn) as tx:
        return tell_device(tx, now, alarm_id, desk.operator, kind, device)


def sent(desk: Desk, now: datetime) -> list[tuple[str, str]]:
    """What is published at a moment: kind and device."""
    with transaction(desk.conn) as tx:
        due = claim_due(tx, now, 50)
        for command in due:
            mark_tried(tx, now, [command])
    return [(command["kind"], command["device_id"]) for command in due]


def answer(desk: Desk, now: datetime, device_key: int, command: uuid.UUID, result: str) -> bool:
    """A device's answer arrives."""
    with transaction(desk.conn) as tx:
        return acknowledge_command(tx, now, device_key, str(command), result)


def end(desk: Desk, now: datetime) -> int:
    """The engine's look at commands that are over."""
    with transaction(desk.conn) as tx:
        return settle(tx, now, 50)


def last(desk: Desk, alarm_id: int) -> tuple[str, dict[str, Any]]:
    """The newest row of the timeline."""
    found = desk.conn.execute(
        "SELECT kind, detail FROM alarm_event WHERE alarm_id = %s ORDER BY id DESC LIMIT 1", (alarm_id,)
    ).fetchone()
    assert found is not None
    return found[0], found[1]


def press(desk: Desk, now: datetime, alarm_id: int, device_key: int, seq: int) -> None:
    """An event of a device is stored as one of the alarm's."""
    desk.conn.execute(
        "INSERT INTO device_event (device_key, boot, seq, kind, at, received_at, topic, payload, alarm_id)"
        " VALUES (%s, 'b', %s, 'sos', %s, %s, 't', '', %s)",
        (device_key, seq, now, now, alarm_id),
    )


def test_a_device_is_told_again_until_it_answers_and_its_answer_is_told(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    command = tell(desk, now, alarm_id, "ring")
    assert sent(desk, now) == [("ring", desk.person.wearable)]
    assert sent(desk, now + SECOND) == []
    assert sent(desk, now + 2 * SECOND) == [("ring", desk.person.wearable)]
    assert not answer(desk, now + 3 * SECOND, desk.person.button_key, command, "ringing")
    assert answer(desk, now + 3 * SECOND, desk.person.wearable_key, command, "ringing")
    assert sent(desk, now + 60 * SECOND) == []
    assert end(desk, now + 3 * SECOND) == 1
    assert end(desk, now + 3 * SECOND) == 0
    kind, detail = last(desk, alarm_id)
    assert kind == "command_answered"
    assert detail == {
        "command_id": str(command),
        "command": "ring",
        "device": desk.person.wearable,
        "result": "ringing",
    }
    assert desk.events()[-2:] == ["alarm.commanded", "alarm.command_answered"]


def test_a_command_that_nobody_answered_expires_once_and_says_so(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    command = tell(desk, now, alarm_id, "talk")
    expiry = now + LIFETIME["talk"]
    assert end(desk, expiry - SECOND) == 0
    assert sent(desk, expiry) == []
    assert end(desk, expiry) == 1
    assert last(desk, alarm_id)[0] == "command_expired"
    assert not answer(desk, expiry + SECOND, desk.person.wearable_key, command, "talking")
    assert end(desk, expiry + timedelta(hours=1)) == 0


def test_a_place_that_a_device_answers_is_told_as_a_place(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    command = tell(desk, now, alarm_id, "locate")
    answer(desk, now, desk.person.wearable_key, command, "29.826100,106.431000")
    end(desk, now)
    assert (last(desk, alarm_id)[1]["lat"], last(desk, alarm_id)[1]["lon"]) == (29.8261, 106.431)


@pytest.mark.parametrize("result", ["no position", "", "91,0", "0,181", "1,2,3", "29.8;106.4", "nan,nan", "1e5,1"])
def test_what_is_no_place_is_not_taken_for_one(result: str) -> None:
    assert position_of(result) is None


def test_the_same_command_on_its_way_is_not_sent_twice(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    first = tell(desk, now, alarm_id, "ring")
    assert tell(desk, now + 5 * SECOND, alarm_id, "ring") == first
    assert tell(desk, now + 5 * SECOND, alarm_id, "ring", desk.person.button) != first
    answer(desk, now + 6 * SECOND, desk.person.wearable_key, first, "ringing")
    assert tell(desk, now + 7 * SECOND, alarm_id, "ring") != first


def test_only_devices_of_the_home_and_only_staff_in_scope_can_be_reached(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    alarm_id = desk.raised(now)
    with pytest.raises(Refused, match="no_device"):
        tell(desk, now, alarm_id, "ring", "W-99999")
    conn.execute("UPDATE device SET revoked_at = %s", (now,))
    with pytest.raises(Refused, match="no_device"):
        tell(desk, now, alarm_id, "ring")
    conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳街道', '500109/500109002/')")
    desk.operator = add_operator(conn, "operator2", now, "500109002")
    with pytest.raises(Refused, match="not_found"):
        tell(desk, now, alarm_id, "ring")


def test_nobody_is_located_once_the_alarm_is_over(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    alarm_id = desk.raised(now)
    with transaction(conn) as tx:
        acknowledge(tx, now, alarm_id, desk.operator)
    with transaction(conn) as tx:
        resolve(tx, now, alarm_id, desk.operator, "helped_by_phone", None)
    with pytest.raises(Refused, match="already_ended"):
        tell(desk, now, alarm_id, "locate")


def test_telling_a_device_is_progress(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    alarm_id = desk.raised(now)
    desk.acknowledge(now, alarm_id)
    tell(desk, now + 200 * SECOND, alarm_id, "talk")
    assert desk.sweep(now + 301 * SECOND) == 0
    assert desk.alarm("state", alarm_id) == ("acknowledged",)


def test_the_light_of_every_device_that_called_answers(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    press(desk, now, alarm_id, desk.person.wearable_key, 1)
    press(desk, now + SECOND, alarm_id, desk.person.button_key, 1)
    desk.acknowledge(now + 5 * SECOND, alarm_id)
    assert sorted(sent(desk, now + 5 * SECOND)) == [("seen", desk.person.button), ("seen", desk.person.wearable)]


def test_a_press_that_joins_an_alarm_in_hand_is_answered_at_once_and_only_its_own_light(
    desk: Desk, now: datetime
) -> None:
    alarm_id = desk.raised(now)
    press(desk, now, alarm_id, desk.person.wearable_key, 1)
    with transaction(desk.conn) as tx:
        answer_press(tx, now, alarm_id)
    assert sent(desk, now) == []
    desk.acknowledge(now + 5 * SECOND, alarm_id)
    assert sent(desk, now + 5 * SECOND) == [("seen", desk.person.wearable)]
    press(desk, now + 6 * SECOND, alarm_id, desk.person.button_key, 1)
    with transaction(desk.conn) as tx:
        answer_press(tx, now + 6 * SECOND, alarm_id)
    assert ("seen", desk.person.button) in sent(desk, now + 6 * SECOND)
    assert desk.conn.execute("SELECT count(*) FROM command").fetchone() == (2,)


def test_the_light_answers_too_when_the_alarm_was_taken_by_keypad(
    conn: Connection, database_url: str, now: datetime
) -> None:
    desk = Desk(conn, now)
    add_reach(conn, now, desk.operator, "voice", "+8613900000001", 1)
    calls = Calls(desk, database_url, now, {"voice": Silent("voice")})
    alarm_id = desk.raised(now)
    press(desk, now, alarm_id, desk.person.button_key, 1)
    calls.summon(alarm_id, desk.operator)
    calls.send()
    with transaction(conn) as tx:
        answer_by_keypad(tx, now + SECOND, calls.all()[0]["key"], "1")
    assert sorted(sent(desk, now + SECOND)) == [("seen", desk.person.button), ("seen", desk.person.wearable)]
