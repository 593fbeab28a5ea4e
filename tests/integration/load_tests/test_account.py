"""The account of a fleet's messages: what is lost, doubled or was never sent is found, by identity."""

from datetime import datetime

import pytest

from load_tests.account import Account, count_stored, take_account
from load_tests.chaos.letters import count_letters
from load_tests.fleet.ledger import EVENT, TELEMETRY, FleetLedger
from tests.integration.district import Connection, add_person

READING = "INSERT INTO reading (at, device_key, boot, seq, hr) VALUES (%s, %s, %s, %s, 7200)"
PRESS = (
    "INSERT INTO device_event (device_key, boot, seq, kind, at, received_at, topic, payload) "
    "VALUES (%s, %s, %s, 'sos', %s, %s, 't', '')"
)
AGAIN = "INSERT INTO reading (at, device_key, boot, seq, hr) SELECT at, device_key, boot, seq, hr FROM reading"
NEVER_SENT = AGAIN.replace("seq, hr FROM", "9, hr FROM")
OTHERS = AGAIN.replace("boot, seq, hr FROM", "'other', seq, hr FROM")


def _sent(conn: Connection, now: datetime) -> tuple[FleetLedger, list[int]]:
    """Five acknowledged readings and a press, and a reading that the broker never answered; all of them stored."""
    person = add_person(conn, 1, now)
    ledger = FleetLedger([person.wearable, person.button])
    for seq in range(6):
        number = ledger.offer(0, seq, TELEMETRY, 1000.0 + seq, 1000.0 + seq)
        if seq < 5:
            ledger.acknowledge(number, 1001.0 + seq)
        conn.execute(READING, (now, person.wearable_key, ledger.boot, seq))
    ledger.acknowledge(ledger.offer(1, 0, EVENT, 1000.0, 1000.0), 1001.0)
    conn.execute(PRESS, (person.button_key, ledger.boot, 0, now, now))
    return ledger, [person.wearable_key, person.button_key]


def _figures(account: Account) -> dict[str, int]:
    return {
        "stored": account.stored,
        "lost": len(account.lost),
        "duplicated": account.duplicated,
        "never_sent": account.unknown,
    }


def test_everything_stored_once_holds(conn: Connection, now: datetime) -> None:
    ledger, keys = _sent(conn, now)
    for _ in range(2):
        account = take_account(conn, ledger, keys)
        assert _figures(account) == {"stored": 7, "lost": 0, "duplicated": 0, "never_sent": 0}
        assert account.holds
    assert count_stored(conn, ledger) == 7
    assert count_letters(conn, 0.0) == {}


@pytest.mark.parametrize(
    ("damage", "found", "lost"),
    [
        ("DELETE FROM reading WHERE seq = 3", {"lost": 1, "stored": 6}, [(TELEMETRY, 3)]),
        ("DELETE FROM reading WHERE seq = 5", {"stored": 6}, []),
        ("DELETE FROM device_event", {"lost": 1, "stored": 6}, [(EVENT, 0)]),
        (f"{AGAIN} WHERE seq = 2", {"duplicated": 1}, []),
        (f"{AGAIN} WHERE seq < 2", {"duplicated": 2}, []),
        (f"{NEVER_SENT} WHERE seq = 2", {"never_sent": 1}, []),
        (f"{OTHERS} WHERE seq = 2", {}, []),
    ],
)
def test_whatever_is_wrong_is_counted(
    damage: str, found: dict[str, int], lost: list[tuple[int, int]], conn: Connection, now: datetime
) -> None:
    ledger, keys = _sent(conn, now)
    conn.execute(damage.encode())
    account = take_account(conn, ledger, keys)
    assert _figures(account) == {"stored": 7, "lost": 0, "duplicated": 0, "never_sent": 0} | found
    assert [(ledger.lane[number], ledger.seq[number]) for number in account.lost] == lost
    assert account.holds == (not {"lost", "duplicated", "never_sent"} & found.keys())
