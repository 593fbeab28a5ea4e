"""States and codes of telephone calls, and the state that follows from a call's times."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, get_args

Direction = Literal["inbound", "outbound"]
CallState = Literal["queued", "ringing", "answered", "ended", "missed", "failed"]
CALL_OVER: Final[frozenset[CallState]] = frozenset({"ended", "missed", "failed"})
CallWord = Literal["ringing", "answered", "ended", "failed"]
"""What a provider, or who dials by hand, says of a call."""
Party = Literal["elder", "household", "contact", "key_holder", "emergency_service", "unknown"]
"""Who is at the other end."""
PARTIES: Final[tuple[Party, ...]] = get_args(Party)
"""Nearest to the elder first."""
CallOutcome = Literal[
    "help_needed",
    "all_well",
    "passed_on",
    "no_answer",
    "engaged",
    "silent",
    "wrong_number",
    "test_call",
    "ordered",
    "other",
]
BY_HAND: Final = "hand"
"""The provider of calls that are made on a telephone Anban knows nothing of."""


@dataclass(frozen=True)
class CallTimes:
    """When what happened to a call. Of two words about the same thing the earlier time counts, so that words may come
    late, twice and in any order."""

    queued_at: datetime
    rang_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    failed: bool = False

    @property
    def state(self) -> CallState:
        """What follows; the table has the same rule as a constraint."""
        if self.ended_at is not None and self.answered_at is not None:
            return "ended"
        if self.failed:
            return "failed"
        if self.ended_at is not None:
            return "missed"
        if self.answered_at is not None:
            return "answered"
        return "queued" if self.rang_at is None else "ringing"

    def after(self, word: CallWord, at: datetime) -> "CallTimes":
        """The times after a word about something that happened at `at`."""
        match word:
            case "ringing":
                return replace(self, rang_at=_earlier(self.rang_at, at))
            case "answered":
                return replace(self, answered_at=_earlier(self.answered_at, at))
            case "ended":
                return replace(self, ended_at=_earlier(self.ended_at, at))
            case "failed":
                return replace(self, ended_at=_earlier(self.ended_at, at), failed=True)


def _earlier(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else min(known, at)
