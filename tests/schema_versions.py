"""Taking a test's database back to an earlier version of the schema."""

import os
import subprocess
import sys
from pathlib import Path

from launcher.migrations import FOLDER, check_connection, with_explicit_tls


def take_down_to(url: str, version: int) -> None:
    """Undo every migration after number `version`, newest first."""
    newest = max(int(file.name[:4]) for file in FOLDER.glob("*.sql"))
    dbmate = [str(Path(sys.executable).with_name("dbmate")), "--migrations-dir", str(FOLDER), "--no-dump-schema"]
    environment = dict(os.environ) | {"DATABASE_URL": with_explicit_tls(url, check_connection(url))}
    for _ in range(newest - version):
        subprocess.run([*dbmate, "down"], env=environment, check=True, capture_output=True)
