"""`devices import`: what is right is registered, what is not is reported, and the same file twice does no harm."""

import csv
import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from control_center import claim_codes
from control_center.device_import import BATCH
from launcher import statedir
from schemas.database import connect
from tests.integration.cast import Cast
from tests.integration.district import Connection, one

HASH = hashlib.sha256(b"x").hexdigest()


class Importing:
    """The command in a folder of its own."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self._environment = {**os.environ, "ANBAN_DATABASE_URL": database_url}
        self.folder = folder

    def __call__(self, lines: list[str], *options: str) -> subprocess.CompletedProcess[str]:
        """Import a file of these lines, header first."""
        (self.folder / "devices.csv").write_text("\n".join(lines) + "\n")
        command = [sys.executable, "-m", "control_center", "devices", "import", str(self.folder / "devices.csv")]
        return subprocess.run(
            [*command, *options],
            env=self._environment,
            cwd=statedir.CHECKOUT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def rows(self, name: str) -> list[dict[str, str]]:
        """A CSV that the command wrote."""
        with (self.folder / name).open(newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def importing(database_url: str, tmp_path: Path) -> Importing:
    """The command on the cast's database."""
    return Importing(database_url, tmp_path)


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    """A connection of the test's own."""
    with connect(database_url, "test") as opened:
        yield opened


def test_good_lines_are_registered_and_every_bad_one_is_reported(
    importing: Importing, conn: Connection, cast: Cast
) -> None:
    code = claim_codes.make()
    done = importing(
        [
            "device,kind,secret_sha256,claim_code,elder_id,household_id",
            f"N-1,wearable,{HASH},{code},{cast.elders['gui']},",
            f"N-2,hub,{HASH},,,{cast.households['chaoyang']}",
            f"N-3,hub,{HASH},{code},,",
            f"N-1,hub,{HASH},,,",
            f"N-4,wearable,{HASH},,999999,",
            "N-5,wearable,,,,",
            f"W-gui,wearable,{HASH},,,",
            "N 6,wearable,,,,",
        ],
        "--report",
        str(importing.folder / "refused.csv"),
    )
    assert done.returncode == 1, done.stderr
    assert "2 registered, 0 were already, 6 lines refused" in done.stderr
    assert [(row["line"], row["device"], row["reason"]) for row in importing.rows("refused.csv")] == [
        ("4", "N-3", "twice_in_file"),
        ("5", "N-1", "twice_in_file"),
        ("6", "N-4", "no_such_elder"),
        ("7", "N-5", "no_labels"),
        ("8", "W-gui", "already_registered"),
        ("9", "", "bad_device"),
    ]
    assert HASH not in (importing.folder / "refused.csv").read_text() + done.stderr
    registered = conn.execute(
        "SELECT device.id, device.secret_hash, device.claim_hash, assigned.elder_id, assigned.household_id"
        " FROM device JOIN device_assignment AS assigned ON assigned.device_key = device.key"
        " WHERE device.id LIKE 'N-%' ORDER BY device.id"
    ).fetchall()
    assert registered == [
        ("N-1", bytes.fromhex(HASH), claim_codes.digest(code), cast.elders["gui"], None),
        ("N-2", bytes.fromhex(HASH), None, None, cast.households["chaoyang"]),
    ]
    logged = conn.execute(
        "SELECT elder_ids, detail FROM access_log WHERE action = 'devices.imported' AND host_user IS NOT NULL"
    ).fetchall()
    assert logged == [([cast.elders["gui"]], {"count": 2, "first": "N-1", "last": "N-2"})]


def test_what_is_missing_is_made_and_told_once_in_a_private_file(importing: Importing, conn: Connection) -> None:
    labels = importing.folder / "labels.csv"
    done = importing(["device,kind", "N-1,wearable", "N-2,hub"], "--labels", str(labels))
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(labels.stat().st_mode) == 0o600
    for label in importing.rows("labels.csv"):
        kept = conn.execute("SELECT secret_hash, claim_hash FROM device WHERE id = %s", (label["device"],)).fetchone()
        secret = hashlib.sha256(label["secret"].encode()).digest()
        assert kept == (secret, claim_codes.digest(label["claim_code"]))
        assert label["secret"] not in done.stderr + done.stdout
    again = importing(["device,kind", "N-3,hub"], "--labels", str(labels))
    assert again.returncode == 2 and "exists" in again.stderr
    assert one(conn, "SELECT count(*) FROM device WHERE id = 'N-3'") == 0


def test_the_same_file_twice_changes_nothing(importing: Importing, conn: Connection, cast: Cast) -> None:
    lines = ["device,kind,secret_sha256,elder_id", f"N-1,wearable,{HASH},{cast.elders['gui']}", f"N-2,hub,{HASH},"]
    assert importing(lines).returncode == 0
    before = conn.execute("SELECT * FROM device ORDER BY key").fetchall()
    done = importing(lines)
    assert (done.returncode, "0 registered, 2 were already" in done.stderr) == (0, True)
    assert conn.execute("SELECT * FROM device ORDER BY key").fetchall() == before
    lines[1] = f"N-1,wearable,{HASH},{cast.elders['chen']}"
    moved = importing(lines)
    assert (moved.returncode, "pass it on" in moved.stderr) == (1, True)


def test_thousands_of_lines_with_bad_ones_between_are_all_accounted_for(importing: Importing, conn: Connection) -> None:
    total = 3 * BATCH + 7
    lines = [f"N-{number},{'hub' if number % 10 else 'toaster'},{HASH}" for number in range(total)]
    done = importing(["device,kind,secret_sha256", *lines], "--report", str(importing.folder / "refused.csv"))
    bad = len(importing.rows("refused.csv"))
    assert (done.returncode, bad) == (1, (total + 9) // 10)
    assert one(conn, "SELECT count(*) FROM device WHERE id LIKE 'N-%%'") == total - bad


def test_a_file_that_is_no_list_of_devices_is_refused_as_a_whole(importing: Importing) -> None:
    done = importing(["colour,kind", "red,hub"])
    assert done.returncode == 2
    assert "must name columns" in done.stderr and "Traceback" not in done.stderr


def test_a_database_that_is_away_is_said_in_one_line(tmp_path: Path) -> None:
    done = Importing("postgresql://anban@127.0.0.1:1/anban", tmp_path)(["device,kind", "N-1,hub"])
    assert done.returncode == 2
    assert done.stderr.startswith("anban: the database refused") and done.stderr.count("\n") == 1
