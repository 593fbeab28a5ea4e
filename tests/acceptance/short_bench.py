"""A benchmark as anybody would start it, short: how fast the platform is, longer runs on a quiet machine say."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def run_bench(folder: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """Run `./anban bench` with some words; returns its exit code, its figures, and what it said."""
    outcome = folder / "outcome.json"
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "bench", *words, "--json", str(outcome)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    said = done.stdout + done.stderr
    assert outcome.exists(), said
    report: dict[str, Any] = json.loads(outcome.read_text())
    return done.returncode, report, said
