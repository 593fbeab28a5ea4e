"""A backup's folder: whole or not at all, private, and checked file by file."""

import errno
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from launcher import archive
from launcher.dump import Storage
from launcher.failure import LaunchError

MANIFEST = archive.Manifest(
    anban="0.1.0",
    made_at=datetime(2026, 11, 22, 4, 0, tzinfo=UTC),
    storage=Storage("18.6", None, None),
    schema=["0001"],
    rows={"elder": 3},
    broker={"$MQTT_msgs": 2},
    state=["sim.key"],
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A small backup."""
    target = tmp_path / "saved"
    with archive.written(target) as folder:
        (folder / archive.DATABASE).write_bytes(b"dump")
        (folder / archive.STATE).mkdir(mode=0o755)
        (folder / archive.STATE / "sim.key").write_bytes(b"key")
        (folder / archive.MANIFEST).write_text(MANIFEST.text())
    return target


def test_manifest_is_read_as_it_was_written(saved: Path) -> None:
    assert archive.verified(saved) == MANIFEST


def test_nobody_else_can_read_any_of_it(saved: Path) -> None:
    for path in [saved, *saved.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), archive.written(tmp_path / "saved") as folder:
        (folder / "part").touch()
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="disk is full"), archive.written(tmp_path / "saved"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["full folder", "file", "link", "no parent"])
def test_target_that_is_in_use_is_refused(tmp_path: Path, fault: str) -> None:
    target = tmp_path / "saved"
    match fault:
        case "full folder":
            (target / "something").mkdir(parents=True)
        case "file":
            target.touch()
        case "link":
            (tmp_path / "other").mkdir()
            target.symlink_to(tmp_path / "other")
        case _:
            target = tmp_path / "absent/saved"
    with pytest.raises(LaunchError), archive.written(target):
        raise AssertionError("it was opened")


def test_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    with archive.written(tmp_path / "saved") as folder:
        (folder / archive.MANIFEST).touch()
    assert (tmp_path / "saved" / archive.CHECKSUMS).exists()


def test_changed_missing_and_foreign_files_are_named(saved: Path) -> None:
    (saved / archive.DATABASE).write_bytes(b"dumb")
    with pytest.raises(LaunchError, match=r"not whole: database\.dump damaged"):
        archive.verified(saved)
    (saved / archive.DATABASE).unlink()
    with pytest.raises(LaunchError, match=r"database\.dump missing"):
        archive.verified(saved)
    (saved / archive.DATABASE).write_bytes(b"dump")
    (saved / "extra").touch()
    with pytest.raises(LaunchError, match="extra not part of it"):
        archive.verified(saved)


def test_backup_that_others_may_change_is_refused(saved: Path) -> None:
    saved.chmod(0o770)
    with pytest.raises(LaunchError, match="others could change"):
        archive.verified(saved)


def test_link_in_a_backup_is_refused(saved: Path) -> None:
    (saved / archive.STATE / "sim.key").unlink()
    (saved / archive.STATE / "sim.key").symlink_to("/etc/passwd")
    with pytest.raises(LaunchError, match="no ordinary file"):
        archive.verified(saved)


def test_checksums_of_another_folder_do_not_lead_out_of_it(saved: Path) -> None:
    with (saved / archive.CHECKSUMS).open("a") as file:
        file.write(f"{'0' * 64}  ../../etc/passwd\n")
    with pytest.raises(LaunchError, match="missing"):
        archive.verified(saved)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', "nonsense"])
def test_manifest_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    with archive.written(tmp_path / "saved") as folder:
        (folder / archive.DATABASE).touch()
        (folder / archive.MANIFEST).write_text(text)
    with pytest.raises(LaunchError, match="is no manifest"):
        archive.verified(tmp_path / "saved")


def test_format_of_another_version_is_refused(tmp_path: Path) -> None:
    with archive.written(tmp_path / "saved") as folder:
        (folder / archive.DATABASE).touch()
        (folder / archive.MANIFEST).write_text(json.dumps(json.loads(MANIFEST.text()) | {"format": 2}))
    with pytest.raises(LaunchError, match="another version"):
        archive.verified(tmp_path / "saved")


def test_state_files_named_by_a_manifest_cannot_leave_the_folder(tmp_path: Path) -> None:
    with archive.written(tmp_path / "saved") as folder:
        (folder / archive.DATABASE).touch()
        (folder / archive.MANIFEST).write_text(json.dumps(json.loads(MANIFEST.text()) | {"state": ["../sim.key"]}))
    with pytest.raises(LaunchError, match="is no manifest"):
        archive.verified(tmp_path / "saved")
