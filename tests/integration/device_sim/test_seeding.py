"""The seed writes the district once, and adds what is missing."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
from argon2 import PasswordHasher
from psycopg.rows import TupleRow

from device_sim.accounts import DEMO_PASSWORD, SIM_OPERATORS, hash_demo_password, seed_accounts
from device_sim.device_keys import load_or_make_keys
from device_sim.population import households
from device_sim.roster import last_wearables
from device_sim.seeding import Seeded, seed_district
from device_sim.staffing import Staffed, seed_neighbours, seed_workforce
from device_sim.towns import TOWNS
from device_sim.workforce import workforce

Conn = psycopg.Connection[TupleRow]


def count(conn: Conn, what: str) -> int:
    found = conn.execute(f"SELECT count(*) FROM {what}".encode()).fetchone()  # noqa: S608
    assert found is not None
    return int(found[0])


def test_a_second_seed_adds_nothing(conn: Conn, now: datetime, tmp_path: Path) -> None:
    keys = load_or_make_keys(tmp_path)
    first = seed_district(conn, keys, 40, now)
    hubs = sum(household.has_hub for household in households(40))
    assert hubs > 3
    assert (first.elders, first.devices) == (40, 40 + first.households + hubs)
    assert seed_district(conn, keys, 40, now) == Seeded(0, 0, 0, 0)
    assert count(conn, "elder") == 40
    assert count(conn, "org_unit") == 18


def test_a_larger_seed_adds_the_difference_even_the_other_half_of_a_couple(
    conn: Conn, now: datetime, tmp_path: Path
) -> None:
    keys = load_or_make_keys(tmp_path)
    couple = next(household for household in households(200) if len(household.elders) == 2)
    seed_district(conn, keys, couple.elders[0].number, now)
    grown = seed_district(conn, keys, couple.elders[1].number, now)
    assert grown == Seeded(0, 1, 1, 0)
    homes = conn.execute(
        "SELECT DISTINCT household_id FROM elder WHERE name = ANY(%s) AND phone = ANY(%s)",
        ([elder.name for elder in couple.elders], [elder.phone for elder in couple.elders]),
    ).fetchall()
    assert len(homes) == 1


def test_every_device_is_assigned_and_its_secret_is_only_kept_as_a_hash(
    conn: Conn, now: datetime, tmp_path: Path
) -> None:
    keys = load_or_make_keys(tmp_path)
    seed_district(conn, keys, 30, now)
    rows = conn.execute(
        """SELECT device.id, device.kind, device.secret_hash, elder.phone, device_assignment.household_id
           FROM device JOIN device_assignment ON device_assignment.device_key = device.key
           LEFT JOIN elder ON elder.id = device_assignment.elder_id"""
    ).fetchall()
    assert len(rows) == count(conn, "device")
    for device_id, kind, secret_hash, phone, household_id in rows:
        assert bytes(secret_hash) == hashlib.sha256(keys.secret(device_id).encode()).digest()
        if kind == "wearable":
            assert phone == f"100{int(device_id[2:]):08d}"
        else:
            assert household_id is not None


def test_homes_with_sensors_have_a_hub_and_who_wanders_a_fence(conn: Conn, now: datetime, tmp_path: Path) -> None:
    keys = load_or_make_keys(tmp_path)
    seed_district(conn, keys, 150, now)
    seed_district(conn, keys, 200, now)
    homes = list(households(200))
    assert count(conn, "device WHERE kind = 'hub'") == sum(home.has_hub for home in homes)
    wanderers = [elder for home in homes for elder in home.elders if elder.wanders]
    assert len(wanderers) > 1
    fenced = conn.execute(
        "SELECT elder.phone FROM geofence JOIN elder ON elder.id = geofence.elder_id"
        " JOIN household ON household.id = elder.household_id"
        " WHERE geofence.valid_to IS NULL AND household.lat = geofence.lat AND household.lon = geofence.lon"
    ).fetchall()
    assert sorted(phone for (phone,) in fenced) == sorted(elder.phone for elder in wanderers)


def test_a_lost_key_heals_with_the_next_seed(conn: Conn, now: datetime, tmp_path: Path) -> None:
    seed_district(conn, load_or_make_keys(tmp_path / "lost"), 10, now)
    keys = load_or_make_keys(tmp_path / "new")
    healed = seed_district(conn, keys, 10, now)
    assert healed.secrets_renewed == count(conn, "device")
    stored = conn.execute("SELECT secret_hash FROM device WHERE id = 'W-00001'").fetchone()
    assert stored is not None and bytes(stored[0]) == keys.secret_hash("W-00001")


def test_the_demo_accounts_can_sign_in_and_have_their_scope(conn: Conn, now: datetime, tmp_path: Path) -> None:
    seed_district(conn, load_or_make_keys(tmp_path), 10, now)
    password_hash = hash_demo_password()
    assert seed_accounts(conn, password_hash, now) == 8
    assert seed_accounts(conn, password_hash, now) == 0
    seed_workforce(conn, 10, password_hash, now)
    found = conn.execute(
        """SELECT username, role, password_hash, org_code, elder_id IS NOT NULL
           FROM account LEFT JOIN membership ON membership.account_id = account.id ORDER BY username"""
    ).fetchall()
    scopes = {username: (role, org_code, has_elder) for username, role, _, org_code, has_elder in found}
    assert scopes["operator1"] == ("operator", "500109", False)
    assert scopes["operator3"] == ("operator", "500109001", False)
    assert scopes["family1"] == ("family", None, True)
    assert scopes["worker1"] == scopes["sim-worker-40"] == ("worker", None, False)
    assert {scopes[name] for name in SIM_OPERATORS} == {("operator", "500109", False)}
    assert {stored for _, _, stored, _, _ in found} == {password_hash}
    assert PasswordHasher().verify(password_hash, DEMO_PASSWORD)
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in password_hash


def test_a_replay_borrows_the_last_wearables(conn: Conn, database_url: str, now: datetime, tmp_path: Path) -> None:
    seed_district(conn, load_or_make_keys(tmp_path), 12, now)
    assert last_wearables(database_url, 3) == ["W-00012", "W-00011", "W-00010"]


def test_the_workforce_is_written_once_with_its_proofs_areas_and_shifts(
    conn: Conn, now: datetime, tmp_path: Path
) -> None:
    seed_district(conn, load_or_make_keys(tmp_path), 10, now)
    first = seed_workforce(conn, 10, "hash", now)
    assert first.workers == 40
    assert seed_workforce(conn, 10, "hash", now) == Staffed(0, 0)
    assert count(conn, "worker") == 40
    assert count(conn, "worker_shift") == first.shifts > 40 * 5
    assert count(conn, "worker_skill") == sum(len(worker.proofs) for worker in workforce(40))
    assert count(conn, "provider") == 6
    assert count(conn, "provider WHERE state = 'suspended' AND state_reason IS NOT NULL") == 1
    assert count(conn, "provider WHERE NOT EXISTS (SELECT FROM provider_area WHERE provider_id = provider.id)") == 0
    today = now.date()
    expired = count(conn, f"worker_skill WHERE valid_to < '{today}'")
    assert 0 < expired < 20


def test_every_town_has_a_kitchen_and_one_that_was_closed_stays_closed(
    conn: Conn, now: datetime, tmp_path: Path
) -> None:
    seed_district(conn, load_or_make_keys(tmp_path), 10, now)
    seed_workforce(conn, 10, "hash", now)
    conn.execute("UPDATE kitchen SET closed_at = %s WHERE org_code = %s", (now, TOWNS[0].code))
    seed_workforce(conn, 10, "hash", now)
    open_in = conn.execute("SELECT org_code FROM kitchen WHERE closed_at IS NULL AND provider_id IS NULL").fetchall()
    assert sorted(code for [code] in open_in) == sorted(town.code for town in TOWNS[1:])
    assert count(conn, "kitchen") == len(TOWNS)


def test_neighbours_are_written_once_and_a_pairing_that_was_ended_stays_ended(
    conn: Conn, now: datetime, tmp_path: Path
) -> None:
    seed_district(conn, load_or_make_keys(tmp_path), 200, now)
    first = seed_neighbours(conn, 200, "hash", now)
    paired = count(conn, "pairing JOIN elder ON elder.id = elder_id AND living_alone")
    assert paired == count(conn, "worker WHERE kind = 'paired'") > 3
    assert first.workers == count(conn, "worker") == paired + count(conn, "worker WHERE kind = 'grid'")
    assert first.shifts == count(conn, "worker_shift JOIN worker ON worker.id = worker_id WHERE kind = 'grid'")
    conn.execute("UPDATE pairing SET valid_to = %s", (now,))
    assert seed_neighbours(conn, 200, "hash", now) == Staffed(0, 0)
    assert count(conn, "pairing") == paired


def test_a_seed_on_another_day_adds_the_shifts_of_the_days_to_come(conn: Conn, now: datetime, tmp_path: Path) -> None:
    seed_district(conn, load_or_make_keys(tmp_path), 10, now)
    seed_workforce(conn, 10, "hash", now)
    later = seed_workforce(conn, 10, "hash", now + timedelta(days=2))
    assert later.workers == 0
    assert 40 < later.shifts < 90


def test_more_elders_bring_more_workers(conn: Conn, now: datetime, tmp_path: Path) -> None:
    seed_district(conn, load_or_make_keys(tmp_path), 10, now)
    assert seed_workforce(conn, 10, "hash", now).workers == 40
    assert seed_workforce(conn, 450, "hash", now).workers == 5


def test_an_account_from_before_there_were_workers_becomes_one(conn: Conn, now: datetime, tmp_path: Path) -> None:
    seed_district(conn, load_or_make_keys(tmp_path), 10, now)
    conn.execute(
        "INSERT INTO account (username, name, role, password_hash, created_at)"
        " VALUES ('worker1', '张强', 'worker', 'old', %s)",
        (now,),
    )
    assert seed_workforce(conn, 10, "new", now).workers == 40
    found = conn.execute("SELECT password_hash FROM account WHERE username = 'worker1'").fetchone()
    assert found == ("old",)


def test_the_register_has_what_120_is_told(conn: Conn, now: datetime, tmp_path: Path) -> None:
    seed_district(conn, load_or_make_keys(tmp_path), 200, now)
    for written in ("medicines <> '{}'", "allergies <> '{}'"):
        assert 10 <= count(conn, f"elder WHERE {written}") < 200, written
    for written in ("phone", "door_note", "key_holder", "key_holder_phone"):
        assert 20 < count(conn, f"household WHERE {written} IS NOT NULL") < count(conn, "household"), written
    assert count(conn, "household WHERE (key_holder IS NULL) <> (key_holder_phone IS NULL)") == 0
