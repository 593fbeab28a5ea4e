"""Which transports this installation has: settings that are not given mean that a way is impossible."""

import sys
from typing import Final

from dispatch.reach import TransportName
from dispatch.transports.email import EmailTransport
from dispatch.transports.message import Transport
from dispatch.transports.provider import Provider, ProviderTransport
from dispatch.transports.web_push import WebPushTransport
from dispatch.transports.webhook import WebhookTransport
from schemas.settings import Settings

NEEDED: Final[dict[TransportName, tuple[str, ...]]] = {
    "web_push": ("vapid_key", "vapid_contact"),
    "voice": ("voice_url", "voice_secret"),
    "sms": ("sms_url", "sms_secret"),
    "email": ("smtp_url", "mail_from"),
}
"""The settings of each transport that has any."""


def missing(settings: Settings) -> list[str]:
    """The settings that transports lack of which some are given, as the environment names them."""
    return [
        f"ANBAN_{name.upper()}"
        for names in NEEDED.values()
        if any(getattr(settings, name) for name in names)
        for name in names
        if not getattr(settings, name)
    ]


def configured(settings: Settings) -> dict[TransportName, Transport]:
    """Every transport whose settings are all given; webhooks need none. Raises ValueError for a wrong one."""
    inside = settings.private_targets
    found: list[Transport] = [WebhookTransport(private_targets=inside)]
    if settings.vapid_key and settings.vapid_contact:
        found.append(WebPushTransport(settings.vapid_key, settings.vapid_contact, private_targets=inside))
    if settings.voice_url and settings.voice_secret:
        found.append(ProviderTransport("voice", Provider(settings.voice_url, settings.voice_secret)))
    if settings.sms_url and settings.sms_secret:
        found.append(ProviderTransport("sms", Provider(settings.sms_url, settings.sms_secret)))
    if settings.smtp_url and settings.mail_from:
        found.append(EmailTransport(settings.smtp_url, settings.mail_from))
    return {transport.name: transport for transport in found}


def transports_or_exit(settings: Settings) -> dict[TransportName, Transport]:
    """Every configured transport; for one that is configured by half, or wrongly, print one line a fault and exit with
    status 2."""
    faults = [f"{name} is missing: its transport has other settings" for name in missing(settings)]
    try:
        found = configured(settings)
    except ValueError as error:
        faults.append(f"ANBAN_VAPID_KEY {error}")
    if faults:
        for fault in faults:
            print(f"anban: {fault}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2)
    return found
