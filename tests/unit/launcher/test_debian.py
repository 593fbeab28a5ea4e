"""Reading mirrors out of apt configurations as they are found in the field."""

from pathlib import Path

import pytest

from launcher.debian import configured_mirrors, is_debian, mirrors_of_deb822, mirrors_of_list

DEB822 = """\
Types: deb
# http://snapshot.example.org/archive/debian/20250520T000000Z
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security
Components: main
"""


def test_security_archive_is_no_mirror_of_a_suite() -> None:
    assert list(mirrors_of_deb822(DEB822)) == ["http://mirror.example.org/debian"]


def test_deb822_continuation_lines_and_several_uris_are_read() -> None:
    uris = "URIs:\n http://a.example/debian\n http://b.example/debian"
    text = f"Types: deb deb-src\n{uris}\nSuites: trixie\nComponents: main"
    assert list(mirrors_of_deb822(text)) == ["http://a.example/debian", "http://b.example/debian"]


@pytest.mark.parametrize(
    "stanza",
    [
        "Enabled: no\nTypes: deb\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: main",
        "Types: deb-src\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: main",
        "Types: deb\nURIs: http://node.example/node_20.x\nSuites: nodistro\nComponents: main",
        "Types: deb\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: contrib",
    ],
)
def test_disabled_source_and_third_party_stanzas_are_left_out(stanza: str) -> None:
    assert list(mirrors_of_deb822(stanza)) == []


def test_one_line_style_with_options_and_comments() -> None:
    text = """\
# deb http://old.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://a.example/debian/ bookworm main contrib # note
deb-src http://a.example/debian bookworm main
deb http://a.example/debian-security bookworm-security main
deb https://packages.example.com/apt cloud-sdk-bookworm main
"""
    assert list(mirrors_of_list(text)) == ["http://a.example/debian/"]


def test_mirrors_keep_their_order_without_doubles(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://first.example/debian/ bookworm main\n")
    (parts / "debian.sources").write_text(DEB822)
    (parts / "zz.list").write_text("deb http://first.example/debian bookworm-updates main\n")
    (parts / "off.list.disabled").write_text("deb http://off.example/debian bookworm main\n")
    assert configured_mirrors(tmp_path) == ["http://first.example/debian", "http://mirror.example.org/debian"]


def test_mirror_list_files_of_cloud_images_are_followed(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "debian.list").write_text("http://cloud.example/debian\n")
    uri = f"mirror+file:{tmp_path}/debian.list"
    (parts / "debian.sources").write_text(f"Types: deb\nURIs: {uri}\nSuites: bookworm\nComponents: main\n")
    assert configured_mirrors(tmp_path) == ["http://cloud.example/debian"]


def test_derivatives_are_not_debian() -> None:
    assert is_debian('PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n')
    assert not is_debian("ID=ubuntu\nID_LIKE=debian\n")
