"""A break held by a visit leaves the same hours as the exact clock, and none where its window is missed."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from dispatch.planning.format import Break, Job, Matrix, Means, Problem, Visit, Worker
from dispatch.planning.tasks import Day, day_of
from dispatch.planning.timing import BREAK, Clock
from dispatch.planning.travel_times import ways_of
from dispatch.planning.units import rested, single

_WAY = 10


def _day(window: tuple[int, int], duration: int, rest: Break) -> Day:
    table = [[0.0, float(_WAY)], [float(_WAY), 0.0]]
    problem = Problem(
        version=1,
        matrix=Matrix(places=["home", "door"], means={"walk": Means(durations=table)}),
        workers=[Worker(id="w", start="home", end="home", shift=(0, 400), breaks=[rest])],
        jobs=[Job(id="j", place="door", window=window, visits=[Visit(duration=duration)])],
    )
    return day_of(problem, ways_of(problem), [])


@given(
    st.integers(10, 200), st.integers(0, 60), st.integers(1, 60), st.integers(0, 250), st.integers(0, 60), st.booleans()
)
def test_a_visit_with_a_break_ends_when_the_exact_clock_says(
    opens: int, width: int, duration: int, begins: int, long: int, before: bool
) -> None:
    rest = Break(duration=30, window=(begins, begins + long))
    day = _day((opens, opens + width), duration, rest)
    whole = rested(single(day.tasks[0]), 0, BREAK, rest, _WAY if before else None)
    exact = Clock(day).timed(day.crews[0], (BREAK, 0) if before else (0, BREAK), rested=False)
    if whole is None or whole.latest < _WAY:
        # Only a break before the visit may be refused though it is possible: early, with a wait between the two.
        assert exact is None or before
        return
    done = max(whole.earliest, _WAY) + whole.duration
    assert exact is not None
    assert exact.end[-1] == done


def test_a_break_binds_its_visit_to_its_worker() -> None:
    rest = Break(duration=30, window=(50, 90))
    task = single(_day((10, 90), 20, rest).tasks[0])
    for crew, before in product((0, 1), (False, True)):
        whole = rested(task, crew, BREAK, rest, _WAY if before else None)
        assert (whole is None) == (crew == 1)
        assert whole is None or whole.able == {0}
