"""`./anban bench connections`, short: everybody is back after the broker's death, and nothing is lost or doubled."""

from pathlib import Path

from tests.acceptance.short_bench import run_bench


def test_everybody_is_admitted_again_after_the_brokers_death(tmp_path: Path) -> None:
    words = ("--devices", "120", "--settle", "2", "--back-within", "5", "--patience", "4")
    _, report, said = run_bench(tmp_path, "connections", *words)
    assert report["connected"] == report["readmitted"] == 120, said
    assert report["tls"]
    assert report["readmission_ms"]["n"] >= 120
    assert (report["lost"], report["duplicated"]) == (0, 0)
    assert report["broker_bytes_after"] > report["broker_bytes_before"] > 0
    assert report["district_on_paper"]["broker_memory_gib"] > 0
