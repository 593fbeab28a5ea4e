"""What the embedded servers share: a folder of their own, an unprivileged process, and its end."""

import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from launcher import processes, safefiles, serveruser, statedir
from launcher.failure import LaunchError
from launcher.guardian import Guardian


class EmbeddedServer(ABC):
    """One server on a state folder; a context manager, or start() and stop().

    `process` is the server while it runs. Raises LaunchError when the server's user cannot enter the folder.
    """

    stop_steps: ClassVar[processes.StopSteps] = ((signal.SIGTERM, 10.0),)

    def __init__(self, state_dir: Path, name: str) -> None:
        self.state_dir = statedir.prepare(Path(state_dir).absolute())
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self._guardian: Guardian | None = None
        self._owner = serveruser.server_user()
        if not serveruser.can_enter(self._owner, self.state_dir):
            raise LaunchError(
                f"{self.state_dir} lies in a private folder that the user "
                f"'{serveruser.SERVER_USER}' cannot enter: choose another --state-dir"
            )
        self._folder = serveruser.launcher_folder(self.state_dir / name, self._owner, take_back=True)

    @abstractmethod
    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the process without waiting for it."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Tell whether it serves."""

    @abstractmethod
    def start(self) -> Self:
        """Start the server and wait until it serves. Raises LaunchError with its last words when it does not."""

    def _launch(self, command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Run the server's command as its user, its output appended to its log."""
        with safefiles.opened_log(statedir.log_file(self.state_dir, self.name)) as log:
            self.process = subprocess.Popen(
                command,
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
                **self._owner.popen(),
            )
        return self.process

    def _last_words(self) -> str:
        return statedir.last_lines(statedir.log_path(self.state_dir, self.name))

    def _spawn_guarded(self) -> subprocess.Popen[bytes]:
        """Start the process so that it does not outlive a caller that was SIGKILLed."""
        process = self.spawn()
        self._guardian = self._guardian or Guardian(statedir.log_file(self.state_dir, "guardian"))
        self._guardian.add(self.name, process.pid, self.stop_steps)
        return process

    def _dismiss_guardian(self) -> None:
        if self._guardian is not None:
            self._guardian.dismiss()
            self._guardian = None

    def stop(self) -> None:
        """Stop the server cleanly; harmless when it does not run."""
        if self.process is None:
            return
        processes.end(self.process, self.stop_steps)
        self.process = None
        self._dismiss_guardian()

    def kill(self) -> None:
        """SIGKILL the server, as a crash would; start() brings it back where its clients look for it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self._dismiss_guardian()

    def __enter__(self) -> Self:
        """Start; whoever interrupts that leaves no server behind, which would go on writing into its folder."""
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
