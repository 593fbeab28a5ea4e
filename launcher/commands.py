"""The commands of `./anban`."""

import contextlib
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from typer.exceptions import TyperException

from launcher import backup as backup_run
from launcher import bench as bench_run
from launcher import check as check_run
from launcher import compose_secrets, roster, statedir, testing, tls
from launcher import deadletter as deadletter_run
from launcher import demo as demo_run
from launcher import load as load_run
from launcher import peers as peers_run
from launcher import register as register_run
from launcher import restore as restore_run
from launcher import status as status_run
from launcher.district import Plan
from launcher.failure import LaunchError
from launcher.grants import granted

_OPEN_FILES = 65_536
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(
    name="anban",
    help="Anban 安伴: the service centre of a district's elder care.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

StateDirOption = Annotated[
    Path | None, typer.Option("--state-dir", help="Where the demo keeps its data (default: $ANBAN_STATE_DIR).")
]


def _console() -> Console:
    return Console(soft_wrap=False)


def _state_dir(chosen: Path | None) -> Path:
    return (chosen or statedir.default_state_dir()).absolute()


@app.command()
def demo(
    elders: Annotated[int, typer.Option(min=1, max=20_000, help="How many elders to simulate.")] = 300,
    reset: Annotated[bool, typer.Option("--reset", help="Delete the demo's data first.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Drive the scripted story and end (at most 90 s).")] = False,
    json: Annotated[Path | None, typer.Option("--json", help="Where --check writes its outcome.")] = None,
    state_dir: StateDirOption = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="HTTP port (default: 8080 if free).")] = None,
    hands_off: Annotated[
        bool, typer.Option("--hands-off", help="Leave out the simulated operators and workers, to play them yourself.")
    ] = False,
) -> None:
    """Run everything with a simulated district, until Ctrl-C."""
    if check:
        if reset or state_dir is not None:
            raise LaunchError("--check has its own temporary data: leave out --reset and --state-dir")
        if hands_off:
            raise LaunchError("--check plays everybody itself: leave out --hands-off")
        raise typer.Exit(check_run.run(_console(), elders, json or Path("anban-check.json"), port))
    if json is not None:
        raise LaunchError("--json goes with --check")
    folder = _state_dir(state_dir)
    if reset:
        demo_run.reset(folder)
    demo_run.run(_console(), folder, Plan(elders, port, people=not hands_off))


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Recordings (CSV).", metavar="FILE...")],
    speed: Annotated[float, typer.Option(min=0.01, help="How many times faster than recorded.")] = 60.0,
    column: Annotated[
        list[str] | None, typer.Option(help="Which column holds what, e.g. hr=HR (repeatable).", metavar="NAME=COLUMN")
    ] = None,
    time: Annotated[str | None, typer.Option(help="The column of time: minutes, or ISO 8601.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="Wearables to use, one a recording.")] = None,
    state_dir: StateDirOption = None,
) -> None:
    """Publish recorded vitals into the running demo, as devices would."""
    folder = _state_dir(state_dir)
    statedir.check_existing(folder)
    settings = roster.recorded_environment(folder)
    if not settings or not statedir.StateLock(folder).is_held():
        raise LaunchError(f"no demo runs on {folder}: start ./anban demo first")
    words = ["replay", *(str(file.absolute()) for file in files), "--speed", str(speed)]
    for choice in column or []:
        words += ["--column", choice]
    for wearable in device or []:
        words += ["--device", wearable]
    if time is not None:
        words += ["--time", time]
    os.chdir(statedir.CHECKOUT)
    environment = granted(dict(os.environ) | settings, roster.PLAYER_GRANTS)
    os.execve(sys.executable, [sys.executable, "-m", "device_sim", *words], environment)  # noqa: S606


@app.command(context_settings=_PASS_ON | {"help_option_names": []}, epilog=bench_run.listed())
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which benchmark.", metavar="NAME")] = "--help",
    json: Annotated[Path | None, typer.Option("--json", help="Where the outcome is written.")] = None,
    state_dir: Annotated[
        Path | None, typer.Option("--state-dir", help="Keep the service's data here (default: temporary).")
    ] = None,
) -> None:
    """Measure; further words go to the benchmark (`bench NAME --help` lists them)."""
    if name == "--help":
        typer.echo(context.get_help())
        return
    if name == "peers":
        raise typer.Exit(peers_run.run(_console(), peers_run.Trial.of(context.args), json))
    raise typer.Exit(bench_run.run(_console(), name, json, state_dir and state_dir.absolute(), context.args))


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder for the backup.", metavar="DIR")],
    state_dir: StateDirOption = None,
) -> None:
    """Save database, broker and keys into a new folder, while everything goes on."""
    backup_run.run(_console(), folder.absolute(), _state_dir(state_dir))


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="The backup.", metavar="DIR")],
    force: Annotated[bool, typer.Option("--force", help="Move aside what is there (nothing is deleted).")] = False,
    state_dir: StateDirOption = None,
) -> None:
    """Put a backup back, where nothing is or with what is there moved aside."""
    restore_run.run(_console(), folder.absolute(), _state_dir(state_dir), force=force)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    state_dir: StateDirOption = None,
) -> None:
    """Tell how everything is: exit code 0 all well, 1 something is wrong, 2 nothing runs."""
    raise typer.Exit(status_run.run(_console(), _state_dir(state_dir), as_json=as_json))


@app.command()
def secrets(
    file: Annotated[Path, typer.Argument(help="A new file, such as .env.", metavar="FILE")],
) -> None:
    """Write fresh secrets for docker-compose.yml."""
    compose_secrets.write(file)


@app.command()
def authority(
    folder: Annotated[Path, typer.Argument(help="A folder of your own that exists.", metavar="DIR")],
    host: Annotated[list[str] | None, typer.Option(help="A name or address of the broker (repeatable).")] = None,
) -> None:
    """Make the demo's certificate authority, and a broker's certificate, for a broker that Anban does not start."""
    tls.write_files(folder.absolute(), host or [])


@app.command(context_settings=_PASS_ON | {"help_option_names": []})
def deadletter(context: typer.Context, state_dir: StateDirOption = None) -> None:
    """Messages that could not be used: list, show, redrive or drop them (--help says more)."""
    raise typer.Exit(deadletter_run.run(_state_dir(state_dir), context.args))


@app.command(context_settings=_PASS_ON | {"help_option_names": []})
def devices(context: typer.Context, state_dir: StateDirOption = None) -> None:
    """The register of devices: import FILE registers those of a file (--help says more)."""
    raise typer.Exit(register_run.run(_state_dir(state_dir), context.args))


@app.command()
def load(
    headless: Annotated[bool, typer.Option("--headless", help="Without locust's page, for --seconds.")] = False,
    seconds: Annotated[int, typer.Option(min=10, help="How long, when headless.")] = 120,
    json: Annotated[Path | None, typer.Option("--json", help="Where the outcome is written.")] = None,
    elders: Annotated[int, typer.Option(min=1, max=20_000, help="Elders of the district.")] = 2000,
    operators: Annotated[int, typer.Option(min=0, max=500, help="Operators at their consoles.")] = 4,
    workers: Annotated[int, typer.Option(min=0, max=2000, help="Workers with their phones.")] = 30,
    relatives: Annotated[int, typer.Option(min=0, max=20_000, help="Relatives with the page open.")] = 60,
    pace: Annotated[float, typer.Option(min=0.1, max=100, help="How many times faster than real people.")] = 4.0,
    devices: Annotated[int, typer.Option(min=0, max=20_000, help="Wearables that are connected.")] = 2000,
    rate: Annotated[float, typer.Option(min=0, max=100_000, help="Messages a second of all devices.")] = 500.0,
    presses: Annotated[float, typer.Option(min=0, help="Presses of the SOS button a minute.")] = 30.0,
    spawn_rate: Annotated[float, typer.Option(min=0.1, help="Users that come a second.")] = 10.0,
    web_port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port of locust's page (default: 8089 if free).")
    ] = None,
) -> None:
    """Put people and devices on a service of its own with locust, and report what they wait for."""
    whole = load_run.Load(elders, operators, workers, relatives, pace, devices, rate, presses)
    manner = load_run.Manner(headless, seconds, web_port, spawn_rate)
    raise typer.Exit(load_run.run(_console(), whole, manner, json))


@app.command(context_settings=_PASS_ON)
def test(context: typer.Context) -> None:
    """Run every check and test; further words go to pytest."""
    raise typer.Exit(testing.run(_console(), context.args))


@app.command()
def asyncapi(
    write: Annotated[bool, typer.Option("--write", help="Write the file in the repository.")] = False,
) -> None:
    """Print the AsyncAPI document of what devices say and hear."""
    _run_module("schemas.asyncapi", *(["--write"] if write else []))


@app.command()
def openapi(
    write: Annotated[bool, typer.Option("--write", help="Write the file in the repository.")] = False,
) -> None:
    """Print the OpenAPI document of the control centre."""
    _run_module("control_center", "openapi", *(["--write"] if write else []))


@app.command(context_settings=_PASS_ON)
def score(context: typer.Context) -> None:
    """Print the NEWS2 score of each line of JSON from standard input, its parts and what is missing.

    --carry lets values of earlier lines count for half an hour; --text or --json chooses how results look.
    """
    _run_module("schemas.score_readings", *context.args)


@app.command(context_settings=_PASS_ON | {"help_option_names": []}, add_help_option=False)
def plan(context: typer.Context) -> None:
    """Plan a day: IN.json to OUT.json [--seconds S] (docs/plan-format.md; --help says more)."""
    done = subprocess.run([sys.executable, "-P", "-m", "dispatch.planning", *context.args], check=False)
    raise typer.Exit(done.returncode)


def _run_module(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", *words], cwd=statedir.CHECKOUT, check=False)
    raise typer.Exit(done.returncode)


def _raise_file_limit() -> None:
    """Allow as many open files as the system lets us: every device is a connection."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if most == resource.RLIM_INFINITY else min(most, _OPEN_FILES)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, wanted), most))


def main() -> None:
    """Run the command line; what the user can act on is one line and exit code 2."""
    _raise_file_limit()
    try:
        code = app(prog_name="anban", standalone_mode=False)
    except (LaunchError, TyperException) as error:
        said = error.format_message() if isinstance(error, TyperException) else str(error)
        if said:
            print(f"anban: {said}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(code or 0)
