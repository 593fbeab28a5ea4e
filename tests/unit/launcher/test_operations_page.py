"""docs/operations.md says what is."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from launcher import statedir
from launcher.commands import app
from load_tests.bench import app as benches_app
from schemas.settings import Settings

PAGE = (statedir.CHECKOUT / "docs/operations.md").read_text()
ROWS = dict(re.findall(r"^\| `ANBAN_([A-Z_]+)` \| (.+?) \|", PAGE, re.MULTILINE))


def _shown(name: str) -> str:
    default = Settings.model_fields[name].default
    if default is None:
        return "–"
    if isinstance(default, Path):
        home, beside = Path("~").expanduser(), statedir.CHECKOUT.parent
        default = f"~/{default.relative_to(home)}" if name == "state_dir" else f"../{default.relative_to(beside)}"
    return f"`{default}`"


def test_table_has_every_setting_with_its_default_and_no_other() -> None:
    assert {name.lower(): default for name, default in ROWS.items()} == {
        name: _shown(name) for name in Settings.model_fields
    }


def test_every_command_and_option_that_is_shown_exists() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    benches = get_command(benches_app).commands  # type: ignore[attr-defined]
    shown = re.findall(r"`\./anban (\w+)([^`]*)`|^\./anban (\w+)(.*)$", PAGE, re.MULTILINE)
    assert len(shown) > 10
    for inline, inline_words, line, line_words in shown:
        command = commands[inline or line]
        words = (inline_words or line_words).partition("#")[0]
        name = words.split()[0] if words.split() else ""
        parameters = [*command.params, *(benches[name].params if command.name == "bench" and name in benches else ())]
        options = {option for parameter in parameters for option in parameter.opts}
        for word in re.findall(r"--[a-z-]+", words):
            assert word in options, f"{inline or line} {word}"


def test_every_command_is_described_or_is_for_developers() -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    table = set(re.findall(r"^\| `\./anban (\w+)", PAGE, re.MULTILINE))
    assert commands - table == {"replay", "asyncapi", "openapi"}


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", PAGE))
def test_links_lead_somewhere(target: str) -> None:
    assert (statedir.CHECKOUT / "docs" / target).exists()
