"""Which devices of the registry a replay may borrow."""

import psycopg

from schemas.database import connect, rows
from schemas.statements import statement

_LAST_WEARABLES = statement("""
    SELECT id FROM device
    WHERE kind = 'wearable' AND revoked_at IS NULL AND id ~ '^W-[0-9]{5,}$'
    ORDER BY length(id) DESC, id DESC
    LIMIT %(count)s
""")


class NoDevices(Exception):
    """There is no wearable to play a recording on."""


def last_wearables(database_url: str, count: int) -> list[str]:
    """The last seeded wearables, the very last one first; raises NoDevices with one line of advice."""
    try:
        with connect(database_url, "replay") as conn:
            found = [row["id"] for row in rows(conn, _LAST_WEARABLES, {"count": count})]
    except psycopg.Error as error:
        raise NoDevices(f"the database does not answer ({str(error).splitlines()[0]}); name a --device") from None
    if not found:
        raise NoDevices("no wearable is registered; run `python -m device_sim seed` first")
    return found
