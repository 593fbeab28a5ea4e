"""What the machine's own apt configuration says about Debian mirrors, packages and keys."""

import os
import shlex
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

from launcher.failure import LaunchError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_APT = Path("/etc/apt")
_RELEASES = {
    *("buster", "bullseye", "bookworm", "trixie", "forky", "sid"),
    *("oldoldstable", "oldstable", "stable", "testing", "unstable"),
}


def is_debian(os_release: str) -> bool:
    """Tell from the text of /etc/os-release whether this is Debian itself."""
    return any(line.strip() in ("ID=debian", 'ID="debian"') for line in os_release.splitlines())


def runs_debian() -> bool:
    """Tell whether this machine is Debian."""
    try:
        return is_debian(Path("/etc/os-release").read_text())
    except OSError:
        return False


def _is_main_archive(suites: Iterable[str], components: Iterable[str]) -> bool:
    return "main" in components and any(suite in _RELEASES for suite in suites)


def mirrors_of_deb822(text: str) -> Iterator[str]:
    """Yield the URIs of Debian's main archive in a .sources file."""
    for stanza in text.split("\n\n"):
        fields: dict[str, list[str]] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t":
                fields.setdefault(name, []).extend(line.split())
            else:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.split()
        if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
            continue
        if _is_main_archive(fields.get("suites", []), fields.get("components", [])):
            yield from fields.get("uris", [])


def mirrors_of_list(text: str) -> Iterator[str]:
    """Yield the URIs of Debian's main archive in a one-line-style .list file."""
    for line in text.splitlines():
        rule = line.split("#", 1)[0].strip()
        if not rule.startswith("deb ") and not rule.startswith("deb\t"):
            continue
        rest = rule[3:].strip()
        if rest.startswith("["):
            rest = rest.partition("]")[2].strip()
        words = rest.split()
        if len(words) >= 3 and _is_main_archive(words[1:2], words[2:]):
            yield words[0]


def _expanded(uri: str) -> list[str]:
    """Return the mirrors behind a `mirror+file:` list, or the URI itself."""
    if not uri.startswith("mirror+file:"):
        return [uri]
    try:
        lines = Path("/" + uri.removeprefix("mirror+file:").lstrip("/")).read_text().splitlines()
    except OSError:
        return []
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def configured_mirrors(apt: Path = _APT) -> list[str]:
    """Return the Debian mirrors this machine is configured to use, in order, without doubles."""
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    found: list[str] = []
    for file in files:
        if file.suffix not in (".list", ".sources") or not file.is_file():
            continue
        text = file.read_text(errors="replace")
        for uri in mirrors_of_deb822(text) if file.suffix == ".sources" else mirrors_of_list(text):
            found += [mirror.rstrip("/") for mirror in _expanded(uri)]
    return list(dict.fromkeys(found))


def proxy_environment() -> dict[str, str]:
    """Return apt's own proxy as the environment that other programs understand."""
    shown = subprocess.run(
        ["apt-config", "shell", "http_proxy", "Acquire::http::Proxy", "https_proxy", "Acquire::https::Proxy"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return dict(word.split("=", 1) for word in shlex.split(shown) if "=" in word and not word.endswith("=DIRECT"))


def fetch_release(mirror: str, suite: str) -> bytes | None:
    """Return the signed release file of a suite; None when the mirror does not serve it."""
    proxies = {name.removesuffix("_proxy"): value for name, value in proxy_environment().items()}
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler(proxies)] if proxies else []))
    try:
        with opener.open(f"{mirror}/dists/{suite}/InRelease", timeout=30) as answer:
            content: bytes = answer.read()
    except (OSError, ValueError):
        return None
    return content


def is_signed(release: bytes, keyring: Path = KEYRING) -> bool:
    """Tell whether Debian's archive keys on this machine vouch for a release file."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(release)
        file.flush()
        command = ["gpgv", "--quiet", "--keyring", str(keyring), file.name]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def find_mirror(suite: str) -> str:
    """Return the first configured mirror that serves a suite signed by keys we have.

    An old keyring is upgraded through apt once. Raises LaunchError when no mirror will do.
    """
    mirrors = configured_mirrors()
    served = [(mirror, release) for mirror in mirrors if (release := fetch_release(mirror, suite))]
    if not served:
        raise LaunchError(f"no Debian mirror in {_APT} serves {suite} (asked: {', '.join(mirrors) or 'none'})")
    for attempt in range(2):
        for mirror, release in served:
            if is_signed(release):
                return mirror
        if attempt == 0:
            apt_get("update")
            apt_get("install", "--only-upgrade", "debian-archive-keyring", "gpgv")
    raise LaunchError(f"{KEYRING} has no key that signed {suite}, even after its upgrade")


def apt_get(*words: str) -> None:
    """Run apt-get without questions; LaunchError with its last line when it fails."""
    done = subprocess.run(
        ["apt-get", "--yes", "--quiet", "--no-install-recommends", *words],
        env=dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise LaunchError(f"apt-get {' '.join(words)} failed: {said[-1] if said else done.returncode}")


def missing_packages(names: Iterable[str]) -> list[str]:
    """Return those of the packages that are not installed."""

    def is_installed(name: str) -> bool:
        shown = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${db:Status-Status}", name],
            capture_output=True,
            text=True,
            check=False,
        )
        return shown.stdout == "installed"

    return [name for name in names if not is_installed(name)]
