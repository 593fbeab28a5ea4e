"""docker-compose.yml as Docker Compose would read it: variables filled in, one object a service."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?::(?P<kind>[?-])(?P<rest>[^}]*))?\}")


@dataclass(frozen=True)
class Service:
    """One service: its merged description in Compose's words."""

    name: str
    described: dict[str, Any]

    @property
    def command(self) -> list[str]:
        """The command's words."""
        return [str(word) for word in self.described.get("command", [])]

    @property
    def environment(self) -> dict[str, str]:
        """The variables it is given."""
        return dict(self.described.get("environment", {}))

    @property
    def check(self) -> list[str] | None:
        """The words of its health check without CMD; None when it has none."""
        test = self.described.get("healthcheck", {}).get("test")
        if test is None:
            return None
        assert test[0] == "CMD", f"{self.name}: a health check runs without a shell"
        return [str(word) for word in test[1:]]

    @property
    def waits_for(self) -> dict[str, str]:
        """The conditions under which it starts, by service."""
        return {name: said["condition"] for name, said in self.described.get("depends_on", {}).items()}

    @property
    def is_ours(self) -> bool:
        """Whether it runs this repository's image."""
        return "build" in self.described

    @property
    def ends(self) -> bool:
        """Whether it does one thing and ends."""
        return self.described.get("healthcheck", {}).get("disable") is True


def variables() -> dict[str, tuple[str | None, str]]:
    """Every variable the file asks for: how (`?`, `-` or None) and the rest (message or default)."""
    return {found["name"]: (found["kind"], found["rest"] or "") for found in VARIABLE.finditer(FILE.read_text())}


def read(values: dict[str, str]) -> dict[str, Service]:
    """Fill the variables in and return the services. KeyError for a required variable without value."""

    def fill(found: re.Match[str]) -> str:
        if found["kind"] == "-":
            return values.get(found["name"]) or found["rest"]
        return values[found["name"]]

    document = yaml.safe_load(FILE.read_text())
    return {name: Service(name, _filled(said, fill)) for name, said in document["services"].items()}


def _filled(said: Any, fill: Any) -> Any:
    if isinstance(said, str):
        return VARIABLE.sub(fill, said)
    if isinstance(said, list):
        return [_filled(entry, fill) for entry in said]
    if isinstance(said, dict):
        return {name: _filled(entry, fill) for name, entry in said.items() if name != "<<"}
    return said
