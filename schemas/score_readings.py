"""`python -m schemas.score_readings < readings.jsonl`: the NEWS2 score of each line, its parts and what is missing.

A line is a JSON object with what was measured, named as devices name it (hr, spo2, rr, temp, sbp), with `at` (UTC ms),
and with what a person knows: `on_oxygen` true or false, `consciousness` "alert" or "cvpu" (or A, C, V, P, U), `scale` 1
or 2 for SpO2 (1 unless said). Each line is scored by itself; with `--carry` the newest values of the lines before, of
the same `device`, go on counting for half an hour.
"""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer

from schemas import news2
from schemas.vitals import RANGES, SCORED

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LEVELS: Final[dict[str, news2.Consciousness]] = {
    "a": "alert", "alert": "alert", "cvpu": "cvpu", "c": "cvpu", "v": "cvpu", "p": "cvpu", "u": "cvpu",
}  # fmt: skip
Measured = dict[str, tuple[float, datetime]]


class BadLine(ValueError):
    """A line that cannot be scored; the text says why."""


@dataclass
class Scorer:
    """Scores lines one after the other."""

    carry: bool = False
    _latest: dict[str, Measured] = field(default_factory=dict)

    def results(self, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
        """One result for each line that is not empty, and one for each sample of a line that has several."""
        for number, text in enumerate(lines, 1):
            if not text.strip():
                continue
            try:
                said = _object(text)
                for sample in _samples(said):
                    yield {"line": number, **self.score(sample)}
            except BadLine as fault:
                yield {"line": number, "error": str(fault)}

    def score(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Score one object: score, severity, missing, parts with value, points and age_seconds, and what was left out.

        Raises BadLine.
        """
        at = _time(said.get("at"))
        values, unused = _measured(said)
        measured: Measured = {name: (value, at) for name, value in values.items()}
        if self.carry:
            earlier = self._latest.setdefault(str(said.get("device", "")), {})
            earlier.update(
                {name: found for name, found in measured.items() if name not in earlier or earlier[name][1] <= at}
            )
            measured = dict(earlier) | measured
        scale, level = _choice(said, "scale", (1, 2)) or 1, _consciousness(said)
        result = news2.score(
            measured, scale, at, on_oxygen=_choice(said, "on_oxygen", (True, False)), consciousness=level
        )
        answer: dict[str, Any] = {"at": said["at"]} if "at" in said else {}
        if result is None:
            answer |= {
                "score": None,
                "severity": None,
                "complete": False,
                "missing": list(news2.PARAMETERS),
                "parts": {},
            }
        else:
            answer |= {"score": result["score"], "severity": news2.severity(result)}
            answer |= {name: result[name] for name in ("single_three", "complete", "missing", "scale")}
            answer |= {"parts": result["values"]}
        return answer | ({"unused": unused} if unused else {})


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise BadLine("not JSON") from None
    if not isinstance(said, dict):
        raise BadLine("not a JSON object")
    return said


def _samples(said: dict[str, Any]) -> list[dict[str, Any]]:
    samples = said.get("samples")
    if samples is None:
        return [said]
    if not isinstance(samples, list) or not all(isinstance(sample, dict) for sample in samples):
        raise BadLine("samples is not a list of objects")
    beside = {name: value for name, value in said.items() if name != "samples"}
    return [beside | sample for sample in samples]


def _time(millis: Any) -> datetime:
    if millis is None:
        return _EPOCH
    if isinstance(millis, bool) or not isinstance(millis, int):
        raise BadLine("at is not a whole number of milliseconds")
    try:
        return _EPOCH + timedelta(milliseconds=millis)
    except OverflowError:
        raise BadLine("at is beyond any calendar") from None


def _measured(said: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, str]]:
    """The values that count, and why others do not."""
    values: dict[str, float] = {}
    unused: dict[str, str] = {}
    for name in SCORED:
        raw, limits = said.get(name), RANGES[name]
        if raw is None:
            continue
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
            unused[name] = "not a number"
        elif raw == 0:
            unused[name] = "0: sensor off"
        elif not limits.low <= raw <= limits.high:
            unused[name] = f"outside {limits.low:g}..{limits.high:g} {limits.unit}"
        else:
            values[name] = raw
    return values, unused


def _choice(said: Mapping[str, Any], name: str, choices: tuple[Any, ...]) -> Any:
    value = said.get(name)
    if value is None:
        return None
    if type(value) is not type(choices[0]) or value not in choices:
        raise BadLine(f"{name} is not one of {', '.join(json.dumps(choice) for choice in choices)}")
    return value


def _consciousness(said: Mapping[str, Any]) -> news2.Consciousness | None:
    value = said.get("consciousness")
    if value is None:
        return None
    if not isinstance(value, str) or value.lower() not in _LEVELS:
        raise BadLine('consciousness is not one of "alert", "cvpu", "A", "C", "V", "P", "U"')
    return _LEVELS[value.lower()]


def _text(result: Mapping[str, Any]) -> str:
    """A result as one line for reading."""
    if "error" in result:
        return f"{result['line']}: {result['error']}"
    parts = ", ".join(f"{name} {_part(part)}" for name, part in result["parts"].items())
    unused = ", ".join(f"{name} {why}" for name, why in result.get("unused", {}).items())
    score = "–" if result["score"] is None else f"{'' if result['complete'] else '≥ '}{result['score']}"
    said = (
        f"NEWS2 {score}" + (f" {result['severity']}" if result["severity"] else ""),
        parts,
        f"missing: {', '.join(result['missing'])}" if result["missing"] else "",
        f"left out: {unused}" if unused else "",
    )
    return f"{result['line']}: " + "; ".join(part for part in said if part)


def _part(part: Mapping[str, Any]) -> str:
    age = f" ({part['age_seconds']} s old)" if part["age_seconds"] else ""
    value = part["value"] if isinstance(part["value"], str) else json.dumps(part["value"])
    return f"{value} → {part['points']}{age}"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    carry: Annotated[bool, typer.Option("--carry", help="Values of earlier lines count for half an hour.")] = False,
    text: Annotated[
        bool | None, typer.Option("--text/--json", help="Lines for reading, or JSON lines (default: by the terminal).")
    ] = None,
) -> None:
    """Score lines of JSON from standard input; exit code 1 when a line could not be read."""
    bad = False
    as_text = sys.stdout.isatty() if text is None else text
    for result in Scorer(carry).results(sys.stdin):
        bad = bad or "error" in result
        sys.stdout.write((_text(result) if as_text else json.dumps(result, ensure_ascii=False)) + "\n")
        sys.stdout.flush()
    raise typer.Exit(1 if bad else 0)


if __name__ == "__main__":
    app()
