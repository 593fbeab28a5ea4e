"""Files of workers: what is read of a row, and why one is not used."""

import io
import zipfile
from datetime import date

import pytest
from openpyxl import Workbook

from control_center.worker_file import MOST_ROWS, BadLine, UnreadableFile, WorkerLine, read_workers

HEADER = "姓名,用户名,性别,出行方式,纬度,经度,证书\n"


def _one(row: str) -> WorkerLine | BadLine:
    [line] = read_workers((HEADER + row).encode("utf-8-sig"))
    return line


def test_a_row_becomes_a_worker_with_her_certificates() -> None:
    line = _one("钱七,qian7,女,电动车,29.8,106.4,bathing|B-1|卫健委|2026-01-01|2027-12-31;first_aid|||2026-01-01\n")
    assert isinstance(line, WorkerLine)
    assert (line.line, line.name, line.sex, line.travel, line.place) == (2, "钱七", "female", "scooter", (29.8, 106.4))
    assert [(one.skill, one.number, one.valid_to) for one in line.certificates] == [
        ("bathing", "B-1", date(2027, 12, 31)),
        ("first_aid", None, None),
    ]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (",qian7,,,,,", "bad_name"),
        ("钱七,q 7,,,,,", "bad_username"),
        ("钱七,qian7,不详,,,,", "bad_sex"),
        ("钱七,qian7,,飞机,,,", "bad_travel"),
        ("钱七,qian7,,,91,106,", "bad_place"),
        ("钱七,qian7,,,nan,106,", "bad_place"),
        ("钱七,qian7,,,,106,", "bad_place"),
        ("钱七,qian7,,,,,bathing|1", "bad_certificate"),
        ("钱七,qian7,,,,,bathing|1||2026-02-30|", "bad_certificate"),
        ("钱七,qian7,,,,,bathing|1||2026-02-03|2026-02-02", "bad_certificate"),
        ("钱七,qian7,,,,,,多", "bad_row"),
        ("钱\x00七,qian7,,,,,", "bad_row"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(row: str, fault: str) -> None:
    line = _one(row + "\n")
    assert isinstance(line, BadLine)
    assert (line.line, line.fault) == (2, fault)


def test_a_workbook_says_the_same_as_a_table() -> None:
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["name", "username", "carries", "phone"])
    sheet.append(["钱七", "qian7", 12, 13800000000])
    body = io.BytesIO()
    workbook.save(body)
    [line] = read_workers(body.getvalue())
    assert isinstance(line, WorkerLine)
    assert (line.carries, line.phone) == (12, "13800000000")


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"PK\x03\x04 no archive", b"name,unheard\n1,2\n", b"name,name\n", b'a,"b']
)
def test_a_file_that_is_no_table_of_workers_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(UnreadableFile):
        read_workers(body)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked() -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(30 * 1024 * 1024))
    with pytest.raises(UnreadableFile):
        read_workers(body.getvalue())


def test_rows_beyond_the_most_are_said_to_be_left_out() -> None:
    rows = "".join(f"人{n},user{n},,,,,\n" for n in range(MOST_ROWS + 5))
    lines = read_workers((HEADER + rows).encode())
    assert len(lines) == MOST_ROWS + 1
    last = lines[-1]
    assert isinstance(last, BadLine)
    assert last.fault == "too_many_rows"
