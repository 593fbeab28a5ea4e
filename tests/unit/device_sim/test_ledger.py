"""The account of what the broker acknowledged."""

import itertools
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from device_sim.ledger import BootLedger, Ledger, SeqRanges, read_ledger, write_ledger

seqs = st.lists(st.integers(0, 60), max_size=80)


@given(seqs)
def test_ranges_hold_exactly_the_numbers_that_were_added(added: list[int]) -> None:
    ranges = SeqRanges()
    for seq in added:
        ranges.add(seq)
    assert list(ranges) == sorted(set(added))
    assert len(ranges) == len(set(added))
    assert all((seq in ranges) == (seq in set(added)) for seq in range(-1, 62))


@given(seqs)
def test_ranges_never_touch(added: list[int]) -> None:
    ranges = SeqRanges()
    for seq in added:
        ranges.add(seq)
    pairs = ranges.pairs()
    assert all(low <= high for low, high in pairs)
    assert all(later[0] > earlier[1] + 1 for earlier, later in itertools.pairwise(pairs))


def test_readings_count_every_sample_of_a_backfill_that_was_acknowledged() -> None:
    run = BootLedger(samples={1: 100, 2: 50})
    for seq in (0, 1):
        run.telemetry.add(seq)
    assert run.readings == 101


@given(seqs, seqs, st.dictionaries(st.integers(0, 9), st.sampled_from(["sos", "fall"])), st.sets(st.integers(0, 9)))
def test_a_written_ledger_reads_back_the_same(
    acknowledged: list[int], unanswered: list[int], events: dict[int, str], recorded: set[int]
) -> None:
    run = BootLedger(samples={seq: 3 for seq in set(acknowledged) if seq % 7 == 0}, events=events)
    for seq in acknowledged:
        run.telemetry.add(seq)
    for seq in unanswered:
        run.unacknowledged.add(seq)
    for seq in recorded & events.keys():
        run.recorded.add(seq)
    ledger: Ledger = {"W-00001": {"k3f9": run}, "B-00001": {"x": BootLedger()}}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.json"
        write_ledger(path, ledger)
        back = read_ledger(path)["W-00001"]["k3f9"]
    assert back.as_json() == run.as_json()
    assert back.readings == run.readings
