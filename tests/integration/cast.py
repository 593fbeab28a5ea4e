"""The fixed cast: who works where, who is looked after, and whom nobody may see; the outsider must get nothing."""

from datetime import date, datetime, timedelta
from typing import Final

from dispatch.alarms import Signal, raise_alarm
from dispatch.answering import acknowledge, resolve
from schemas.database import transaction
from schemas.states import AlarmKind, Role, Severity
from tests.integration.cast_at_work import WORKERS, add_work
from tests.integration.district import Connection, add_device, one
from tests.integration.members import (
    CHAOYANG,
    DISTRICT,
    NEIGHBOUR,
    NEIGHBOUR_STREET,
    TIANSHENG,
    Cast,
    add_account,
    add_membership,
)

_UNITS: Final = (
    (DISTRICT, None, "district", "北碚区", "500109/"),
    (TIANSHENG, DISTRICT, "street", "天生街道", "500109/500109001/"),
    (CHAOYANG, DISTRICT, "street", "朝阳街道", "500109/500109002/"),
    (NEIGHBOUR, None, "district", "渝北区", "500112/"),
    (NEIGHBOUR_STREET, NEIGHBOUR, "street", "双龙湖街道", "500112/500112001/"),
)
_STAFF: Final[tuple[tuple[str, Role, str | None], ...]] = (
    ("operator", "operator", DISTRICT),
    ("street_operator", "operator", TIANSHENG),
    ("other_street_operator", "operator", CHAOYANG),
    ("supervisor", "supervisor", DISTRICT),
    # Neither has rights from an organisation; they are members so that a query that forgets the role is found out.
    ("worker", "worker", DISTRICT),
    ("administrator", "administrator", DISTRICT),
    ("disabled", "operator", DISTRICT),
    ("expired", "operator", DISTRICT),
    ("outsider", "operator", NEIGHBOUR),
    ("newcomer", "operator", None),
)
MEMBERS: Final = (*(name for name, _, _ in _STAFF), *WORKERS, "family_of_gui", "family_of_chen")
"""Everybody with an account; "nobody" is who has none."""
NEWS2: Final = {
    "score": 5,
    "complete": False,
    "missing": ["temp", "oxygen", "consciousness"],
    "single_three": True,
    "scale": 1,
    "values": {"hr": {"value": 131.0, "points": 3, "age_seconds": 12.0}},
}


def _add_places(conn: Connection) -> None:
    for unit in _UNITS:
        conn.execute("INSERT INTO org_unit VALUES (%s, %s, %s, %s, %s, 29.82, 106.43)", unit)


def _add_elder(conn: Connection, cast: Cast, now: datetime, key: str, home: str, name: str, born: date) -> None:
    cast.elders[key] = one(
        conn,
        "INSERT INTO elder (household_id, name, gender, birth_date, phone, state_since, living_alone, tags, conditions)"
        " VALUES (%s, %s, 'female', %s, '13900000000', %s, true, '{living_alone,aged_80}', '{copd}') RETURNING id",
        cast.households[home],
        name,
        born,
        now - timedelta(days=100),
    )
    conn.execute(
        "INSERT INTO elder_contact (elder_id, name, relation, phone, priority) VALUES (%s, '李红', 'daughter', '1', 1)",
        (cast.elders[key],),
    )


def _add_homes(conn: Connection, cast: Cast, now: datetime) -> None:
    for home, org, address, lat, lon in (
        ("tiansheng", TIANSHENG, "天生路1号", 29.8301, 106.4402),
        ("chaoyang", CHAOYANG, "朝阳路2号", None, None),
        ("neighbour", NEIGHBOUR_STREET, "双龙路3号", 29.7203, 106.6304),
    ):
        cast.households[home] = one(
            conn,
            "INSERT INTO household (org_code, address, lat, lon) VALUES (%s, %s, %s, %s) RETURNING id",
            org,
            address,
            lat,
            lon,
        )
    _add_elder(conn, cast, now, "gui", "tiansheng", "李桂芳", date(1942, 3, 1))
    _add_elder(conn, cast, now, "zhang", "tiansheng", "张德明", date(1940, 12, 31))
    _add_elder(conn, cast, now, "chen", "chaoyang", "陈秀英", date(1950, 6, 15))
    _add_elder(conn, cast, now, "deng", "neighbour", "邓淑珍", date(1948, 2, 29))


def _add_devices(conn: Connection, cast: Cast, now: datetime) -> None:
    for device_id, kind, elder, household in (
        ("W-gui", "wearable", "gui", None),
        ("W-chen", "wearable", "chen", None),
        ("W-deng", "wearable", "deng", None),
        ("B-tiansheng", "button", None, "tiansheng"),
        ("B-spare", "button", None, None),
    ):
        key = cast.devices[device_id] = add_device(conn, device_id, kind, now)
        if elder or household:
            conn.execute(
                "INSERT INTO device_assignment (device_key, elder_id, household_id, valid_from) VALUES (%s,%s,%s,%s)",
                (key, cast.elders.get(elder or ""), cast.households.get(household or ""), now - timedelta(days=30)),
            )
    conn.execute(
        "INSERT INTO device_presence (device_key, last_seen_at, battery) VALUES (%s, %s, 88), (%s, %s, 12)",
        (cast.devices["W-gui"], now - timedelta(seconds=5), cast.devices["W-chen"], now - timedelta(seconds=901)),
    )


def _add_accounts(conn: Connection, cast: Cast, now: datetime) -> None:
    for member, role, org in _STAFF:
        account = add_account(conn, cast, now, member, role)
        if org is not None:
            add_membership(conn, now, account, org=org)
    for member, elder in (("family_of_gui", "gui"), ("family_of_chen", "chen")):
        add_membership(conn, now, add_account(conn, cast, now, member, "family"), elder=cast.elders[elder])
    conn.execute("UPDATE account SET disabled_at = %s WHERE username = 'disabled'", (now - timedelta(days=1),))
    conn.execute(
        "UPDATE membership SET valid_to = %s WHERE account_id = %s",
        (now - timedelta(seconds=1), cast.accounts["expired"]),
    )


def raise_for(
    conn: Connection,
    cast: Cast,
    now: datetime,
    kind: AlarmKind,
    severity: Severity,
    device: str,
    *,
    elder: str | None = None,
    household: str | None = None,
    details: dict[str, object] | None = None,
) -> int:
    """Raise an alarm, or join the open one, as ingest does; returns its id."""
    signal = Signal(
        kind=kind,
        severity=severity,
        device_key=cast.devices[device],
        occurred_at=now,
        elder_id=cast.elders.get(elder or ""),
        household_id=cast.households.get(household or ""),
        elder_state="home",
        details=details or {},
    )
    with transaction(conn) as tx:
        alarm = raise_alarm(tx, now, signal)
    assert alarm is not None
    return alarm


def _add_alarms(conn: Connection, cast: Cast, now: datetime) -> None:
    def raised(name: str, kind: AlarmKind, severity: Severity, device: str, **about: str) -> None:
        cast.alarms[name] = raise_for(
            conn,
            cast,
            now,
            kind,
            severity,
            device,
            elder=about.get("elder"),
            household=about.get("household"),
            details={"news2": NEWS2} if kind == "vitals" else None,
        )

    raised("ended", "sos", "emergency", "W-chen", elder="chen", household="chaoyang")
    with transaction(conn) as tx:
        acknowledge(tx, now, cast.alarms["ended"], cast.accounts["operator"])
    with transaction(conn) as tx:
        resolve(tx, now, cast.alarms["ended"], cast.accounts["operator"], "helped_by_phone", "a private word")
    raised("sos_of_gui", "sos", "emergency", "W-gui", elder="gui", household="tiansheng")
    raised("possible_fall_of_gui", "fall", "emergency", "W-gui", elder="gui", household="tiansheng")
    raised("leak_at_home", "leak", "urgent", "B-tiansheng", household="tiansheng")
    raised("vitals_of_chen", "vitals", "urgent", "W-chen", elder="chen", household="chaoyang")
    raised("sos_of_deng", "sos", "emergency", "W-deng", elder="deng", household="neighbour")
    raised("spare_button", "sos", "emergency", "B-spare")


def _add_readings(conn: Connection, cast: Cast, now: datetime) -> None:
    for index, (minutes, hr, temp) in enumerate(((1, 72, None), (40, 80, 36.5), (60 * 24 * 29, 99, 39.0))):
        conn.execute(
            "INSERT INTO reading (at, device_key, received_at, boot, seq, hr, temp, steps, lat, lon)"
            " VALUES (%s, %s, %s, 'b', %s, %s * 100, %s * 100, 5210, 298300000, 1064400000)",
            (now - timedelta(minutes=minutes), cast.devices["W-gui"], now, index, hr, temp),
        )


def assemble(conn: Connection, now: datetime) -> Cast:
    """Write the whole cast into an empty database."""
    cast = Cast()
    _add_places(conn)
    _add_homes(conn, cast, now)
    _add_devices(conn, cast, now)
    _add_accounts(conn, cast, now)
    _add_alarms(conn, cast, now)
    _add_readings(conn, cast, now)
    add_work(conn, cast, now)
    conn.execute(
        "INSERT INTO dead_letter (received_at, last_received_at, times, topic, device_id, reason, detail, payload,"
        " payload_size, payload_sha256) VALUES (%s, %s, 3, 'care/v1/1/W-gui/telemetry', 'W-gui', 'invalid_json',"
        " 'expected value', %s, 4, %s)",
        (now, now, b"\xff{}\x00", bytes(32)),
    )
    return cast
