"""The state folder: where it is, whose it is, and who holds it."""

import os
import stat
from pathlib import Path

import pytest

from launcher import demo, safefiles, statedir
from launcher.failure import LaunchError
from launcher.postgres import socket_folder


def test_environment_variable_names_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBAN_STATE_DIR", "/srv/anban")
    assert statedir.default_state_dir() == Path("/srv/anban")


def test_two_checkouts_have_two_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANBAN_STATE_DIR", raising=False)
    assert statedir.default_state_dir(Path("/a")) != statedir.default_state_dir(Path("/b"))
    assert statedir.default_state_dir(Path("/a")) == statedir.default_state_dir(Path("/a"))


def test_ordinary_user_keeps_state_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANBAN_STATE_DIR", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", "/home/li/state")
    assert statedir.default_state_dir().parent == Path("/home/li/state/anban")


def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    statedir.write_record(path, {"password": "x"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert statedir.read_record(path) == {"password": "x"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "{", "[1]", "\udcff"])
def test_broken_record_counts_as_absent(tmp_path: Path, text: str) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert statedir.read_record(path) == {}


def test_second_launcher_is_refused_in_one_line(tmp_path: Path) -> None:
    first, second = statedir.StateLock(tmp_path), statedir.StateLock(tmp_path)
    first.acquire()
    with pytest.raises(LaunchError, match=r"a demo already runs on .* \(pid \d+\)") as refusal:
        second.acquire()
    assert "\n" not in str(refusal.value)
    assert second.is_held()
    first.release()
    assert not second.is_held()


def test_reset_deletes_what_is_ours(tmp_path: Path) -> None:
    folder = statedir.prepare(tmp_path / "state")
    (folder / "sim-keys").mkdir()
    (folder / "nats.json").write_text("{}")
    demo.reset(folder)
    assert {entry.name for entry in folder.iterdir()} == {"anban-state", "lock"}


def test_reset_never_deletes_a_strangers_folder(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(LaunchError, match="nothing was deleted"):
        demo.reset(statedir.prepare(tmp_path))
    assert (tmp_path / "thesis.txt").exists()


def test_reset_is_refused_while_a_demo_runs(tmp_path: Path) -> None:
    folder = statedir.prepare(tmp_path / "state")
    lock = statedir.StateLock(folder)
    lock.acquire()
    with pytest.raises(LaunchError, match="already runs"):
        demo.reset(folder)
    lock.release()


def test_large_log_is_rotated_at_start(tmp_path: Path) -> None:
    folder = statedir.prepare(tmp_path / "state")
    log = folder / "logs/nats.log"
    log.write_bytes(b"x" * (9 * 1024 * 1024))
    assert statedir.log_file(folder, "nats") == log
    assert not log.exists()
    assert (folder / "logs/nats.log.1").stat().st_size == 9 * 1024 * 1024


def test_last_lines_skip_blank_ones(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\n\nthree\n\n")
    assert statedir.last_lines(log, 2) == "two | three"
    assert statedir.last_lines(tmp_path / "absent") == ""


def test_state_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")
    for use in (statedir.prepare, demo.reset):
        with pytest.raises(LaunchError, match="is a symbolic link"):
            use(tmp_path / "state")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_state_folder_in_which_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(mode)
    for use in (statedir.prepare, demo.reset):
        with pytest.raises(LaunchError, match="others may write"):
            use(tmp_path / "state")


def test_readable_folder_is_made_private(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    assert stat.S_IMODE(statedir.prepare(tmp_path / "state").stat().st_mode) in (0o700, 0o711)


def test_foreign_state_folder_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").mkdir()
    monkeypatch.setattr("os.geteuid", lambda: 4321)
    with pytest.raises(LaunchError, match="belongs to uid") as refusal:
        statedir.prepare(tmp_path / "state")
    assert "\n" not in str(refusal.value)


def test_planted_lock_log_and_record_are_not_followed(tmp_path: Path) -> None:
    folder = statedir.prepare(tmp_path / "state")
    victim = tmp_path / "victim.json"
    victim.write_text('{"x": {"pid": 1}}')
    for name in ("lock", "children.json", "logs/nats.log"):
        (folder / name).symlink_to(victim)
    with pytest.raises(LaunchError, match="cannot use the lock"):
        statedir.StateLock(folder).acquire()
    with pytest.raises(LaunchError, match="cannot write the log"):
        safefiles.opened_log(folder / "logs/nats.log")
    assert statedir.read_record(folder / "children.json") == {}
    assert statedir.last_lines(folder / "logs/nats.log") == ""
    assert victim.read_text() == '{"x": {"pid": 1}}'


def test_fifo_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "record.json")
    assert statedir.read_record(tmp_path / "record.json") == {}
    with pytest.raises(LaunchError, match="cannot write the log"):
        safefiles.opened_log(tmp_path / "record.json")


def test_record_of_another_user_counts_as_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statedir.write_record(tmp_path / "children.json", {"x": 1})
    monkeypatch.setattr("os.geteuid", lambda: 4321)
    assert statedir.read_record(tmp_path / "children.json") == {}


def test_socket_path_beyond_the_kernels_limit_moves_to_a_short_one() -> None:
    assert socket_folder(Path("/var/lib/anban/1/socket"), 1000) == Path("/var/lib/anban/1/socket")
    deep = Path("/home/li") / ("x" * 90) / "socket"
    moved = socket_folder(deep, 1000)
    assert len(str(moved)) < 60
    assert moved == socket_folder(deep, 1000)
    assert moved != socket_folder(deep, 1001)
