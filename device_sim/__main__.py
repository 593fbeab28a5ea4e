"""`python -m device_sim seed | run | people | replay`."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import psycopg
import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from device_sim import roster
from device_sim.accounts import hash_demo_password, seed_accounts
from device_sim.agreements import seed_agreements
from device_sim.device_keys import DeviceKeys, KeyMissing, load_keys, load_or_make_keys
from device_sim.fleet import allow_many_descriptors
from device_sim.people.crew import Crew
from device_sim.recordings import BadRecording, Columns, Recording, read_recordings
from device_sim.replay import Played, play
from device_sim.rotas import seed_rotas
from device_sim.seeding import Seeded, seed_district
from device_sim.simulation import Plan, Simulation
from device_sim.staffing import Staffed, seed_neighbours, seed_workforce
from schemas.database import connect
from schemas.process import StopSignal, configure_logging, serve_health
from schemas.settings import Settings, load_settings

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
log = structlog.get_logger()

Elders = Annotated[int, typer.Option(min=1, max=500_000, help="How many elders live in the district.")]


def _fail(text: str) -> typer.Exit:
    print(f"anban: {text}", file=sys.stderr)
    return typer.Exit(2)


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


@app.command()
def seed(
    elders: Elders = 300,
    regular: Annotated[
        bool, typer.Option(help="Agree on meals, baths and green buttons too, as in a district at work.")
    ] = False,
) -> None:
    """Write the district into the registry: what is there stays, what is missing is added."""
    settings = load_settings()
    keys = load_or_make_keys(settings.state_dir)
    try:
        with connect(settings.database_url, "seed") as conn:
            seeded, accounts, rotas, staffed = _seed(conn, keys, elders, regular)
    except psycopg.Error as error:
        raise _fail(f"the database does not take the seed: {str(error).splitlines()[0]}") from None
    print(
        f"{elders} elders: added {seeded.elders} elders, {seeded.households} homes, {seeded.devices} devices,"
        f" {accounts} accounts, {rotas} rotas, {staffed.workers} workers and {staffed.shifts} shifts"
        + (f"; renewed {seeded.secrets_renewed} secrets" if seeded.secrets_renewed else "")
    )


def _seed(
    conn: psycopg.Connection[tuple[object, ...]], keys: DeviceKeys, elders: int, regular: bool
) -> tuple[Seeded, int, int, Staffed]:
    now, password_hash = datetime.now(UTC), hash_demo_password()
    with _progress() as progress:
        task = progress.add_task("elders", total=elders)
        seeded = seed_district(conn, keys, elders, now, lambda done: progress.advance(task, done))
        progress.update(task, completed=elders)
    accounts = seed_accounts(conn, password_hash, now)
    rotas = seed_rotas(conn, now)
    workers = seed_workforce(conn, elders, password_hash, now)
    neighbours = seed_neighbours(conn, elders, password_hash, now)
    if regular:
        seed_agreements(conn, now)
    return seeded, accounts, rotas, Staffed(workers.workers + neighbours.workers, workers.shifts + neighbours.shifts)


@app.command()
def run(
    elders: Elders = 300,
    period: Annotated[float, typer.Option(min=0.1, help="Seconds between two measurements of a wearable.")] = 10.0,
    story: Annotated[
        bool, typer.Option(help="Nothing happens by itself; buttons and the last wearables stay off.")
    ] = False,
    speed: Annotated[float, typer.Option(min=0.01, help="How many times faster the elders' days pass.")] = 1.0,
    alarm_every: Annotated[float, typer.Option(min=0.1, help="Mean seconds between two happenings at speed 1.")] = 50.0,
) -> None:
    """Connect every device of the district and let its people live."""
    settings = load_settings()
    configure_logging("device-sim", settings.log_level)
    stop = StopSignal()
    stop.install(settings)
    keys = _keys(settings)
    allow_many_descriptors()
    asyncio.run(_run(Plan(elders, period, speed, story, alarm_every), settings, keys, stop))


async def _run(plan: Plan, settings: Settings, keys: DeviceKeys, stop: StopSignal) -> None:
    stopped = _stopping(stop)
    simulation = Simulation(plan, settings.mqtt_address, keys)
    server = serve_health(settings.metrics_port, simulation.health)
    simulation.start()
    log.info("started", devices=len(simulation.fleet.devices), period=plan.period, story=plan.story)
    if not stop.is_set():
        await stopped.wait()
    await simulation.stop(settings.sim_ledger)
    if server is not None:
        server.shutdown()


@app.command()
def people(
    elders: Elders = 300,
    speed: Annotated[float, typer.Option(min=0.1, max=100, help="How many times faster people act.")] = 1.0,
) -> None:
    """Play operators and service workers, so that the console lives without anybody touching it."""
    settings = load_settings()
    configure_logging("people", settings.log_level)
    stop = StopSignal()
    stop.install(settings)
    allow_many_descriptors()
    asyncio.run(_people(Crew(elders, settings.base_url, speed), settings, stop))


async def _people(crew: Crew, settings: Settings, stop: StopSignal) -> None:
    stopped = _stopping(stop)
    server = serve_health(settings.metrics_port, crew.health)
    crew.start()
    if not stop.is_set():
        await stopped.wait()
    await crew.stop()
    if server is not None:
        server.shutdown()


def _stopping(stop: StopSignal) -> asyncio.Event:
    """An event of this loop that is set by the request to stop."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(stopped.set)

    stop.on_set(wake)
    return stopped


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="CSV or CSV.gz recordings.")],
    speed: Annotated[float, typer.Option(min=0.01, help="How many times faster than it was recorded.")] = 60.0,
    column: Annotated[
        list[str] | None, typer.Option(metavar="VITAL=NAME", help="Which column holds a vital sign, such as hr=HR.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="The column of time: minutes, or ISO 8601.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="The wearables to use, one a recording.")] = None,
) -> None:
    """Publish the vital signs of recordings as wearables would, beginning now."""
    settings = load_settings()
    configure_logging("replay", "warning")
    try:
        recordings = read_recordings(files, Columns.chosen(column or [], time))
        keys = load_keys(settings.state_dir)
        ids = device or _last_wearables(settings, len(recordings))
    except (BadRecording, KeyMissing, roster.NoDevices) as error:
        raise _fail(str(error)) from None
    if len(ids) < len(recordings):
        print(
            f"anban: {len(recordings)} recordings, {len(ids)} wearables: the first {len(ids)} are played",
            file=sys.stderr,
        )
    stop = StopSignal()
    stop.install(settings)
    allow_many_descriptors()
    played = asyncio.run(_replay(list(zip(ids, recordings, strict=False)), speed, settings, keys, stop))
    print(played.summary())
    if played.published != played.acknowledged:
        raise typer.Exit(1)


async def _replay(
    parts: list[tuple[str, Recording]], speed: float, settings: Settings, keys: DeviceKeys, stop: StopSignal
) -> Played:
    with _progress() as progress:
        task = progress.add_task("rows", total=sum(len(recording.rows) for _, recording in parts))
        return await play(parts, speed, settings.mqtt_address, keys, stop.is_set, lambda: progress.advance(task))


def _last_wearables(settings: Settings, count: int) -> list[str]:
    return roster.last_wearables(settings.database_url, count)


def _keys(settings: Settings) -> DeviceKeys:
    try:
        return load_keys(settings.state_dir)
    except KeyMissing as error:
        raise _fail(str(error)) from None


if __name__ == "__main__":
    app()
