"""Reads a file of workers, one a row, as a provider sends it: CSV in UTF-8 or the first sheet of an XLSX workbook.

Columns, in Chinese or English: name and username; sex, phone, kind, travel, home base (latitude and longitude),
portions; first password, or none, then one is made; certificates as `skill|number|issuer|first day|last day`, several
apart by semicolons, days as 2026-12-31, empty where unknown.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, get_args

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from dispatch.pool.certificates import Certificate
from schemas.states import ResponderKind, Sex, Travel

MOST_ROWS: Final = 200
"""Each row's password is hashed, which takes a while."""
MOST_UNPACKED: Final = 20 * 1024 * 1024
"""Bytes: a workbook is an archive, and a small one can unpack to anything."""
LONGEST_FIELD: Final = 1000
COLUMNS: Final[Mapping[str, str]] = {
    "姓名": "name",
    "用户名": "username",
    "性别": "sex",
    "电话": "phone",
    "类别": "kind",
    "出行方式": "travel",
    "纬度": "lat",
    "经度": "lon",
    "可带餐份数": "carries",
    "初始密码": "password",
    "证书": "certificates",
}
NEEDED: Final = frozenset({"name", "username"})
SEXES: Final[Mapping[str, Sex]] = {"女": "female", "男": "male", "female": "female", "male": "male"}
KINDS: Final[Mapping[str, ResponderKind]] = {
    "": "station",
    "驻站": "station",
    "网格": "grid",
    "结对": "paired",
    "流动": "mobile",
    **{kind: kind for kind in get_args(ResponderKind)},
}
TRAVELS: Final[Mapping[str, Travel]] = {
    "": "scooter",
    "步行": "walk",
    "电动车": "scooter",
    "汽车": "car",
    **{travel: travel for travel in get_args(Travel)},
}
USERNAME: Final = re.compile(r"[A-Za-z0-9_.-]{3,40}")

RowFault = Literal[
    "bad_row",
    "bad_name",
    "bad_username",
    "bad_sex",
    "bad_kind",
    "bad_travel",
    "bad_place",
    "bad_carries",
    "weak_password",
    "bad_certificate",
    "unknown_skill",
    "twice_in_file",
    "username_taken",
    "too_many_rows",
]
FileFault = Literal["unreadable_file", "unknown_columns"]


class UnreadableFile(Exception):
    """The file as a whole cannot be used; `fault` says why."""

    def __init__(self, fault: FileFault) -> None:
        super().__init__(fault)
        self.fault: FileFault = fault


class BadRow(Exception):
    """One row cannot be used."""

    def __init__(self, fault: RowFault) -> None:
        super().__init__(fault)
        self.fault: RowFault = fault


@dataclass(frozen=True)
class WorkerLine:
    """A worker to write in; without a place she sets out from where her provider serves, without a password one is
    made."""

    line: int
    name: str
    username: str
    sex: Sex | None
    phone: str | None
    kind: ResponderKind
    travel: Travel
    place: tuple[float, float] | None
    carries: int
    password: str | None
    certificates: tuple[Certificate, ...]


@dataclass(frozen=True)
class BadLine:
    """A row that was not used, and why."""

    line: int
    name: str
    fault: RowFault


def read_workers(body: bytes) -> list[WorkerLine | BadLine]:
    """Every row that is not empty, in order, with its number in the file. Raises UnreadableFile."""
    table = list(_workbook(body) if body[:2] == b"PK" else _csv(body))
    if not table:
        raise UnreadableFile("unreadable_file")
    (_, header), *rows = table
    names = [COLUMNS.get(name.strip(), name.strip().lower()) for name in header]
    while names and not names[-1]:
        names.pop()
    if not NEEDED <= set(names) <= set(COLUMNS.values()) or len(set(names)) < len(names):
        raise UnreadableFile("unknown_columns")
    filled = [(line, fields) for line, fields in rows if any(field.strip() for field in fields)]
    found: list[WorkerLine | BadLine] = [_line(line, names, fields) for line, fields in filled[:MOST_ROWS]]
    return [*found, *(BadLine(line, "", "too_many_rows") for line, _ in filled[MOST_ROWS : MOST_ROWS + 1])]


def _csv(body: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        yield from ((reader.line_num, row) for row in reader)
    except (UnicodeDecodeError, csv.Error):
        raise UnreadableFile("unreadable_file") from None


def _workbook(body: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_UNPACKED:
                raise UnreadableFile("unreadable_file")
        workbook = load_workbook(io.BytesIO(body), read_only=True, data_only=True)
        sheet = workbook.worksheets[0]
        for number, row in enumerate(sheet.iter_rows(max_row=MOST_ROWS * 5, max_col=40, values_only=True), start=1):
            yield number, [_text(value) for value in row]
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, IndexError, SyntaxError, OSError):
        raise UnreadableFile("unreadable_file") from None


def _text(value: object) -> str:
    """A cell as a person would write it: days without a time, whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _line(line: int, names: Sequence[str], fields: Sequence[str]) -> WorkerLine | BadLine:
    told = {name: field.strip() for name, field in zip(names, fields, strict=False)}
    name = told.get("name", "")[:80]
    try:
        if any(len(field) > LONGEST_FIELD or not storable(field) for field in fields):
            raise BadRow("bad_row")
        if any(field.strip() for field in fields[len(names) :]):
            raise BadRow("bad_row")
        return _worker(line, {column: told.get(column, "") for column in COLUMNS.values()})
    except BadRow as bad:
        return BadLine(line, name if storable(name) else "", bad.fault)


def storable(text: str) -> bool:
    """Whether the database can keep it."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _worker(line: int, told: Mapping[str, str]) -> WorkerLine:
    if not 1 <= len(told["name"]) <= 80:
        raise BadRow("bad_name")
    if not USERNAME.fullmatch(told["username"]):
        raise BadRow("bad_username")
    if told["sex"] and told["sex"].lower() not in SEXES:
        raise BadRow("bad_sex")
    if told["kind"].lower() not in KINDS:
        raise BadRow("bad_kind")
    if told["travel"].lower() not in TRAVELS:
        raise BadRow("bad_travel")
    if told["password"] and not 8 <= len(told["password"]) <= 200:
        raise BadRow("weak_password")
    return WorkerLine(
        line=line,
        name=told["name"],
        username=told["username"],
        sex=SEXES.get(told["sex"].lower()),
        phone=told["phone"][:40] or None,
        kind=KINDS[told["kind"].lower()],
        travel=TRAVELS[told["travel"].lower()],
        place=_place(told["lat"], told["lon"]),
        carries=_carries(told["carries"]),
        password=told["password"] or None,
        certificates=tuple(_certificate(text) for text in told["certificates"].split(";") if text.strip()),
    )


def _place(lat: str, lon: str) -> tuple[float, float] | None:
    if not lat and not lon:
        return None
    try:
        place = float(lat), float(lon)
    except ValueError:
        raise BadRow("bad_place") from None
    if not (-90 <= place[0] <= 90 and -180 <= place[1] <= 180):
        raise BadRow("bad_place")
    return place


def _carries(text: str) -> int:
    if not text:
        return 20
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= 500:
        raise BadRow("bad_carries")
    return int(text)


def _certificate(text: str) -> Certificate:
    parts = [part.strip() for part in text.split("|")]
    if not 4 <= len(parts) <= 5 or not parts[0]:
        raise BadRow("bad_certificate")
    skill, number, issuer, first, last = [*parts, ""][:5]
    try:
        valid_from = date.fromisoformat(first)
        valid_to = date.fromisoformat(last) if last else None
    except ValueError:
        raise BadRow("bad_certificate") from None
    if valid_to is not None and valid_to < valid_from:
        raise BadRow("bad_certificate")
    return Certificate(skill, number or None, issuer or None, valid_from, valid_to)
