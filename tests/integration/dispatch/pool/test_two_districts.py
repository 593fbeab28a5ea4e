"""Two districts in one database: neither changes where, or at what rate, a provider serves in the other."""

from datetime import datetime

import pytest

from dispatch.pool import services
from dispatch.refusals import Refused
from schemas.database import transaction
from tests.integration.dispatch.pool.admitted import DistrictPool
from tests.integration.dispatch.workforce import HOUR
from tests.integration.district import Connection


@pytest.fixture
def pool(conn: Connection, now: datetime) -> DistrictPool:
    """The usual street, whose provider serves a street of the next district too."""
    pool = DistrictPool(conn, now)
    conn.execute(
        "INSERT INTO org_unit VALUES ('500112', NULL, 'district', '渝北区', '500112/', 29.7, 106.6),"
        " ('500112001', '500112', 'street', '双龙湖街道', '500112/500112001/', 29.7, 106.6)"
    )
    conn.execute("INSERT INTO provider_area VALUES (%s, '500112001')", (pool.provider,))
    return pool


def test_a_supervisor_ends_no_area_of_the_next_district(pool: DistrictPool, now: datetime) -> None:
    with pytest.raises(Refused, match="not_found"), transaction(pool.conn) as tx:
        services.end_area(tx, now, pool.provider, pool.supervisor, "500112001")
    with transaction(pool.conn) as tx:
        services.end_area(tx, now, pool.provider, pool.supervisor, "500109001")
    standing = pool.conn.execute("SELECT org_code FROM provider_area WHERE valid_to IS NULL").fetchall()
    assert standing == [("500112001",)]


def test_a_rate_is_held_against_what_the_supervisors_own_district_sells(pool: DistrictPool, now: datetime) -> None:
    pool.conn.execute(
        "INSERT INTO rate_bound (assist, least_percent, most_percent) VALUES ('bath', 90, 110)"
        " ON CONFLICT (assist) DO UPDATE SET least_percent = 90, most_percent = 110"
    )
    for district, fen in (("500112", 100), ("500109", 20_000)):
        pool.conn.execute(
            "INSERT INTO catalogue_item (code, version, assist, name_zh, name_en, duration_minutes, skills,"
            " window_minutes, valid_from, district_code, provider_fen, price_fen, published_at)"
            " SELECT code, (SELECT max(version) + 1 FROM catalogue_item WHERE code = 'bath'), assist, name_zh, name_en,"
            " duration_minutes, skills, window_minutes, %s, %s, %s, 30000, %s FROM catalogue_item"
            " WHERE code = 'bath' AND district_code IS NULL LIMIT 1",
            (now - HOUR, district, fen, now),
        )
    with transaction(pool.conn) as tx:
        services.set_service(tx, now, pool.provider, pool.supervisor, "bath", 20_000)
    for fen in (100, 11_400):
        with pytest.raises(Refused, match="rate_out_of_bounds"), transaction(pool.conn) as tx:
            services.set_service(tx, now, pool.provider, pool.supervisor, "bath", fen)
