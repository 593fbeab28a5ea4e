"""What people did without the database is on disk, whoever dies in between, and leaves it when it is applied."""

import os
import uuid
from pathlib import Path

import pytest

from control_center.answer_journal import AnswerJournal, Entry
from tests.unit.control_center.made_cards import NOW


def answered(seq: int = 1) -> Entry:
    """Somebody took a call."""
    return Entry(id=uuid.uuid4(), kind="answered", at=NOW, account_id=7, events=(("B-1", "k", seq),), elder_ids=(3,))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where journals are."""
    return tmp_path / "unrecorded"


def test_whoever_comes_next_finds_what_was_not_applied(folder: Path) -> None:
    journal = AnswerJournal(folder)
    first, second = answered(1), answered(2)
    journal.write(first, durable=True)
    journal.write(second, durable=True)
    journal.done(first.id, NOW, "acknowledged")
    journal.close()
    following = AnswerJournal(folder)
    assert following.take_over() == [second]
    assert following.waiting() == [second]
    following.done(second.id, NOW, "acknowledged")
    assert list(folder.iterdir()) == []


def test_a_file_that_somebody_holds_is_left_alone(folder: Path) -> None:
    living, other = AnswerJournal(folder), AnswerJournal(folder)
    living.write(answered(), durable=True)
    assert other.take_over() == []
    living.close()
    assert len(other.take_over()) == 1


def test_a_line_that_a_crash_cut_off_takes_no_other_with_it(folder: Path) -> None:
    journal = AnswerJournal(folder)
    kept = answered()
    journal.write(kept, durable=True)
    journal.close()
    (file,) = folder.iterdir()
    with file.open("ab") as cut:
        cut.write(b'{"id":"4c0f')
    assert AnswerJournal(folder).take_over() == [kept]


def test_a_full_disk_keeps_nothing_and_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = AnswerJournal(folder)
    journal.write(answered(1), durable=True)
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:10]))
    with pytest.raises(OSError, match="full"):
        journal.write(answered(2), durable=True)
    monkeypatch.undo()
    assert journal.count == 1
    journal.write(answered(3), durable=True)
    journal.close()
    assert [entry.events[0][2] for entry in AnswerJournal(folder).take_over()] == [1, 3]


def test_only_the_owner_can_read_it_and_no_name_is_in_it(folder: Path) -> None:
    journal = AnswerJournal(folder)
    journal.write(answered(), durable=True)
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert set(Entry.model_validate_json(file.read_bytes()).model_dump()) == set(Entry.model_fields)


def test_a_planted_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (tmp_path / "victim").write_text("theirs\n")
    (folder / "a.jsonl").symlink_to(tmp_path / "victim")
    assert AnswerJournal(folder).take_over() == []
    assert (tmp_path / "victim").read_text() == "theirs\n"
