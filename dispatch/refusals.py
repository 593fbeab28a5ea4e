"""A command that cannot be carried out: a code the caller turns into words in the user's language."""

from typing import Literal

RefusalCode = Literal[
    "not_found",
    "already_ended",
    "already_acknowledged",
    "not_yet_acknowledged",
    "not_yet_raised",
]


class Refused(Exception):
    """The command changed nothing; `code` says why."""

    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code)
        self.code = code
