"""Recordings of vital signs as CSV: known and chosen columns, and one clear line for a file that is no recording."""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from schemas.vitals import RANGES

VITALS: Final = ("hr", "spo2", "rr", "temp", "sbp", "dbp", "steps")
_KNOWN: Final[dict[str, tuple[str, ...]]] = {
    "hr": ("hr", "pulse"),
    "spo2": ("spo2", "sao2"),
    "rr": ("rr", "resp"),
    "temp": ("temp", "temp_c"),
    "sbp": ("sbp", "abp_sys", "abpsys", "nibp_sys", "nbpsys"),
    "dbp": ("dbp", "abp_dia", "abpdias", "nibp_dia", "nbpdias"),
    "steps": ("steps",),
}
"""Columns of PhysioNet Challenge 2012 and MIMIC-II numerics; the first that shows a value above 0 counts."""
_TIMES: Final = ("t_min", "time", "timestamp", "at")
_RECORD: Final = "record_id"
_ABSENT: Final = frozenset({"", "nan", "na", "null", "none"})


class BadRecording(Exception):
    """The file cannot be played; the text is one line that says why."""


@dataclass(frozen=True)
class Columns:
    """The columns chosen by hand, for files whose names are not known."""

    vitals: dict[str, tuple[str, ...]]
    time: str | None = None

    @classmethod
    def chosen(cls, choices: Sequence[str], time: str | None) -> "Columns":
        """Read `hr=HR` choices; raises BadRecording for what is not one."""
        vitals: dict[str, tuple[str, ...]] = {}
        for choice in choices:
            vital, separator, name = choice.partition("=")
            if not separator or not name or vital not in VITALS:
                raise BadRecording(f"--column {choice}: write VITAL=NAME with VITAL one of {', '.join(VITALS)}")
            vitals[vital] = (*vitals.get(vital, ()), name)
        return cls(vitals, time)


@dataclass(frozen=True)
class Row:
    """One moment of a recording: seconds since its first, and the vital signs measured then (0: sensor off)."""

    seconds: float
    values: dict[str, float]


@dataclass(frozen=True)
class Recording:
    """One person's recording, in order of time."""

    name: str
    rows: list[Row]


def read_recordings(files: Sequence[Path], columns: Columns) -> list[Recording]:
    """Read all files; raises BadRecording at the first fault."""
    return [recording for path in files for recording in _read_file(path, columns)]


def _read_file(path: Path, columns: Columns) -> list[Recording]:
    lines = csv.reader(io.StringIO(_read_text(path), newline=""), delimiter=_delimiter(path), strict=True)
    try:
        return _Reader(path, columns, lines).recordings()
    except csv.Error as error:
        raise BadRecording(f"{path}: line {lines.line_num}: not CSV: {error}") from None


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else f"damaged gzip file: {error}"
        raise BadRecording(f"{path}: {reason}") from None
    if not content.strip():
        raise BadRecording(f"{path}: the file is empty")
    if b"\x00" in content:
        raise BadRecording(f"{path}: not a CSV file (it contains binary data)")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRecording(f"{path}: not a CSV file in UTF-8 (byte {error.start})") from None


def _delimiter(path: Path) -> str:
    return "\t" if path.name.removesuffix(".gz").endswith(".tsv") else ","


class _Reader:
    def __init__(self, path: Path, columns: Columns, lines: Iterator[list[str]]) -> None:
        self._path = path
        self._lines = lines
        self._header = [name.strip() for name in next(lines)]
        self._time = self._find_time(columns.time)
        self._vitals = self._find_vitals(columns.vitals)
        self._record = self._header.index(_RECORD) if _RECORD in self._header else None

    def _fault(self, line: int, text: str) -> BadRecording:
        return BadRecording(f"{self._path}: line {line}: {text}")

    def _find_time(self, chosen: str | None) -> int:
        names = (chosen,) if chosen else _TIMES
        for name in names:
            if name in self._header:
                return self._header.index(name)
        what = f"no column {chosen!r}" if chosen else f"no column of time ({', '.join(_TIMES)}); choose one with --time"
        raise BadRecording(f"{self._path}: {what}; it has {', '.join(self._header)[:200]}")

    def _find_vitals(self, chosen: dict[str, tuple[str, ...]]) -> dict[str, list[int]]:
        for vital, names in chosen.items():
            for name in names:
                if name not in self._header:
                    raise BadRecording(
                        f"{self._path}: no column {name!r} for {vital}; it has {', '.join(self._header)[:200]}"
                    )
        wanted = {vital: chosen.get(vital, known) for vital, known in _KNOWN.items()}
        found = {
            vital: [self._header.index(name) for name in names if name in self._header]
            for vital, names in wanted.items()
        }
        found = {vital: indexes for vital, indexes in found.items() if indexes}
        if not found:
            raise BadRecording(
                f"{self._path}: no known column of vital signs in {', '.join(self._header)[:200]};"
                " choose some with --column hr=NAME"
            )
        return found

    def recordings(self) -> list[Recording]:
        grouped: dict[str, list[tuple[float, dict[str, float]]]] = {}
        for line, cells in enumerate(self._lines, 2):
            if not any(cells):
                continue
            if len(cells) != len(self._header):
                raise self._fault(line, f"{len(cells)} columns, the header has {len(self._header)}")
            values = self._values(line, cells)
            name = cells[self._record].strip() if self._record is not None else ""
            moments = grouped.setdefault(name, [])
            if values:
                moments.append((self._seconds(line, cells[self._time]), values))
        recordings = [self._recording(name, moments) for name, moments in grouped.items() if moments]
        if not recordings:
            raise BadRecording(f"{self._path}: no row has a vital sign")
        return recordings

    def _recording(self, name: str, moments: list[tuple[float, dict[str, float]]]) -> Recording:
        ordered = sorted(moments, key=lambda moment: moment[0])
        first = ordered[0][0]
        label = f"{self._path.name}:{name}" if name else self._path.name
        return Recording(label, [Row(seconds - first, values) for seconds, values in ordered])

    def _seconds(self, line: int, text: str) -> float:
        try:
            minutes = float(text)
        except ValueError:
            return self._iso_seconds(line, text)
        if not math.isfinite(minutes):
            raise self._fault(line, f"{self._header[self._time]}: not a time: {text[:40]!r}")
        return minutes * 60

    def _iso_seconds(self, line: int, text: str) -> float:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise self._fault(
                line, f"{self._header[self._time]}: neither minutes nor ISO 8601: {text[:40]!r}"
            ) from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def _values(self, line: int, cells: list[str]) -> dict[str, float]:
        values: dict[str, float] = {}
        for vital, indexes in self._vitals.items():
            measured = [number for index in indexes if (number := self._number(line, cells, index)) is not None]
            if measured:
                values[vital] = next((number for number in measured if number != 0), 0.0)
        return values

    def _number(self, line: int, cells: list[str], index: int) -> float | None:
        text = cells[index].strip()
        if text.lower() in _ABSENT:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.inf
        if not math.isfinite(number):
            raise self._fault(line, f"{self._header[index]}: not a number: {text[:40]!r}")
        return number


def as_sample(row: Row) -> dict[str, float]:
    """The row as a wearable reports it; whole numbers as integers."""
    return {
        vital: int(value) if value.is_integer() else value for vital, value in row.values.items() if vital in RANGES
    }
