"""The workforce: always the same people, every town and every hour with somebody who can come."""

import itertools
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from device_sim.towns import DISTRICT_CODE, TOWNS
from device_sim.workforce import ALL_SKILLS, PROVIDERS, SHIFT_DAYS, Worker, shifts_of, workforce, workforce_size

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
moments = st.integers(0, 900 * 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes))


def on_duty(workers: list[Worker], at: datetime) -> list[Worker]:
    return [one for one in workers if any(start <= at < end for start, end in shifts_of(one.number, at))]


def test_the_workforce_grows_with_the_elders_between_its_limits() -> None:
    assert [workforce_size(elders) for elders in (1, 300, 400, 1000, 4000, 100_000)] == [40, 40, 40, 100, 400, 400]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(0, 60))
def test_a_larger_workforce_begins_with_the_smaller_one(small: int, more: int) -> None:
    assert list(workforce(small + more))[:small] == list(workforce(small))


def test_the_first_worker_is_the_one_left_to_a_person() -> None:
    first = next(workforce(1))
    assert (first.username, first.name, first.town.name, first.travel) == ("worker1", "张强", "天生街道", "scooter")
    assert first.provider.state == "admitted"
    assert {proof.skill for proof in first.proofs} >= {"meal_delivery", "bathing", "medical_escort", "first_aid"}
    assert all(proof.days_after is None or proof.days_after > 0 for proof in first.proofs)


@settings(max_examples=50, deadline=None)
@given(moments)
def test_the_first_worker_is_always_on_duty_and_never_on_two_shifts(now: datetime) -> None:
    shifts = shifts_of(1, now)
    assert any(start <= now < end for start, end in shifts)
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(shifts))


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 400), moments)
def test_shifts_lie_ahead_do_not_overlap_and_do_not_depend_on_the_hour_of_the_seed(number: int, now: datetime) -> None:
    shifts = shifts_of(number, now)
    assert all(start < end and end > now and start < now + timedelta(days=SHIFT_DAYS + 1) for start, end in shifts)
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(shifts))
    kept = [shift for shift in shifts if shift[1] > now + timedelta(hours=1)]
    assert set(kept) <= set(shifts_of(number, now + timedelta(hours=1)))


def test_every_town_has_people_and_somebody_for_each_service_works_at_every_hour() -> None:
    workers = [worker for worker in workforce(40) if worker.provider.state == "admitted"]
    assert {worker.town.code for worker in workforce(40)} == {town.code for town in TOWNS}
    for hour in range(0, 24 * 7):
        skills = Counter(
            proof.skill
            for worker in on_duty(workers, NOON + timedelta(hours=hour))
            for proof in worker.proofs
            if proof.days_after is None or proof.days_after > 0
        )
        assert min(skills[skill] for skill in ("meal_delivery", "bathing", "medical_escort", "first_aid")) >= 2, hour


def test_some_certificates_have_expired() -> None:
    proofs = [proof for worker in workforce(200) for proof in worker.proofs]
    expired = sum(proof.days_after is not None and proof.days_after < 0 for proof in proofs)
    assert 0.03 < expired / len(proofs) < 0.2
    assert all(proof.days_before > -(proof.days_after or 0) for proof in proofs)


def test_the_admitted_providers_serve_the_whole_district_and_their_workers_live_there() -> None:
    admitted = [provider for provider in PROVIDERS if provider.state == "admitted"]
    for skill in ("meal_delivery", "bathing", "medical_escort", "first_aid"):
        assert any(DISTRICT_CODE in one.areas and skill in one.skills for one in admitted)
    assert {code for one in PROVIDERS for code in one.areas} <= {DISTRICT_CODE} | {town.code for town in TOWNS}
    assert [provider.state for provider in PROVIDERS].count("suspended") == 1
    assert any("bathing" not in provider.skills for provider in PROVIDERS)
    for worker in workforce(400):
        assert {worker.town.code, DISTRICT_CODE} & set(worker.provider.areas)
        assert {proof.skill for proof in worker.proofs} <= worker.provider.skills
        assert re.fullmatch(r"102\d{8}", worker.phone)


def test_for_every_item_of_the_catalogue_somebody_in_the_district_has_the_skills() -> None:
    wanted = [{"mobility", "lifting"}, *({skill} for skill in ALL_SKILLS)]
    held = [{proof.skill for proof in worker.proofs} for worker in workforce(200)]
    assert [skills for skills in wanted if not any(skills <= known for known in held)] == []
