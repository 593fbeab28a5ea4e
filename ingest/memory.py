"""What one ingest process remembers between batches; all of it can be read again from the database."""

from ingest.clocks import ClockWatch
from ingest.devices import Registry
from ingest.home_rules import HomeRules
from ingest.journal import Journal, Said
from ingest.presence import Presence, Seen
from ingest.vitals_alarms import Windows


class Memory:
    """Changed by `keep` only, after a commit: a batch that fails leaves no trace."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.journal = Journal()
        self.windows = Windows()
        self.presence = Presence()
        self.clocks = ClockWatch()
        self.homes = HomeRules()

    def keep(self, windows: Windows, said: Said, seen: Seen) -> None:
        """A batch is committed."""
        self.windows |= windows
        self.journal.keep(said)
        self.presence.keep(seen)

    def forget(self) -> None:
        """Another process may have written since: read again what depends on the shards that are held."""
        self.journal.forget()
        self.windows.clear()
