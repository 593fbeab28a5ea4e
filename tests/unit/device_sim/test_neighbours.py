"""Grid workers for every town and neighbours for elders who live alone: always the same people."""

from datetime import UTC, datetime, timedelta

from device_sim.neighbours import MOST_HELPERS, grid_workers, helpers, hours_of
from device_sim.people.worker import seconds_to_shift
from device_sim.population import households
from device_sim.towns import TOWNS
from device_sim.workforce import workforce

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


def test_every_town_has_a_grid_worker_who_works_by_shifts() -> None:
    people = grid_workers()
    assert [one.town.code for one in people] == [town.code for town in TOWNS]
    assert {one.kind for one in people} == {"grid"}
    assert all(hours_of(one, NOW) for one in people)
    assert {bool(one.proofs) for one in people} == {True, False}


def test_helpers_live_next_door_to_somebody_who_lives_alone_and_have_no_shifts() -> None:
    homes = {elder.number: home.home for home in households(2000) for elder in home.elders}
    paired = list(helpers(2000))
    assert 10 < len(paired) <= MOST_HELPERS
    for helper in paired:
        home = homes[helper.elder.number]
        assert helper.elder.living_alone
        assert abs(helper.worker.lat - home.lat) < 0.002 and abs(helper.worker.lon - home.lon) < 0.002
        assert hours_of(helper.worker, NOW) == []
        assert [seconds_to_shift(helper.worker, NOW + timedelta(hours=hour)) for hour in range(24)] == [0] * 24


def test_more_elders_bring_more_helpers_and_change_none() -> None:
    assert list(helpers(300)) == list(helpers(900))[: len(list(helpers(300)))]


def test_nobody_has_the_name_or_number_of_another() -> None:
    people = [*workforce(400), *grid_workers(), *(helper.worker for helper in helpers(5000))]
    for of in ("username", "number", "phone"):
        assert len({getattr(one, of) for one in people}) == len(people)


def test_whoever_of_the_workforce_drives_is_of_a_mobile_team() -> None:
    assert {(one.kind, one.travel == "car") for one in workforce(200)} == {("mobile", True), ("station", False)}
