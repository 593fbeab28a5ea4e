"""Mistakes on the command line: one clear line, exit code 2, nothing done."""

import sys
from pathlib import Path

import pytest

from launcher.commands import main


def _run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["anban", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("demo", "--check", "--hands-off"), "leave out --hands-off"),
        (("demo", "--check", "--reset"), "leave out --reset"),
        (("demo", "--elders", "0"), "--elders"),
        (("backup",), "DIR"),
        (("backup", "a", "b"), "b"),
        (("restore", "--forse", "a"), "--forse"),
        (("restore", "/nonexistent/backup"), "/nonexistent/backup"),
        (("restore", "/etc/hostname"), "/etc/hostname"),
        (("status", "--state-dir", "/nonexistent/state"), "nothing runs on /nonexistent/state"),
        (("backup", "/proc/backup", "--state-dir", "/nonexistent/state"), "/proc/backup"),
        (("load", "--operators", "0", "--workers", "0", "--relatives", "0", "--rate", "0"), "nobody comes"),
        (("load", "--pace", "0"), "--pace"),
        (("secrets",), "FILE"),
        (("secrets", "/nonexistent/folder/.env"), "/nonexistent/folder/.env"),
    ],
)
def test_mistake_is_one_line(
    words: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ANBAN_DATABASE_URL", "ANBAN_MQTT_URL", "ANBAN_NATS_URL"):
        monkeypatch.delenv(name, raising=False)
    assert _run(monkeypatch, *words) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("anban: ") and said in shown.err
    assert len(shown.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
