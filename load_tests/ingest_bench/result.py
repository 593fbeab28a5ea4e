"""The figures of a run as the JSON that the issue names, and as a table for people."""

import math
import os
import platform
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from load_tests.fleet.ledger import EVENT, TELEMETRY
from load_tests.fleet.plan import Plan
from load_tests.ingest_bench.bare_subscriber import Taken
from load_tests.ingest_bench.processes import described, is_platform
from load_tests.ingest_bench.trial import Measured
from load_tests.percentiles import percentile

LATE_LIMIT_MS: Final = 50.0
"""A generator that is later than this in one case of a hundred measures itself."""
RATE_TOLERANCE: Final = 0.01
CONNECTION_TOLERANCE: Final = 0.001
Json = dict[str, Any]


def spread(seconds: Sequence[float]) -> Json:
    """Some times as milliseconds: p50, p99, the largest, and how many there are."""
    shown = [None if (found := percentile(seconds, share)) is None else round(1000 * found, 2) for share in (0.5, 0.99)]
    return {
        "p50": shown[0],
        "p99": shown[1],
        "max": round(1000 * max(seconds), 2) if seconds else None,
        "n": len(seconds),
    }


def _waits(measured: Measured, lane: int) -> list[float]:
    ledger, committed = measured.fleet.ledger, measured.account.committed
    return [
        committed[number] - ledger.intended[number]
        for number in range(measured.first, len(ledger))
        if ledger.lane[number] == lane and committed[number]
    ]


def _answers(measured: Measured) -> list[float]:
    return [answer for answer in measured.fleet.ledger.answer[measured.first :] if not math.isnan(answer)]


def why_void(measured: Measured, plan: Plan, devices: int, late_p99_ms: float) -> list[str]:
    """What keeps a run from being a measurement of the platform; empty when nothing does."""
    offered = (len(measured.fleet.ledger) - measured.first) / plan.seconds
    faults = []
    if late_p99_ms > LATE_LIMIT_MS:
        faults.append(f"the generator was late: p99 {late_p99_ms:.1f} ms, allowed {LATE_LIMIT_MS:.0f} ms")
    if abs(offered - plan.rate) > RATE_TOLERANCE * plan.rate:
        faults.append(f"{offered:.0f} messages/s were sent instead of {plan.rate:.0f}")
    if measured.connected < devices * (1 - CONNECTION_TOLERANCE):
        faults.append(f"{measured.connected} of {devices} devices were connected")
    return faults + measured.notes


def figures(measured: Measured, plan: Plan, bare: Taken, copy_rows_per_second: float) -> Json:
    """Everything that was measured; times in ms, memory in MiB, rates a second."""
    ledger, account = measured.fleet.ledger, measured.account
    seconds = measured.ended - measured.began
    in_time = sum(measured.began <= moment <= measured.ended for moment in account.committed)
    platform_cpu = sum(spent for name, spent in measured.cpu.items() if is_platform(name))
    every_cpu = sum(measured.cpu.values())
    late = spread(ledger.late[measured.first :])
    faults = why_void(measured, plan, measured.fleet.size, late["p99"] or 0.0)
    return {
        "void": bool(faults),
        "why_void": faults,
        "rate": plan.rate,
        "seconds": plan.seconds,
        "connections": measured.connected,
        "sent": ledger.transmitted,
        "acknowledged": ledger.acknowledged,
        "stored": account.stored,
        "lost": len(account.lost),
        "duplicated": account.duplicated,
        "never_sent": account.unknown,
        "sent_again": ledger.repeated,
        "events": sum(lane == EVENT for lane in ledger.lane),
        "events_recorded": len(ledger.recorded),
        "publish_to_puback_ms": spread(_answers(measured)),
        "publish_to_commit_ms": spread(_waits(measured, TELEMETRY)),
        "sos_to_commit_ms": spread(_waits(measured, EVENT)),
        "sos_to_operator_ms": spread(measured.sos_shown),
        "sos_not_shown": measured.sos_not_shown,
        "feed_losses": measured.feed_losses,
        "generator_late_ms": late,
        "generator_cpu_us_per_message": _micros(measured.generator_cpu, len(ledger) - measured.first),
        "generator_before_platform": measured.is_prior,
        "messages_per_platform_cpu_second": _ratio(in_time, platform_cpu),
        "messages_per_cpu_second_of_all_processes": _ratio(in_time, every_cpu),
        "platform_cpu_us_per_message": _micros(platform_cpu, in_time),
        "cpu_seconds_measured": round(seconds, 2),
        "messages_in_cpu_seconds": in_time,
        "processes": described(measured.cpu, measured.memory, seconds),
        "readings": measured.rows,
        "points": measured.points,
        "points_per_second": round(plan.rate * (1 - plan.event_share) * _ratio(measured.points, measured.rows)),
        "bytes_per_row": _ratio(measured.bytes_grown, measured.rows),
        "bytes_per_point": _ratio(measured.bytes_grown, measured.points),
        "bare_subscriber_per_second": round(bare.per_second),
        "bare_subscriber_cpu_us_per_message": _micros(bare.cpu_seconds, bare.messages),
        "copy_rows_per_second": round(copy_rows_per_second),
        "connection_faults": dict(measured.fleet.refusals),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()},
    }


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 1) if whole else 0.0


def _micros(cpu_seconds: float, messages: int) -> float:
    return round(1e6 * cpu_seconds / messages, 1) if messages else 0.0


def holds(report: Json) -> bool:
    """Whether a run is valid, and nothing was lost or doubled."""
    return not (report["void"] or report["lost"] or report["duplicated"] or report["never_sent"])


def print_report(console: Console, report: Json) -> None:
    """Show the figures that matter, and each process."""
    table = Table("figure", "value", box=None, padding=(0, 2))
    for name in ("rate", "connections", "sent", "acknowledged", "stored", "lost", "duplicated"):
        table.add_row(name, f"{report[name]:g}" if name == "rate" else str(report[name]))
    for name in (name for name in report if name.endswith("_ms")):
        said = report[name]
        table.add_row(name, f"p50 {said['p50']}, p99 {said['p99']}, max {said['max']} (n {said['n']})")
    for name in _SCALARS:
        table.add_row(name, str(report[name]))
    console.print(table)
    console.print(_process_table(report["processes"]))
    for fault in report["why_void"]:
        console.print(f"[bold red]void:[/] {fault}")


_SCALARS: Final = (
    "messages_per_platform_cpu_second",
    "messages_per_cpu_second_of_all_processes",
    "platform_cpu_us_per_message",
    "generator_cpu_us_per_message",
    "points_per_second",
    "bytes_per_row",
    "bytes_per_point",
    "bare_subscriber_per_second",
    "copy_rows_per_second",
    "watermark_us_per_message",
)


def _process_table(processes: dict[str, dict[str, float]]) -> Table:
    table = Table("process", "CPU s", "% of a core", "MiB", box=None, padding=(0, 2))
    for name, said in _by_cpu(processes.items()):
        table.add_row(name, f"{said['cpu_seconds']:.1f}", f"{said['cpu_percent']:.0f}", f"{said['memory_mib']:.0f}")
    return table


def _by_cpu(processes: Iterable[tuple[str, dict[str, float]]]) -> list[tuple[str, dict[str, float]]]:
    return sorted(processes, key=lambda item: -item[1]["cpu_seconds"])
