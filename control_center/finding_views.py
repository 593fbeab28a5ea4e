"""What was found, read from what is stored with an alarm or computed for an elder."""

from typing import Final

import structlog
from pydantic import ValidationError

from control_center.finding_cards import AlarmFinding, News2

log: Final = structlog.get_logger()


def news2_of(stored: object) -> News2 | None:
    """A stored or computed NEWS2 score; one in an unknown shape must not take the card with it."""
    if stored is None:
        return None
    try:
        return News2.model_validate(stored)
    except ValidationError as error:
        log.error("unreadable_news2", faults=error.error_count())
        return None


def finding_of(details: dict[str, object]) -> AlarmFinding | None:
    """What an alarm's details say was found; one in an unknown shape must not take the card with it."""
    found = {name: value for name, value in details.items() if name in AlarmFinding.model_fields}
    try:
        return AlarmFinding.model_validate(found) if found else None
    except ValidationError as error:
        log.error("unreadable_finding", faults=error.error_count())
        return None
