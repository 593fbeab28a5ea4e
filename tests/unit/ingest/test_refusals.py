"""Who is told of what was turned away, and when not."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.devices import KnownDevice
from ingest.refusals import LIKELY_MISTAKE, MOST_NAMES, TELL_AGAIN, Refusals, is_worth_telling, reason_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _known(*, revoked: bool) -> KnownDevice:
    return KnownDevice(key=1, revoked=revoked, wearers=(), lost_seconds=900)


def test_why_a_credential_is_wrong_the_register_knows() -> None:
    assert reason_of("wrong_credential", None) == "unknown_device"
    assert reason_of("wrong_credential", _known(revoked=True)) == "revoked"
    assert reason_of("wrong_credential", _known(revoked=False)) == "wrong_secret"
    assert reason_of("publish", _known(revoked=False)) == "publish"
    assert reason_of("wrong_client_id", None) == "unknown_device"


@pytest.mark.parametrize(
    ("reason", "recent", "told_at", "told"),
    [
        ("publish", 1, None, True),
        ("subscribe", 1, None, True),
        ("wrong_secret", LIKELY_MISTAKE - 1, None, False),
        ("wrong_secret", LIKELY_MISTAKE, None, True),
        ("revoked", LIKELY_MISTAKE, None, True),
        ("publish", 900, NOW - TELL_AGAIN + timedelta(seconds=1), False),
        ("publish", 900, NOW - TELL_AGAIN, True),
        ("unknown_device", 900, None, False),
    ],
)
def test_a_person_is_told_soon_enough_and_not_again_and_again(
    reason: str, recent: int, told_at: datetime | None, told: bool
) -> None:
    assert is_worth_telling(reason, recent, told_at, NOW) is told


def test_counts_are_taken_once_and_come_back_when_they_could_not_be_written() -> None:
    refusals = Refusals()
    refusals.note("W-1", "publish", "care/v1/0/x/event")
    refusals.note("W-1", "publish")
    taken = refusals.take()
    assert {key: (count.times, count.sample) for key, count in taken.items()} == {
        ("W-1", "publish"): (2, "care/v1/0/x/event")
    }
    assert refusals.take() == {}
    refusals.note("W-1", "publish")
    refusals.put_back(taken)
    assert refusals.take()[("W-1", "publish")].times == 3


def test_names_that_no_device_can_have_and_a_flood_of_names_are_not_kept() -> None:
    refusals = Refusals()
    for name in ("", "a b", "x" * 41, "手环", "\x00", "W.1"):
        refusals.note(name, "wrong_credential")
    assert refusals.take() == {}
    for number in range(MOST_NAMES + 10):
        refusals.note(f"W-{number}", "wrong_credential")
    refusals.note("W-0", "wrong_credential")
    taken = refusals.take()
    assert len(taken) == MOST_NAMES and taken[("W-0", "wrong_credential")].times == 2
