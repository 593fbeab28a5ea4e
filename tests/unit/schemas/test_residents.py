"""Whom a device of a whole household speaks for."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.residents import living, shared_state

STATE = st.sampled_from(["home", "hospital", "travelling", "deceased", "test"])
HOME = st.lists(STATE).map(lambda states: list(enumerate(states)))


def test_the_dead_do_not_count_while_somebody_lives() -> None:
    assert living([(1, "deceased"), (2, "hospital")]) == [(2, "hospital")]
    assert shared_state([(1, "deceased"), (2, "hospital")]) == "hospital"


def test_a_couple_in_two_places_shares_no_state() -> None:
    assert shared_state([(1, "home"), (2, "hospital")]) is None
    assert shared_state([]) is None


@given(HOME)
def test_whoever_counts_is_in_the_shared_state(residents: list[tuple[int, str]]) -> None:
    state = shared_state(residents)
    assert state is None or {one for _, one in living(residents)} == {state}
    assert bool(living(residents)) == bool(residents)
