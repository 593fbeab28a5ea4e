"""The shapes of the register of devices; OpenAPI is generated from them."""

from datetime import datetime
from typing import Literal

from control_center.cards import Shape
from control_center.device_register import RevokeReason
from schemas.states import DeviceKind

RefusalReason = Literal[
    "unknown_device", "wrong_secret", "revoked", "wrong_client_id", "plain_text", "publish", "subscribe"
]


class RegisteredDevice(Shape):
    """A device of the register; the elder who wears it or the address of the home it is in, neither when in store.

    Battery in %. `refused`: how often something of it was turned away.
    """

    id: str
    kind: DeviceKind
    registered_at: datetime
    revoked_at: datetime | None
    revoked_reason: RevokeReason | None
    last_seen_at: datetime | None
    battery: float | None
    firmware: str | None
    elder_id: int | None
    elder_name: str | None
    address: str | None
    assigned_since: datetime | None
    refused: int


class DeviceList(Shape):
    """Devices in the caller's scope by id; `more` when the list was cut."""

    devices: list[RegisteredDevice]
    more: bool


class DeviceHolder(Shape):
    """Whom a device spoke for, from when until when (null: still). Somebody out of the caller's scope has no name."""

    valid_from: datetime
    valid_to: datetime | None
    elder_id: int | None
    elder_name: str | None
    address: str | None
    in_scope: bool


class DeviceRefusal(Shape):
    """What was turned away, how often, and a topic it was about."""

    reason: RefusalReason
    times: int
    first_at: datetime
    last_at: datetime
    topic: str | None


class DeviceCard(RegisteredDevice):
    """A device with whom it spoke for, newest first, and what was turned away."""

    holders: list[DeviceHolder]
    refusals: list[DeviceRefusal]


class NewSecret(Shape):
    """The only time that a device's secret is told: it has to be written into the device now."""

    device: DeviceCard
    secret: str
