"""Reads a file of devices, one a line: CSV with a header, as a maker or a warehouse sends it.

Columns: `device` and `kind`; the secret as `secret_sha256` (64 hexadecimal digits) or as `secret`, or neither, then one
is made; `claim_code`, or none, then one is made; whose it is at once, by `elder_id` or `household_id`, or neither.
"""

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from control_center.claim_codes import Mistyped, digest
from schemas.states import DeviceKind
from schemas.topics import DEVICE_ID

COLUMNS: Final = ("device", "kind", "secret_sha256", "secret", "claim_code", "elder_id", "household_id")
NEEDED: Final = frozenset({"device", "kind"})
LEAST_SECRET: Final = 32
"""Characters: with fewer a secret can be guessed from its digest."""
LONGEST_LINE: Final = 4096
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}")
_LARGEST: Final = 2**31 - 1
_KINDS: Final[dict[str, DeviceKind]] = {kind: kind for kind in get_args(DeviceKind)}

Fault = Literal[
    "bad_line",
    "bad_device",
    "bad_kind",
    "bad_secret",
    "two_secrets",
    "weak_secret",
    "bad_claim_code",
    "bad_elder",
    "bad_household",
    "two_holders",
    "twice_in_file",
    "already_registered",
    "claim_code_taken",
    "no_such_elder",
    "no_such_household",
    "held_by_another",
    "no_labels",
]


class Unreadable(Exception):
    """The file as a whole cannot be used; the text says why."""


class Refusal(Exception):
    """One line cannot be used."""

    def __init__(self, fault: Fault, device_id: str = "") -> None:
        super().__init__(fault)
        self.fault = fault
        self.device_id = device_id


@dataclass(frozen=True, slots=True)
class Wish:
    """One device to register; without `secret_hash` or `claim_hash` these are to be made."""

    line: int
    device_id: str
    kind: DeviceKind
    secret_hash: bytes | None
    claim_hash: bytes | None
    elder_id: int | None
    household_id: int | None


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that was not used, and why."""

    line: int
    device_id: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Line:
    """What one line says, and how many bytes it was long."""

    content: Wish | RefusedLine
    size: int


def read_lines(path: Path) -> Iterator[Line]:
    """Each line after the header that is not empty, in order. Raises Unreadable, and OSError."""
    with path.open("rb") as file:
        first = file.readline(LONGEST_LINE + 1)
        header = _header(first)
        # What the header weighs is told with the first line.
        size, number = len(first), 1
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            size += len(line)
            while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                more = file.readline(LONGEST_LINE + 1)
                size += len(more)
                line = line[: LONGEST_LINE + 1] if more else line + b"\n"
                if more.endswith(b"\n") or not more:
                    break
            if line.strip(b"\r\n\t ,;"):
                yield Line(_content(number, line, header), size)
                size = 0


def _header(line: bytes) -> list[str]:
    try:
        names = [name.strip().lower() for name in next(csv.reader([line.decode("utf-8-sig")]), [])]
    except (UnicodeDecodeError, csv.Error):
        raise Unreadable("its first line is no CSV header in UTF-8") from None
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or not set(names) >= NEEDED or len(set(names)) != len(names):
        wrong = f"{unknown[0]!r:.40} is none of them" if unknown else "each once, with at least device and kind"
        raise Unreadable(f"its first line must name columns among {', '.join(COLUMNS)}: {wrong}")
    return names


def _content(number: int, line: bytes, header: Sequence[str]) -> Wish | RefusedLine:
    try:
        if len(line) > LONGEST_LINE:
            raise Refusal("bad_line")
        fields = next(csv.reader([line.decode()], strict=True), [])
        if len(fields) > len(header):
            raise Refusal("bad_line")
        told = dict(zip(header, (field.strip() for field in fields), strict=False))
        return _wish(number, {name: told.get(name, "") for name in COLUMNS})
    except Refusal as refusal:
        return RefusedLine(number, refusal.device_id, refusal.fault)
    except (UnicodeDecodeError, csv.Error):
        return RefusedLine(number, "", "bad_line")


def _wish(number: int, told: Mapping[str, str]) -> Wish:
    device_id = told["device"]
    if not DEVICE_ID.fullmatch(device_id):
        raise Refusal("bad_device")
    try:
        if told["elder_id"] and told["household_id"]:
            raise Refusal("two_holders")
        return Wish(
            line=number,
            device_id=device_id,
            kind=_kind(told["kind"]),
            secret_hash=_secret_hash(told["secret_sha256"], told["secret"]),
            claim_hash=_claim_hash(told["claim_code"]),
            elder_id=_number(told["elder_id"], "bad_elder"),
            household_id=_number(told["household_id"], "bad_household"),
        )
    except Refusal as refusal:
        raise Refusal(refusal.fault, device_id) from None


def _kind(text: str) -> DeviceKind:
    kind = _KINDS.get(text.lower())
    if kind is None:
        raise Refusal("bad_kind")
    return kind


def _secret_hash(digested: str, plain: str) -> bytes | None:
    if digested and plain:
        raise Refusal("two_secrets")
    if digested:
        if not _SHA256.fullmatch(digested):
            raise Refusal("bad_secret")
        return bytes.fromhex(digested)
    if plain and len(plain) < LEAST_SECRET:
        raise Refusal("weak_secret")
    return hashlib.sha256(plain.encode()).digest() if plain else None


def _claim_hash(code: str) -> bytes | None:
    try:
        return digest(code) if code else None
    except Mistyped:
        raise Refusal("bad_claim_code") from None


def _number(text: str, fault: Fault) -> int | None:
    if not text:
        return None
    if not _NUMBER.fullmatch(text) or int(text) > _LARGEST:
        raise Refusal(fault)
    return int(text)
