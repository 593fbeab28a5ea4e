"""Dumps and restores one database, on PostgreSQL and on TimescaleDB, with the counts to prove it."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import conninfo, sql

from launcher.failure import LaunchError
from launcher.postgres import install_folder

_CONNECT_SECONDS = 10
_OUR_TABLES = sql.SQL("""
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
      AND NOT EXISTS (
          SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
    ORDER BY relname
""")
_EXTENSION = sql.SQL("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
_OFFERED = sql.SQL("SELECT version FROM pg_available_extension_versions WHERE name = 'timescaledb'")
_USERS = sql.SQL(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = %(name)s AND backend_type IN ('client backend', 'walsender')"
)
_VERSIONS = sql.SQL("SELECT version FROM schema_migrations ORDER BY version")
_END_OF_JOBS = sql.SQL("SELECT _timescaledb_functions.stop_background_workers()")


@dataclass(frozen=True)
class Storage:
    """What kind of server holds the data: PostgreSQL's version, and TimescaleDB's with its edition, or None."""

    postgresql: str
    timescaledb: str | None
    edition: str | None

    @property
    def described(self) -> str:
        """One phrase for people."""
        if self.timescaledb is None:
            return f"PostgreSQL {self.postgresql}"
        return f"TimescaleDB {self.timescaledb} ({self.edition}) on PostgreSQL {self.postgresql}"


def connect(url: str, **options: Any) -> psycopg.Connection[Any]:
    """Connect, or say in one line why that is impossible (LaunchError without the password)."""
    try:
        return psycopg.connect(url, connect_timeout=_CONNECT_SECONDS, application_name="anban-launcher", **options)
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or ["unknown reason"])[0]
        raise LaunchError(f"cannot connect to the database: {reason}") from None


def storage_of(conn: psycopg.Connection[Any]) -> Storage:
    """Return the kind of server, as far as this database uses it."""
    version = str(conn.execute("SHOW server_version").fetchone()[0]).split()[0]  # type: ignore[index]
    extension = conn.execute(_EXTENSION).fetchone()
    if extension is None:
        return Storage(version, None, None)
    shown = conn.execute("SELECT current_setting('timescaledb.license', true)").fetchone()
    return Storage(version, str(extension[0]), str(shown[0] if shown and shown[0] else "unknown"))


def row_counts(conn: psycopg.Connection[Any]) -> dict[str, int]:
    """Count the rows of every table of ours."""
    counts = {}
    for (name,) in conn.execute(_OUR_TABLES).fetchall():
        counted = conn.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", name))).fetchone()
        counts[name] = int(counted[0]) if counted else 0
    return counts


def schema_versions(url: str) -> list[str]:
    """Return the versions of the applied migrations."""
    with connect(url) as conn:
        return [str(version) for (version,) in conn.execute(_VERSIONS).fetchall()]


def holds_tables(url: str) -> bool:
    """Tell whether a database has tables of anybody's."""
    with connect(url) as conn:
        return conn.execute(_OUR_TABLES).fetchone() is not None


def dump(url: str, target: Path) -> tuple[Storage, dict[str, int]]:
    """Write the database as pg_dump's custom format; returns its kind and the rows of that very snapshot.

    The database goes on serving. Raises LaunchError with pg_dump's words.
    """
    with connect(url) as conn:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        snapshot = conn.execute("SELECT pg_export_snapshot()").fetchone()
        storage, counts = storage_of(conn), row_counts(conn)
        if not counts:
            raise LaunchError("the database is empty: there is nothing to back up")
        words = ["--format=custom", "--compress=gzip:2", "--no-owner", "--no-privileges"]
        words += [f"--snapshot={snapshot[0] if snapshot else ''}", f"--file={target}"]
        _run("pg_dump", url, words)
    return storage, counts


def check_room(url: str, wanted: Storage) -> None:
    """Refuse a database that is not empty, or a server that cannot take this dump (LaunchError)."""
    with connect(url, autocommit=True) as conn:
        if conn.execute(_OUR_TABLES).fetchone() is not None:
            raise LaunchError("the database is not empty: --force moves it aside (it is renamed, nothing is deleted)")
        if wanted.timescaledb is None:
            return
        offered = {str(version) for (version,) in conn.execute(_OFFERED).fetchall()}
        present = conn.execute(_EXTENSION).fetchone()
    if not offered:
        raise LaunchError(f"the backup needs {wanted.described}; this server has no TimescaleDB")
    if wanted.timescaledb not in offered or (present is not None and present[0] != wanted.timescaledb):
        has = present[0] if present else ", ".join(sorted(offered))
        raise LaunchError(f"the backup needs TimescaleDB {wanted.timescaledb} exactly; this server has {has}")


def restore(url: str, source: Path, wanted: Storage, counts: dict[str, int]) -> None:
    """Fill an empty database from a dump, compare its rows, and move the feed's epoch on.

    Raises LaunchError with pg_restore's words, or naming the tables whose rows differ.
    """
    check_room(url, wanted)
    with _restoring(url, wanted.timescaledb):
        words = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
        _run("pg_restore", url, [*words, str(source)])
    with connect(url, autocommit=True) as conn:
        conn.execute("ANALYZE")
        found = row_counts(conn)
        differing = [name for name in sorted(found.keys() | counts.keys()) if found.get(name) != counts.get(name)]
        if differing:
            raise LaunchError(f"after the restore the rows of {', '.join(differing)} differ from the backup's")
        conn.execute("UPDATE feed_epoch SET epoch = gen_random_uuid()")


def move_aside(url: str, suffix: str) -> str:
    """Rename a database that nobody uses and make an empty one in its place; returns the old one's new name.

    Raises LaunchError while anybody is connected to it.
    """
    known = conninfo.conninfo_to_dict(url)
    name = str(known.get("dbname") or known.get("user"))
    aside = f"{name[: 63 - len(suffix) - 1]}_{suffix}"
    with connect(url, autocommit=True) as conn:
        if conn.execute(_EXTENSION).fetchone() is not None:
            conn.execute(_END_OF_JOBS)
    other = "postgres" if name != "postgres" else "template1"
    with connect(conninfo.make_conninfo(url, dbname=other), autocommit=True) as conn:
        users = conn.execute(_USERS, {"name": name}).fetchone()
        if users is not None and users[0]:
            raise LaunchError(f"{users[0]} sessions use the database {name}: stop the services first")
        old, new = sql.Identifier(name), sql.Identifier(aside)
        try:
            conn.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, new))
            conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(old))
        except psycopg.Error as error:
            raise LaunchError(f"cannot move the database {name} aside: {str(error).splitlines()[0]}") from None
    return aside


@contextlib.contextmanager
def _restoring(url: str, timescaledb: str | None) -> Iterator[None]:
    """Let TimescaleDB take a dump as it is: its triggers and jobs rest meanwhile."""
    if timescaledb is None:
        yield
        return
    _prepare_timescaledb(url, timescaledb)
    try:
        yield
    finally:
        with connect(url, autocommit=True) as conn:
            conn.execute("SELECT timescaledb_post_restore()")


def _prepare_timescaledb(url: str, version: str) -> None:
    with connect(url, autocommit=True) as conn:
        make = sql.SQL("CREATE EXTENSION IF NOT EXISTS timescaledb VERSION {}")
        try:
            conn.execute(make.format(sql.Literal(version)))
        except psycopg.Error as error:
            raise LaunchError(f"cannot make the extension timescaledb: {str(error).splitlines()[0]}") from None
    # A session of its own: the one that made the extension has not loaded all of it.
    with connect(url, autocommit=True) as conn:
        conn.execute("SELECT timescaledb_pre_restore()")


def _program(name: str) -> str:
    embedded = install_folder() / "pginstall/bin" / name
    found = str(embedded) if embedded.exists() else shutil.which(name)
    if found is None:
        raise LaunchError(f"{name} is not installed: remove .venv and start again")
    return found


def _run(name: str, url: str, words: list[str]) -> None:
    """Run one of PostgreSQL's programs; the password goes by the environment, which others cannot read."""
    known = {key: str(value) for key, value in conninfo.conninfo_to_dict(url).items()}
    password = known.pop("password", None)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANBAN_")}
    if password is not None:
        environment["PGPASSWORD"] = password
    command = [_program(name), f"--dbname={conninfo.make_conninfo('', **known)}", "--no-password", *words]
    done = subprocess.run(
        command,
        env=environment | {"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "error" in line.lower() or "fatal" in line.lower()]
        lines = said or done.stderr.splitlines() or [f"exit code {done.returncode}"]
        raise LaunchError(" ".join(lines[0].split()))
