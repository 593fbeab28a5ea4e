"""When the screens are built again, and with which Node.js."""

from pathlib import Path

import pytest

from launcher import web


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sources of a small front end."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/main.ts").write_text("1")
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "node_modules").mkdir()
    return tmp_path


def _built(folder: Path) -> None:
    (folder / "dist").mkdir()
    (folder / "dist/.anban-build").write_text(web.sources_digest(folder))


def test_unbuilt_screens_are_built(folder: Path) -> None:
    assert not web.is_built(folder)
    assert web.steps_to_build(folder) == 2


def test_unchanged_sources_are_not_built_again(folder: Path) -> None:
    _built(folder)
    (folder / "node_modules/vue.js").write_text("x")
    (folder / "dist/index.js").write_text("x")
    assert web.is_built(folder)
    assert web.steps_to_build(folder) == 0


@pytest.mark.parametrize("name", ["src/main.ts", "src/new.ts", "package-lock.json", "vite.config.ts"])
def test_changed_source_lock_or_configuration_is_built_again(folder: Path, name: str) -> None:
    _built(folder)
    (folder / name).write_text("changed")
    assert not web.is_built(folder)


def test_half_finished_npm_installation_is_redone(folder: Path) -> None:
    assert web.needs_packages(folder)
    (folder / "node_modules/.anban-build").write_text(web.digest([folder / "package-lock.json"]))
    assert not web.needs_packages(folder)
    (folder / "package-lock.json").write_text('{"lockfileVersion":3}')
    assert web.needs_packages(folder)


@pytest.mark.parametrize("shown", ["v20.19.0", "v20.20.2", "v22.12.0", "v24.1.0", "v26.0.0"])
def test_node_that_vite_runs_on_is_used(shown: str) -> None:
    assert web.is_new_enough(shown)


@pytest.mark.parametrize("shown", ["", "v18.20.4", "v20.18.1", "v21.7.0", "v22.11.0", "nonsense"])
def test_older_or_odd_node_is_passed_over(shown: str) -> None:
    assert not web.is_new_enough(shown)
