"""A file of devices: every line is read for itself, and a bad one says what is wrong with it."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from control_center import claim_codes
from control_center.device_file import COLUMNS, LONGEST_LINE, RefusedLine, Unreadable, Wish, read_lines

HEADER = b"device,kind,secret_sha256,secret,claim_code,elder_id,household_id\n"
HASH = hashlib.sha256(b"x").hexdigest()
CODE = claim_codes.make()


def _read(path: Path, content: bytes) -> list[Wish | RefusedLine]:
    path.write_bytes(content)
    lines = list(read_lines(path))
    if lines:
        assert sum(line.size for line in lines) <= len(content)
    return [line.content for line in lines]


def test_a_line_says_everything_or_only_the_least(tmp_path: Path) -> None:
    secret = "s" * 40
    full = f"W-1,wearable,{HASH},,{CODE.lower()},17,\n".encode()
    least = b"B-2,Button\r\n"
    plain = f'"H_3", hub ,,{secret},,,9\n'.encode()
    assert _read(tmp_path / "f.csv", b"\xef\xbb\xbf" + HEADER + full + b"\n,,,\n" + least + plain) == [
        Wish(2, "W-1", "wearable", bytes.fromhex(HASH), claim_codes.digest(CODE), 17, None),
        Wish(5, "B-2", "button", None, None, None, None),
        Wish(6, "H_3", "hub", hashlib.sha256(secret.encode()).digest(), None, None, 9),
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("W 1,wearable", "bad_device"),
        (",wearable", "bad_device"),
        ("W" * 41 + ",wearable", "bad_device"),
        ("W-1,toaster", "bad_kind"),
        ("W-1,wearable,abc", "bad_secret"),
        (f"W-1,wearable,{HASH},{'s' * 40}", "two_secrets"),
        ("W-1,wearable,,short", "weak_secret"),
        ("W-1,wearable,,,AAAA-BBBB-CCCC", "bad_claim_code"),
        ("W-1,wearable,,,,eleven", "bad_elder"),
        ("W-1,wearable,,,,99999999999", "bad_elder"),
        ("W-1,wearable,,,,,-1", "bad_household"),
        ("W-1,wearable,,,,1,2", "two_holders"),
        ("W-1,wearable,,,,,,,extra", "bad_line"),
        ('"W-1,wearable', "bad_line"),
        ("W-1,wearable" + " " * LONGEST_LINE, "bad_line"),
    ],
)
def test_a_bad_line_is_named_and_its_neighbours_are_read(tmp_path: Path, line: str, fault: str) -> None:
    before, bad, after = _read(tmp_path / "f.csv", HEADER + f"W-8,hub\n{line}\nW-9,hub".encode())
    assert isinstance(bad, RefusedLine) and (bad.line, bad.fault) == (3, fault)
    assert isinstance(before, Wish) and isinstance(after, Wish)
    assert (before.device_id, after.device_id, after.line) == ("W-8", "W-9", 4)


def test_bytes_that_are_no_text_are_a_bad_line(tmp_path: Path) -> None:
    bad, good = _read(tmp_path / "f.csv", HEADER + "手环,wearable\n".encode("gbk") + b"W-9,hub\n")
    assert bad == RefusedLine(2, "", "bad_line")
    assert isinstance(good, Wish)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xff\xfe\n",
        b"device\n",
        b"device,kind,colour\n",
        b"device,kind,kind\n",
        b"W-1,wearable\n",
        b"\x00" * 9000,
    ],
)
def test_a_file_without_the_right_header_is_not_used_at_all(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "f.csv").write_bytes(header + b"W-1,wearable\n")
    with pytest.raises(Unreadable):
        list(read_lines(tmp_path / "f.csv"))


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_follows_the_header_is_read_to_its_end(tmp_path: Path, content: bytes) -> None:
    for one in _read(tmp_path / "f.csv", HEADER + content):
        assert one.line >= 2
        assert isinstance(one, RefusedLine) or set(one.device_id) <= set("abcdefghijklmnopqrstuvwxyz"
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")  # fmt: skip


def test_every_column_is_understood() -> None:
    assert HEADER.decode().strip().split(",") == list(COLUMNS)
