"""What sockets were shown is told once, and kept while it cannot be written."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
import pytest

from control_center import witness as module
from control_center.cards import AlarmCard
from control_center.dependencies import Database
from control_center.seats import Seat
from control_center.subjects import Card, Key
from control_center.witness import AccessRecorder, Witness, record_board
from tests.unit.control_center.made_cards import NOW, alarm_card, offer_card, order_card


def alarm_of(alarm_id: int, *elders: int) -> tuple[Key, AlarmCard]:
    """An alarm that shows elders."""
    return Key("alarm", alarm_id), alarm_card(alarm_id, residents=elders)


class UnreliableDatabase:
    """Keeps what is written; away when told so."""

    def __init__(self) -> None:
        self.away = False
        self.written: list[dict[str, Any]] = []

    def execute(self, _query: object, params: dict[str, Any]) -> int:
        """Write one row."""
        self.written.append(params)
        return 1

    @contextmanager
    def transaction(self) -> Iterator["UnreliableDatabase"]:
        """A transaction, or none."""
        if self.away:
            raise psycopg.OperationalError("away")
        yield self


def test_a_card_is_told_once_and_again_only_when_it_shows_somebody_else() -> None:
    seen = Witness(1)
    seen.know(dict([alarm_of(7, 1)]))
    seen.see(*alarm_of(7, 1))
    seen.see(*alarm_of(8, 1))
    assert seen.tell() == {Key("alarm", 8): {1}}
    seen.see(*alarm_of(8, 1))
    assert seen.tell() == {}
    seen.see(*alarm_of(7, 1, 2))
    assert seen.tell() == {Key("alarm", 7): {1, 2}}


def test_what_cannot_be_written_is_kept_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    database = UnreliableDatabase()
    recorder = AccessRecorder(cast(Database, database), lambda: NOW)
    seen = Witness(1)
    database.away = True
    for alarm_id in (7, 8, 9):
        seen.see(*alarm_of(alarm_id, alarm_id * 10))
        with pytest.raises(psycopg.OperationalError):
            asyncio.run(recorder.flush([seen]))
    database.away = False
    asyncio.run(recorder.flush([]))
    assert [(row["at"], row["alarm_id"], row["elder_ids"]) for row in database.written] == [
        (NOW, 7, [70]),
        (NOW, 8, [80]),
        (NOW, 9, [90]),
    ]
    asyncio.run(recorder.flush([]))
    assert len(database.written) == 3

    monkeypatch.setattr(module, "MAX_WAITING", 2)
    database.away = True
    for alarm_id in (17, 18, 19):
        seen.see(*alarm_of(alarm_id, 1))
        with pytest.raises(psycopg.OperationalError):
            asyncio.run(recorder.flush([seen]))
    database.away = False
    asyncio.run(recorder.flush([]))
    assert [row["alarm_id"] for row in database.written[3:]] == [18, 19]


def test_orders_are_recorded_beside_alarms_and_offers_show_nobody() -> None:
    database = UnreliableDatabase()
    recorder = AccessRecorder(cast(Database, database), lambda: NOW)
    seen = Witness(1)
    seen.see(Key("offer", 3), offer_card(3))
    assert seen.tell() == {}
    seen.see(Key("order", 4), order_card(4, elder_id=40))
    asyncio.run(recorder.flush([seen]))
    seen.see(*alarm_of(7, 70))
    seen.see(*alarm_of(8, 80))
    seen.see(Key("order", 5), order_card(5, elder_id=50))
    asyncio.run(recorder.flush([seen]))
    assert [(row["alarm_id"], row["order_id"], row["elder_ids"]) for row in database.written] == [
        (None, 4, [40]),
        (None, 5, [50, 70, 80]),
    ]
    assert [row["detail"].obj for row in database.written] == [
        {"order_ids": [4]},
        {"alarm_ids": [7, 8], "order_ids": [5]},
    ]


def test_a_board_is_recorded_with_whom_it_shows() -> None:
    database = UnreliableDatabase()
    worker = Seat(9, b"", "worker")
    record_board(cast(Database, database), NOW, worker, {Key("offer", 3): offer_card(3)})
    assert database.written == []
    board: dict[Key, Card] = {Key("offer", 3): offer_card(3), Key("order", 4): order_card(4, elder_id=40)}
    record_board(cast(Database, database), NOW, worker, board)
    assert [(row["account_id"], row["elder_ids"], row["detail"].obj) for row in database.written] == [
        (9, [40], {"order_ids": [4]})
    ]
