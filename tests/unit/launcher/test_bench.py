"""The command line of `./anban bench`."""

import pytest
from rich.console import Console

from launcher import bench
from launcher.failure import LaunchError


@pytest.mark.parametrize(
    ("words", "number"),
    [(["--devices", "12"], 12), (["--devices=12"], 12), ([], None), (["--seconds", "9"], None), (["--devices"], None)],
)
def test_the_number_of_devices_is_read_from_the_benchmarks_own_words(words: list[str], number: int | None) -> None:
    assert bench.number_of(words, "--devices") == number


@pytest.mark.parametrize("said", ["0", "-3", "many", "", "1.5"])
def test_a_number_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(LaunchError, match="--devices"):
        bench.number_of(["--devices", said], "--devices")


def test_more_devices_than_elders_can_have_are_refused() -> None:
    assert bench.elders_for(15_000) <= 20_000
    with pytest.raises(LaunchError):
        bench.elders_for(40_000)


def test_an_unknown_benchmark_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(LaunchError, match=r"'speed'.*ingest"):
        bench.run(Console(), "speed", None, None, [])
