"""What the voice provider says about calls: they come in, ring, are answered and end."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from control_center.callbacks import VerifiedVoice
from control_center.dependencies import Db, Moment, Now, Storable
from control_center.errors import ApiError
from dispatch.calling import VOICE
from dispatch.calls import Word, hear
from dispatch.provider_words import heard_before
from schemas.calls import CallWord

WORDS: Final[dict[str, CallWord | None]] = {
    "queued": None,
    "ringing": "ringing",
    "answered": "answered",
    "ended": "ended",
    "failed": "failed",
    "recorded": None,
}
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), Storable]
log: Final = structlog.get_logger()
router = APIRouter(prefix="/api/callbacks", tags=["callbacks"])


class CallSaid(BaseModel):
    """One word about a call. `reference` is the provider's own name for it; `id` is ours, for one that we asked for;
    `from` and `to` are numbers. `extension`: the telephone that rings or answered. Other fields are not looked at."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    event: Literal["queued", "ringing", "answered", "ended", "failed", "recorded"]
    direction: Literal["inbound", "outbound"]
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200), Storable] | None = None
    id: UUID | None = None
    caller: Annotated[Text | None, Field(alias="from")] = None
    called: Annotated[Text | None, Field(alias="to")] = None
    extension: Text | None = None
    at: Moment | None = None
    recording: Annotated[str, StringConstraints(max_length=1000), Storable] | None = None
    cause: Text | None = None

    def word(self, now: datetime) -> Word:
        """The word as the domain takes it."""
        inbound = self.direction == "inbound"
        return Word(
            word=WORDS[self.event],
            at=self.at or now,
            reference=self.reference,
            key=str(self.id) if self.id is not None and not inbound else None,
            inbound=inbound,
            number=(self.caller if inbound else self.called) or None,
            line=self.called if inbound else None,
            extension=self.extension or None,
            recording=self.recording or None,
            cause=self.cause or None,
        )


@router.post("/voice/calls", status_code=204)
def hear_of_call(said: CallSaid, message_id: VerifiedVoice, db: Db, now: Now) -> None:
    """The voice provider says how a call goes, one that came in or one that was asked for. Said again, late or in
    another order it comes to the same. Of a call that nobody knows there is nothing to be told."""
    if said.reference is None and (said.id is None or said.direction == "inbound"):
        raise ApiError("invalid")
    with db.transaction() as tx:
        if heard_before(tx, now, VOICE, message_id):
            return
        if hear(tx, now, VOICE, said.word(now)) is None:
            log.warning("word_about_unknown_call", word=said.event, reference=said.reference)
