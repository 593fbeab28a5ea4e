"""docker-compose.yml, Dockerfile and deploy/nats.conf against the real command lines, settings and files."""

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from launcher import compose_secrets, tls
from schemas.settings import Settings
from tests.acceptance import compose_file
from tests.acceptance.compose_file import FILE, ROOT, Service

SECRETS = compose_secrets.fresh()
SERVICES = compose_file.read(SECRETS)
OURS = [service for service in SERVICES.values() if service.is_ours]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
# What ./anban demo starts, and nothing else of ours.
PROCESSES = {"ingest-telemetry", "ingest-event", "device-auth", "dispatch", "control-center", "device-sim", "people"}
# dbmate reads its own.
OTHER_SETTINGS = {"DATABASE_URL"}
# Where messages to people, and the dead-man's ping, are handed over, and whose roads are asked: none of them unless
# somebody says so.
UNSET = {
    f"ANBAN_{name}"
    for name in (
        *("PUBLIC_URL", "VOICE_URL", "VOICE_SECRET", "SMS_URL", "SMS_SECRET"),
        *("DEADMAN_URL", "SMTP_URL", "MAIL_FROM", "VAPID_KEY", "VAPID_CONTACT", "OSRM_URL"),
    )
}


def _listed_files() -> list[str]:
    return subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


def test_every_process_of_the_demo_is_a_service() -> None:
    assert {service.name for service in OURS if not service.ends} == PROCESSES


def test_no_secret_has_a_default_and_all_of_them_are_made_by_the_command() -> None:
    asked = compose_file.variables()
    assert {name for name, (kind, _) in asked.items() if kind == "?"} == set(SECRETS)
    assert {name for name, (kind, default) in asked.items() if kind == "-" and not default} == UNSET
    assert {name for name, (kind, default) in asked.items() if kind == "-" and default} == {
        "ANBAN_BROKER_MEMORY",
        "ANBAN_MQTT_LISTEN",
        "ANBAN_DEVICE_HOST",
        "ANBAN_HTTP_LISTEN",
        "ANBAN_ELDERS",
    }
    assert not re.search(r"password\S*:\s*['\"]?[a-z0-9]", FILE.read_text(), re.IGNORECASE)


def test_nothing_listens_beyond_this_machine_unless_told_to() -> None:
    ports = [port for service in SERVICES.values() for port in service.described.get("ports", [])]
    assert ports == ["127.0.0.1:8883:8883", "127.0.0.1:8080:8080"]


@pytest.mark.parametrize("service", OURS, ids=lambda service: service.name)
def test_every_variable_is_one_that_the_process_reads(service: Service) -> None:
    known = {f"ANBAN_{name.upper()}" for name in Settings.model_fields} | OTHER_SETTINGS
    assert set(service.environment) <= known
    values = {
        name.removeprefix("ANBAN_").lower(): value
        for name, value in service.environment.items()
        if name not in OTHER_SETTINGS and value
    }
    read = Settings.model_validate(values)
    assert read.metrics_port == (9100 if service.name in PROCESSES else 0)


@pytest.mark.parametrize("service", OURS, ids=lambda service: service.name)
def test_ours_runs_without_rights_and_comes_back_by_itself(service: Service) -> None:
    said = service.described
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert said["restart"] == (
        "unless-stopped" if not service.ends else "no" if service.name == "tools" else "on-failure"
    )
    assert said["stop_grace_period"] == "20s"


def test_addresses_name_services_with_the_credentials_that_these_have() -> None:
    database = SERVICES["timescaledb"].environment
    for service in OURS:
        for name, value in service.environment.items():
            if "://" not in value:
                continue
            url = urlsplit(value)
            assert url.hostname in SERVICES, (service.name, name)
            if url.hostname == "timescaledb":
                assert (url.username, url.password) == (database["POSTGRES_USER"], database["POSTGRES_PASSWORD"])
                assert url.path == f"/{database['POSTGRES_DB']}"
            elif url.username:
                assert url.password == SECRETS[f"ANBAN_{url.username.upper()}_PASSWORD"]


def test_services_start_in_an_order_without_circles_and_wait_for_what_can_be_waited_for() -> None:
    for service in SERVICES.values():
        for name, condition in service.waits_for.items():
            wanted = "service_completed_successfully" if SERVICES[name].ends else "service_healthy"
            assert condition == wanted, (service.name, name)
            assert SERVICES[name].ends or SERVICES[name].check is not None

    def depth(name: str, above: tuple[str, ...] = ()) -> int:
        assert name not in above, f"{name} waits for itself"
        return 1 + max((depth(other, (*above, name)) for other in SERVICES[name].waits_for), default=0)

    assert {name: depth(name) for name in ("timescaledb", "migrate", "dispatch")} == {
        "timescaledb": 1,
        "migrate": 2,
        "dispatch": 3,
    }


def test_simulation_is_asked_for_and_the_service_needs_none_of_it() -> None:
    profiles = {name: tuple(service.described.get("profiles", ())) for name, service in SERVICES.items()}
    assert {name for name, found in profiles.items() if found == ("sim",)} == {"seed", "device-sim", "people"}
    assert {name for name, found in profiles.items() if found == ("tools",)} == {"tools"}
    for name, service in SERVICES.items():
        if not profiles[name]:
            assert not any(profiles[other] for other in service.waits_for)


def test_every_volume_is_named_or_a_file_of_the_repository_and_written_where_the_user_may() -> None:
    declared = set(yaml.safe_load(FILE.read_text())["volumes"])
    used = set()
    for service in SERVICES.values():
        for volume in service.described.get("volumes", []):
            source, target, *_ = volume.split(":")
            if source.startswith("."):
                assert (ROOT / source).is_file()
                assert volume.endswith(":ro")
                continue
            used.add(source)
            if service.is_ours:
                assert re.search(rf"install --directory --owner=anban .*{target}\b", DOCKERFILE), target
    assert used == declared


def test_state_folder_of_every_process_is_a_volume() -> None:
    for service in OURS:
        state = service.environment.get("ANBAN_STATE_DIR")
        if state is not None:
            assert any(volume.split(":")[1] == state for volume in service.described["volumes"])


def test_images_are_pinned_and_need_no_registry_of_ours() -> None:
    images = [service.described["image"] for service in SERVICES.values() if not service.is_ours]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    for image in images:
        assert re.fullmatch(r"[a-z/-]+:\d+\.\d+\.\d+[a-z0-9.-]*", image), image
    nats = next(image for image in images if image.startswith("nats:"))
    assert tuple(map(int, nats.split(":")[1].split("-")[0].split("."))) >= (2, 14, 3)


def test_image_is_made_of_files_that_are_in_the_repository_and_not_ignored() -> None:
    listed = _listed_files()
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line]
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    packages = {path.split("/")[0] for path in listed if path.endswith("/__init__.py") and path.count("/") == 1}
    assert packages - {"tests"} <= {source.rstrip("/") for source in copied}
    for source in copied:
        assert any(path == source or path.startswith(source) for path in listed), source
        assert not any(source.rstrip("/") == pattern or fnmatch(source, pattern) for pattern in ignored), source
    assert {".env", ".git", ".venv", "control_center/web/node_modules"} <= set(ignored)
    for path in ("schemas/migrations", "requirements/run.txt", "pyproject.toml"):
        assert any(source.rstrip("/") == path or path.startswith(source) for source in copied)


def test_copied_files_are_all_that_the_image_needs(tmp_path: Path) -> None:
    listed = _listed_files()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        *sources, target = line.split()
        if sources[0].startswith("control_center/web/"):
            continue
        for source in sources:
            assert target in (source, "./"), "the image has the repository's own layout"
            for path in listed:
                # Files that somebody has deleted and not yet told git of are listed all the same.
                if (path == source or path.startswith(source)) and (ROOT / path).is_file():
                    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / path, tmp_path / path)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    built = subprocess.run([*pip, "."], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    for words in (
        ["launcher", "--help"],
        ["ingest", "--help"],
        ["device_sim", "--help"],
        ["control_center", "openapi"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        [sys.executable, "-c", "import ingest; print(ingest.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.startswith(str(tmp_path))


def test_broker_accepts_its_configuration(tmp_path: Path) -> None:
    broker = SERVICES["nats"]
    tls.write_files(tmp_path, ["nats"])
    local = tmp_path / "nats.conf"
    local.write_text((ROOT / "deploy/nats.conf").read_text().replace('"/tls/', f'"{tmp_path}/'))
    command = [_program("nats-server"), "-t", "-c", str(local)]
    done = subprocess.run(command, env=broker.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    without = {name: value for name, value in broker.environment.items() if name != "ANBAN_SYS_PASSWORD"}
    refused = subprocess.run(command, env=without, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert any(volume.startswith("./deploy/nats.conf:") for volume in broker.described["volumes"])
    assert broker.command[-1] in next(volume for volume in broker.described["volumes"] if volume.startswith("./"))


def test_image_runs_as_an_ordinary_user_with_the_words_that_the_repository_knows() -> None:
    assert DOCKERFILE.rstrip().splitlines()[-2] == "USER anban"
    scripts = yaml.safe_load((ROOT / "control_center/web/package.json").read_text())["scripts"]
    assert "RUN npm run build" in DOCKERFILE and scripts["build"] == "vite build"
    assert "FROM python:3.13" in DOCKERFILE and 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("service", OURS, ids=lambda service: service.name)
def test_every_module_and_option_exists(service: Service) -> None:
    """An unknown option is refused before `--help` is looked at; a wrong word by the module's own usage."""
    words = service.command
    if words[0] == "dbmate":
        flags = {word.partition("=")[0] for word in words if word.startswith("--")}
        shown = subprocess.run([_program("dbmate"), "--help"], capture_output=True, text=True, check=True).stdout
        shown += subprocess.run(
            [_program("dbmate"), "migrate", "--help"], capture_output=True, text=True, check=False
        ).stdout
        assert all(flag in shown for flag in flags)
        assert (ROOT / words[words.index("--migrations-dir") + 1]).is_dir()
        return
    assert words[:2] == ["python", "-m"]
    module = ROOT / words[2]
    assert (module / "__main__.py").is_file()
    if "typer" in (module / "__main__.py").read_text():
        asked = [_program("python"), "-m", *words[2:], "--help"]
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def test_secrets_are_written_once_for_their_owner_only(tmp_path: Path) -> None:
    command = [_program("python"), "-m", "launcher", "secrets", str(tmp_path / ".env")]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    before = (tmp_path / ".env").read_text()
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert len(again.stderr.splitlines()) == 1
    assert (tmp_path / ".env").read_text() == before
    assert {line.partition("=")[0] for line in before.splitlines()} == set(SECRETS)
