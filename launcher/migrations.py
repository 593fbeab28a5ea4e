"""Brings a database to the newest schema with dbmate."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from launcher import statedir
from launcher.failure import LaunchError

FOLDER = statedir.CHECKOUT / "schemas/migrations"


def check_connection(url: str) -> bool:
    """Connect once; LaunchError in one line when that fails. Returns whether TLS was used."""
    try:
        with psycopg.connect(url, connect_timeout=10) as conn:
            return bool(conn.pgconn.ssl_in_use)
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or ["unknown reason"])[0]
        raise LaunchError(f"cannot connect to the database of ANBAN_DATABASE_URL: {reason}") from None


def with_explicit_tls(url: str, tls: bool) -> str:
    """Return the URL as dbmate's driver needs it: it does not try both ways like libpq does."""
    parts = urlsplit(url)
    if "sslmode" in parse_qs(parts.query) or not parts.hostname:
        return url
    joint = "&" if parts.query else "?"
    return f"{url}{joint}sslmode={'require' if tls else 'disable'}"


def migrate(url: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing; returns the names of the applied files.

    Raises LaunchError with dbmate's message when a migration fails.
    """
    dbmate = Path(sys.executable).with_name("dbmate")
    command = [str(dbmate), "--migrations-dir", str(folder), "--no-dump-schema", "--migration-lock", "migrate"]
    target = with_explicit_tls(url, check_connection(url))
    done = subprocess.run(
        command,
        cwd=statedir.CHECKOUT,
        env=dict(os.environ) | {"DATABASE_URL": target},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode != 0:
        during = next((line for line in reversed(lines) if line.startswith("Applying: ")), "")
        reason = " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"
        raise LaunchError(f"migration failed: {during.removeprefix('Applying: ')} {reason}".replace("  ", " "))
    return [line.split()[1] for line in lines if line.startswith("Applied: ")]
