"""A command that cannot be carried out: a code the caller turns into words in the user's language."""

from typing import Literal

RefusalCode = Literal[
    "not_found",
    "already_ended",
    "already_acknowledged",
    "not_yet_acknowledged",
    "not_yet_raised",
    "responder_on_the_way",
    "in_the_past",
    "too_far_ahead",
    "window_empty",
    "window_too_long",
    "unknown_item",
    "unknown_skill",
    "elder_away",
    "already_accepted",
    "already_declined",
    "taken_by_another",
    "offer_expired",
    "offer_withdrawn",
    "order_cancelled",
    "order_ended",
    "wrong_step",
    "overlaps",
    "no_longer_eligible",
    "too_far",
    "too_vague",
    "too_early",
    "mistyped_code",
    "unknown_code",
    "device_in_use",
    "device_revoked",
    "already_assigned",
    "not_assigned",
]


class Refused(Exception):
    """The command changed nothing; `code` says why."""

    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code)
        self.code = code
