"""Choosing free ports."""

import socket
import subprocess
import sys

from launcher import ports


def test_preferred_port_is_taken_when_free() -> None:
    assert ports.choose(1883, free=lambda _: True) == 1883


def test_other_port_is_found_when_the_preferred_one_is_taken() -> None:
    chosen = ports.choose(1883, free=lambda port: port != 1883)
    assert 20_000 <= chosen <= 32_000


def test_ports_to_avoid_are_never_chosen() -> None:
    avoid = set(range(20_000, 32_000))
    assert ports.choose(20_500, avoid, free=lambda _: True) == 32_000


def test_what_another_launcher_has_chosen_is_left_to_it_until_it_ends() -> None:
    port = ports.choose(None, free=ports.is_free)
    code = f"from launcher import ports; print(ports.reserve({port}), flush=True); input()"
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert ports.is_free(port)
        assert not ports.reserve(port)
        other.communicate("\n")
    assert ports.reserve(port)
    assert ports.reserve(port), "who has it may ask again"


def _nobody_has(port: int) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as claim:
        try:
            claim.bind(f"\0anban-port-{port}")
        except OSError:
            return False
    return True


def test_a_reservation_ends_after_a_minute() -> None:
    first = ports.choose(None, free=ports.is_free)
    second = ports.choose(None, [first], free=ports.is_free)
    assert ports.reserve(first, lambda: 0.0)
    assert not _nobody_has(first)
    assert ports.reserve(second, lambda: ports.RESERVED_SECONDS + 1)
    assert _nobody_has(first)


def test_listening_port_is_not_free_and_accepts() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        assert ports.accepts(port)
    assert not ports.accepts(port)
    assert ports.get(port, "/health") is None
