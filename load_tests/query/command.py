"""`python -m load_tests bench query`: what the launcher runs for `./anban bench query`."""

import json as json_format
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import psycopg
import typer
from psycopg.rows import TupleRow
from rich.console import Console
from rich.table import Table

from load_tests.progress import Progress
from load_tests.query.asking import QUESTIONS, ask_cold, ask_warm, choose, milliseconds, plan_of
from load_tests.query.filling import Tell, elders_for, fill, prepare
from load_tests.query.forgetting import CannotForget, Forgetful
from load_tests.query.room import count_rows, gib_per_billion_points, measure_room, points_a_row, settle, sums_bytes
from schemas.database import connect
from schemas.settings import load_settings

BYTES_LIMIT: Final = 110.0
BYTES_ROWS: Final = 5_000_000
"""With fewer rows than these the unfilled last pages of the month's chunks weigh more than the rows: not judged."""
_WARM_ELDERS: Final = 50
_COLD_ELDERS: Final = 15
Json = dict[str, Any]


def query(
    rows: Annotated[
        int, typer.Option(min=20_000, max=2_000_000_000, help="How many readings to store first.")
    ] = 2_000_000,
    seed: Annotated[int, typer.Option(help="Which elders are asked about.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Where the figures are written.")] = None,
) -> None:
    """Store a month of readings, and report their room and how long trends take; exit 0 when the promises hold."""
    console = Console(highlight=False, soft_wrap=True)
    with connect(load_settings().database_url, "bench") as conn, Progress(console, rows / 200_000) as progress:
        report = measure(conn, rows, seed, progress.tell)
    if json is not None:
        json.write_text(json_format.dumps(report, indent=2) + "\n", encoding="utf-8")
    _print(console, report)
    raise typer.Exit(0 if report["holds"] else 1)


def measure(conn: psycopg.Connection[TupleRow], rows: int, seed: int, tell: Tell) -> Json:
    """Fill a migrated and seeded database and ask; returns the figures. Raises psycopg.Error, StillBusy."""
    now = datetime.now(UTC)
    filled = fill(conn, now, rows, prepare(conn, now, elders_for(rows)), tell)
    tell(1.0, "Gathering statistics, summing up, packing")
    conn.execute("VACUUM (ANALYZE) reading")
    before, present = measure_room(conn), count_rows(conn)
    settle(conn)
    after, points = measure_room(conn), points_a_row(conn)
    bytes_a_row = after.a_row(present)["all"]
    report: Json = {
        "rows": present,
        "rows_a_second_stored": round(filled.rows / filled.seconds),
        "elders": len(filled.elder_ids),
        "seconds_between_readings": round(filled.period.total_seconds(), 1),
        "points_per_row": round(points, 2),
        "bytes_per_row": bytes_a_row,
        "bytes_per_row_parts": {"as_it_came": before.a_row(present), "packed": after.a_row(present)},
        "bytes_per_point": round(bytes_a_row / points, 2),
        "gib_per_billion_points": gib_per_billion_points(bytes_a_row, points),
        "sums_bytes_per_row": round(sums_bytes(conn) / present, 1),
        "queries": _ask(conn, now, filled.elder_ids, seed, tell),
        "server": conn.execute("SELECT version()").fetchone()[0],  # type: ignore[index]
    }
    slow = [name for name, found in report["queries"].items() if not found["holds"]]
    is_large = present >= BYTES_ROWS and bytes_a_row > BYTES_LIMIT
    report["missed"] = (["bytes_per_row"] if is_large else []) + slow
    report["holds"] = not report["missed"]
    return report


def _ask(conn: psycopg.Connection[TupleRow], now: datetime, elder_ids: list[int], seed: int, tell: Tell) -> Json:
    asked: Json = {}
    cold_elders = choose(elder_ids, _COLD_ELDERS, seed + 1)
    for name, question in QUESTIONS.items():
        tell(1.0, f"Asking for: {name}")
        warm = milliseconds(ask_warm(conn, now, question, choose(elder_ids, _WARM_ELDERS, seed)))
        limit = question.warm_limit_ms
        asked[name] = {
            "warm_ms": warm,
            "warm_limit_ms": limit,
            "holds": limit is None or (warm["p99"] or 0) <= limit,
            "points": question.ask(conn, now, cold_elders[0]),
            "plan": plan_of(conn, now, question, cold_elders[0]),
        }
    try:
        forgetful = Forgetful(conn)
        for name, question in QUESTIONS.items():
            tell(1.0, f"Asking cold for: {name}")
            asked[name]["cold_ms"] = milliseconds(ask_cold(conn, now, question, cold_elders, forgetful))
    except (CannotForget, psycopg.errors.InsufficientPrivilege, OSError) as error:
        for found in asked.values():
            found["cold_ms"] = None
            found["why_not_cold"] = str(error)
    return asked


def _print(console: Console, report: Json) -> None:
    parts = report["bytes_per_row_parts"]
    console.print(
        f"{report['rows']:,} readings of {report['elders']} elders, {report['points_per_row']} points each: "
        f"{report['bytes_per_row']} bytes a row with its indexes ({parts['as_it_came']['all']} before packing; "
        f"limit {BYTES_LIMIT:.0f} from {BYTES_ROWS:,} on), {report['gib_per_billion_points']} GiB a billion points"
    )
    table = Table("question", "points", "warm p50 ms", "warm p99 ms", "limit ms", "cold p50 ms", "cold max ms")
    for name, found in report["queries"].items():
        cold = found["cold_ms"] or {}
        figures = (
            found["warm_ms"]["p50"],
            found["warm_ms"]["p99"],
            found["warm_limit_ms"],
            cold.get("p50"),
            cold.get("max"),
        )
        table.add_row(name, str(found["points"]), *("–" if figure is None else str(figure) for figure in figures))
    console.print(table)
    for name, found in report["queries"].items():
        console.print(f"\n{name}:")
        for line in found["plan"]:
            console.print(f"  {line}", markup=False)
    console.print("Every promise holds." if report["holds"] else f"Missed: {', '.join(report['missed'])}")
