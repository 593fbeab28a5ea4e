"""The demo has somebody on duty from its first moment on, and leaves alone what people changed."""

from datetime import datetime, timedelta
from pathlib import Path

from device_sim.accounts import seed_accounts
from device_sim.device_keys import load_or_make_keys
from device_sim.rotas import ROTAS, seed_rotas
from device_sim.seeding import seed_district
from dispatch.rota_rows import load_rotas
from dispatch.rotas import gaps, spans
from dispatch.shift_checks import AHEAD, check_rotas
from schemas.database import transaction
from tests.integration.district import Connection

MINUTE = timedelta(minutes=1)


def seeded(conn: Connection, now: datetime, folder: Path) -> None:
    """A district with its staff."""
    seed_district(conn, load_or_make_keys(folder), 10, now)
    seed_accounts(conn, "hash", now)


def test_somebody_is_on_every_rota_from_now_on_and_before_each_shift_is_looked_whether_all_can_be_reached(
    conn: Connection, now: datetime, tmp_path: Path
) -> None:
    seeded(conn, now, tmp_path)
    assert seed_rotas(conn, now) == len(ROTAS)
    found = conn.execute("SELECT id, name FROM rota WHERE org_code = '500109' ORDER BY id").fetchall()
    assert [name for _, name in found] == ["坐席值班", "班长值班"]
    planned = load_rotas(conn, [rota_id for rota_id, _ in found], now, now + AHEAD)
    for rota in planned.values():
        assert gaps(rota, now, now + AHEAD) == []
        on = [span.accounts for span in spans(rota, now, now + AHEAD)]
        assert {len(accounts) for accounts in on} == {1} and len(set(on)) > 1
    with transaction(conn) as tx:
        assert check_rotas(tx, now + MINUTE)
    assert conn.execute("SELECT DISTINCT kind FROM task").fetchall() == [("unreachable",)]
    checked = conn.execute("SELECT DISTINCT rota_id FROM shift_check ORDER BY rota_id").fetchall()
    assert checked == [(rota_id,) for rota_id, _ in found]


def test_a_rota_that_somebody_ended_is_not_begun_again(conn: Connection, now: datetime, tmp_path: Path) -> None:
    seeded(conn, now, tmp_path)
    seed_rotas(conn, now)
    assert seed_rotas(conn, now) == 0
    conn.execute("UPDATE rota SET ended_at = %s, ended_by = created_by WHERE name = '坐席值班'", (now,))
    assert seed_rotas(conn, now + MINUTE) == 0


def test_without_the_staff_there_is_no_rota(conn: Connection, now: datetime, tmp_path: Path) -> None:
    seeded(conn, now, tmp_path)
    conn.execute("UPDATE account SET disabled_at = %s WHERE username = 'operator2'", (now,))
    assert seed_rotas(conn, now) == 0
