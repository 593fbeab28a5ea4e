"""Sets the stage, plays the chapters side by side, and accounts for everything at the end."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from device_sim.accounts import DEMO_PASSWORD
from device_sim.device import DeviceKind
from device_sim.device_keys import load_keys
from device_sim.fleet import Fleet, allow_many_descriptors, until
from device_sim.people.api import Address, Api
from device_sim.people.screen import Screen
from load_tests.percentiles import percentile
from load_tests.story.accounting import accounting
from load_tests.story.bad_input import bad_input
from load_tests.story.bookkeeping import bookkeeping
from load_tests.story.cast import read_cast
from load_tests.story.deterioration import deterioration
from load_tests.story.elder_states import elder_states
from load_tests.story.escalation import escalation
from load_tests.story.falls import falls
from load_tests.story.intruders import intruders
from load_tests.story.phones import Phones
from load_tests.story.presses import presses
from load_tests.story.repeats import repeats
from load_tests.story.report import Report
from load_tests.story.rota import people_at_work
from load_tests.story.settings import StorySettings
from load_tests.story.stage import Commands, Story
from schemas.database import connect

BUTTONS: Final = 209
P99_LIMIT_MS: Final = 300.0
LEAST_MEASURED: Final = 200
_CONNECT_SECONDS: Final = 15.0
_ACCOUNTING_SECONDS: Final = 22.0
_BOOKKEEPING_SECONDS: Final = 8.0
_SHORTEST_PLAY: Final = 5.0

Chapter = Callable[[Story], Awaitable[None]]
CHAPTERS: Final[tuple[Chapter, ...]] = (
    people_at_work,
    escalation,
    falls,
    repeats,
    deterioration,
    elder_states,
    bad_input,
    intruders,
    presses,
)


async def play_story(settings: StorySettings, outcome: Path) -> bool:
    """Play everything and write the outcome; returns whether it all held. A failure never stops the other chapters."""
    began, clock = datetime.now(UTC), time.perf_counter()
    report = Report(figures={"start_seconds": settings.check_start_seconds})
    allow_many_descriptors()
    try:
        story = await _set_stage(settings, report)
    except Exception as error:
        report.check("the stage is set", False, f"{type(error).__name__}: {error}")
        report.write(outcome)
        return False
    deadline = clock + settings.check_seconds_left - _ACCOUNTING_SECONDS
    await asyncio.gather(*(_play(story, chapter, deadline) for chapter in CHAPTERS))
    report.check(
        "the operator's feed stayed connected and fresh", story.board.losses == 0 and story.board.stale_ticks == 0
    )
    _judge_speed(story)
    await _guard(report, "the bookkeeping", bookkeeping(story, began), _BOOKKEEPING_SECONDS)
    await _guard(report, "the accounting", accounting(story, began), _ACCOUNTING_SECONDS)
    await story.phones.close()
    await story.board.close()
    story.pool.shutdown(wait=False, cancel_futures=True)
    report.figures["story_seconds"] = round(time.perf_counter() - clock, 1)
    report.write(outcome)
    return report.passed


async def _set_stage(settings: StorySettings, report: Report) -> Story:
    with connect(settings.database_url, "story") as conn:
        cast = read_cast(conn, BUTTONS)
    address = Address.of(settings.base_url)
    api, admin = Api(address), Api(address)
    await asyncio.to_thread(api.sign_in, "operator1", DEMO_PASSWORD)
    await asyncio.to_thread(admin.sign_in, "admin1", DEMO_PASSWORD)
    board, commands = Screen(api), Commands()
    board.open()
    await asyncio.wait_for(board.has_snapshot.wait(), _CONNECT_SECONDS)
    fleet = Fleet(settings.mqtt_address, load_keys(settings.state_dir))
    for role in (*cast.buttons, *cast.wearables):
        kind: DeviceKind = "button" if role.kind == "button" else "wearable"
        fleet.add(role.device_id, kind, on_command=commands.take)
    fleet.start(random.Random(7))
    total = len(fleet.devices)
    held = await until(lambda: fleet.connected == total, _CONNECT_SECONDS)
    report.check("every device of the story connects with its own credentials", held, f"{fleet.connected} of {total}")
    return Story(settings, report, api, admin, board, fleet, cast, commands, Phones(address))


async def _play(story: Story, chapter: Chapter, deadline: float) -> None:
    seconds = max(_SHORTEST_PLAY, deadline - time.perf_counter())
    await _guard(story.report, f"the chapter {chapter.__name__}", chapter(story), seconds)


async def _guard(report: Report, name: str, work: Awaitable[None], seconds: float) -> None:
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        report.check(f"{name} ends in time", False, f"cut off after {seconds:.0f} s")
    except Exception as error:
        report.check(f"{name} plays to its end", False, f"{type(error).__name__}: {error}")


def _judge_speed(story: Story) -> None:
    millis = [seconds * 1000 for seconds in story.sos_seconds]
    p50, p99 = percentile(millis, 0.50), percentile(millis, 0.99)
    rounded = {"p50": p50 and round(p50, 1), "p99": p99 and round(p99, 1), "n": len(millis)}
    story.report.figures["sos_to_operator_ms"] = rounded | {"max": round(max(millis), 1) if millis else None}
    story.report.check(
        f"an SOS is on the operator's screen within {P99_LIMIT_MS:.0f} ms in 99 of 100 cases",
        p99 is not None and p99 <= P99_LIMIT_MS and len(millis) >= LEAST_MEASURED,
        f"p50 {rounded['p50']} ms, p99 {rounded['p99']} ms, n {len(millis)}",
    )
