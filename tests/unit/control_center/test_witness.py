"""What sockets were shown is told once, and kept while it cannot be written."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
import pytest

from control_center import witness as module
from control_center.cards import AlarmCard, ElderBrief, Org
from control_center.dependencies import Database
from control_center.witness import AccessRecorder, Witness
from tests.unit.control_center.test_screens import card

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def resident(elder_id: int) -> ElderBrief:
    """Somebody who lives there."""
    return ElderBrief(
        id=elder_id,
        name="x",
        gender="female",
        age=80,
        state="home",
        living_alone=False,
        tags=[],
        address="",
        org=Org(code="", name=""),
        phone=None,
    )


def card_of(alarm_id: int, *elders: int) -> AlarmCard:
    """A card that shows elders."""
    return card(alarm_id).model_copy(update={"residents": [resident(elder_id) for elder_id in elders]})


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
    seen.know([card_of(7, 1)])
    seen.see(card_of(7, 1))
    seen.see(card_of(8, 1))
    assert seen.tell() == {8: {1}}
    seen.see(card_of(8, 1))
    assert seen.tell() == {}
    seen.see(card_of(7, 1, 2))
    assert seen.tell() == {7: {1, 2}}


def test_what_cannot_be_written_is_kept_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    database = UnreliableDatabase()
    recorder = AccessRecorder(cast(Database, database), lambda: NOW)
    seen = Witness(1)
    database.away = True
    for alarm_id in (7, 8, 9):
        seen.see(card_of(alarm_id, alarm_id * 10))
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
        seen.see(card_of(alarm_id))
        with pytest.raises(psycopg.OperationalError):
            asyncio.run(recorder.flush([seen]))
    database.away = False
    asyncio.run(recorder.flush([]))
    assert [row["alarm_id"] for row in database.written[3:]] == [18, 19]
