"""Where providers call back: signed with the secret shared with each, and heard once however often they say it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from control_center.dependencies import Database, Db, Now
from control_center.errors import ApiError
from dispatch.answers import Key
from dispatch.provider_words import Word, hear, heard_before
from dispatch.transports.signatures import BadSignature, check
from schemas.settings import Settings

ProviderName = Literal["voice", "sms"]
log = structlog.get_logger()
router = APIRouter(prefix="/api/callbacks", tags=["callbacks"])


class ProviderWord(BaseModel):
    """What became of a message, by the id under which it was handed over; `key` is what was pressed."""

    id: UUID
    event: Word
    key: Key | None = None


async def _verified(provider: ProviderName, request: Request, now: Now) -> str:
    """The id of a message that this provider has signed lately. Raises ApiError: not_found, bad_signature."""
    settings: Settings = request.app.state.settings
    secret = settings.voice_secret if provider == "voice" else settings.sms_secret
    if secret is None:
        raise ApiError("not_found")
    try:
        return check(secret, request.headers, await request.body(), now)
    except BadSignature:
        log.warning("callback_refused", provider=provider)
        raise ApiError("bad_signature") from None


async def verified_voice(request: Request, now: Now) -> str:
    """The id of a message that the voice provider has signed lately. Raises ApiError: not_found, bad_signature."""
    return await _verified("voice", request, now)


Verified = Annotated[str, Depends(_verified)]
"""Of the provider that the path names."""
VerifiedVoice = Annotated[str, Depends(verified_voice)]


@router.post("/{provider}", status_code=204)
def hear_provider(provider: ProviderName, word: ProviderWord, message_id: Verified, db: Db, now: Now) -> None:
    """A provider says what became of a message, or which key was pressed. Said again it changes nothing."""
    _hear(db, now, provider, word, message_id)


def _hear(db: Database, now: datetime, provider: ProviderName, word: ProviderWord, message_id: str) -> None:
    with db.transaction() as tx:
        if not heard_before(tx, now, provider, message_id):
            hear(tx, now, provider, word.id, word.event, word.key)
