"""Lost and doubled, by identity."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from device_sim.ledger import BootLedger, Ledger
from load_tests.reconciliation import Stored, reconcile


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    ledger: Ledger = {}
    for device in draw(st.sets(st.sampled_from(["W-00001", "W-00002", "B-00001"]), min_size=1)):
        run = BootLedger()
        for seq in draw(st.sets(st.integers(0, 20), min_size=1)):
            run.telemetry.add(seq)
            if draw(st.booleans()):
                run.samples[seq] = draw(st.integers(2, 5))
        for seq in draw(st.sets(st.integers(0, 5))):
            run.events[seq] = "sos"
        ledger[device] = {f"boot-{device}": run}
    return ledger


def faithful(ledger: Ledger) -> Stored:
    stored = Stored({}, {}, Counter())
    for device, boots in ledger.items():
        for boot, run in boots.items():
            for seq in run.telemetry:
                samples = run.samples.get(seq, 1)
                stored.readings[device, boot, seq] = (samples, samples)
            for seq in run.events:
                stored.events[device, boot, seq] = 1
    return stored


@given(ledgers())
def test_what_was_stored_once_is_neither_lost_nor_doubled(ledger: Ledger) -> None:
    account = reconcile([ledger], faithful(ledger))
    assert account.published == account.stored
    assert not (account.lost or account.doubled or account.never_sent or account.events_lost or account.events_doubled)


@given(ledgers(), st.data())
def test_a_missing_message_is_lost_with_all_its_samples(ledger: Ledger, data: Any) -> None:
    stored = faithful(ledger)
    victim = data.draw(st.sampled_from(sorted(stored.readings)))
    samples, _ = stored.readings.pop(victim)
    account = reconcile([ledger], stored)
    assert account.lost == [victim]
    assert account.readings_lost == samples
    assert not account.doubled


@given(ledgers(), st.data())
def test_a_message_stored_twice_is_doubled(ledger: Ledger, data: Any) -> None:
    stored = faithful(ledger)
    victim = data.draw(st.sampled_from(sorted(stored.readings)))
    times, samples = stored.readings[victim]
    stored.readings[victim] = (times * 2, samples)
    account = reconcile([ledger], stored)
    assert account.doubled == [victim]
    assert account.readings_doubled == times
    assert not account.lost


@given(ledgers(), st.data())
def test_a_dead_letter_is_not_lost(ledger: Ledger, data: Any) -> None:
    stored = faithful(ledger)
    victim = data.draw(st.sampled_from(sorted(stored.readings)))
    del stored.readings[victim]
    stored.dead[victim] += 1
    assert reconcile([ledger], stored).readings_lost == 0


def test_a_lost_sample_and_a_doubled_one_of_the_same_message_do_not_cancel_out() -> None:
    run = BootLedger(samples={0: 3})
    run.telemetry.add(0)
    stored = Stored({("W-00001", "b", 0): (3, 2)}, {}, Counter())
    account = reconcile([{"W-00001": {"b": run}}], stored)
    assert account.readings_lost == 1
    assert account.readings_doubled == 1


def test_an_unanswered_message_may_be_stored_once_but_not_twice() -> None:
    run = BootLedger()
    run.unacknowledged.add(4)
    ledger: Ledger = {"W-00001": {"b": run}}
    identity = ("W-00001", "b", 4)
    assert reconcile([ledger], Stored({}, {}, Counter())).readings_lost == 0
    once = reconcile([ledger], Stored({identity: (1, 1)}, {}, Counter()))
    assert not once.doubled and not once.never_sent
    assert reconcile([ledger], Stored({identity: (2, 1)}, {}, Counter())).doubled == [identity]


def test_a_reading_nobody_sent_is_found() -> None:
    stored = Stored({("W-00001", "b", 9): (1, 1)}, {}, Counter())
    assert reconcile([{"W-00001": {"b": BootLedger()}}], stored).never_sent == [("W-00001", "b", 9)]


def test_events_are_accounted_for_too() -> None:
    run = BootLedger(events={0: "sos", 1: "sos", 2: "fall"})
    stored = Stored({}, {("B-00001", "b", 0): 1, ("B-00001", "b", 1): 2}, Counter())
    account = reconcile([{"B-00001": {"b": run}}], stored)
    assert account.events_published == 3
    assert account.events_lost == [("B-00001", "b", 2)]
    assert account.events_doubled == [("B-00001", "b", 1)]
