"""Small random days with everything the format knows: hot meals, breaks, loads, promises, and visits by two."""

from hypothesis import strategies as st

from dispatch.planning.format import (
    Break,
    Job,
    Matrix,
    Means,
    Objective,
    Problem,
    Promise,
    Visit,
    Worker,
)

SKILLS = ("bath", "nurse")
PLACES = ("kitchen", "station", "n1", "n2", "n3", "n4")


@st.composite
def whole_days(draw: st.DrawFn, doubles: bool = True) -> Problem:
    """A day of at most 9 jobs and 4 workers on a whole-number grid."""
    points = draw(
        st.lists(
            st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=len(PLACES), max_size=len(PLACES), unique=True
        )
    )
    table = [[float(abs(a - c) + abs(b - d)) for c, d in points] for a, b in points]
    slower = [[2 * way for way in row] for row in table]
    workers = [_worker(draw, number) for number in range(draw(st.integers(1, 4)))]
    names = [worker.id for worker in workers]
    jobs = [_job(draw, number, names, doubles) for number in range(draw(st.integers(1, 9)))]
    return Problem(
        version=1,
        objective=Objective(
            travel=draw(st.sampled_from([1, 0.5])),
            lateness=draw(st.sampled_from([0, 2])),
            worker=draw(st.sampled_from([0, 10])),
            moved=draw(st.sampled_from([0, 25])),
            continuity=draw(st.sampled_from([0, 2])),
        ),
        matrix=Matrix(places=list(PLACES), means={"walk": Means(durations=slower), "car": Means(durations=table)}),
        pickup_duration=draw(st.sampled_from([0, 3])),
        workers=workers,
        jobs=jobs,
    )


def _worker(draw: st.DrawFn, number: int) -> Worker:
    rest = draw(st.sampled_from([None, 100, 150]))
    return Worker(
        id=f"w{number}",
        start=draw(st.sampled_from(PLACES)),
        end=draw(st.sampled_from([None, "station", "n1"])),
        shift=(draw(st.sampled_from([0, 60])), draw(st.sampled_from([200, 400]))),
        overtime=draw(st.sampled_from([0, 20])),
        skills=sorted(draw(st.sets(st.sampled_from(SKILLS)))),
        capacity=draw(st.sampled_from([{}, {"meals": 2}, {"meals": 5}])),
        means=draw(st.sampled_from(["walk", "car"])),
        breaks=[] if rest is None else [Break(duration=20, window=(rest, rest + 60))],
    )


def _job(draw: st.DrawFn, number: int, names: list[str], doubles: bool) -> Job:
    kind = draw(st.sampled_from(["plain", "plain", "meal", "cold meal", "loaded", "double"]))
    if kind == "double" and (not doubles or len(names) < 2):
        kind = "plain"
    visits = 2 if kind == "double" else 1
    earliest = draw(st.integers(0, 300))
    width = draw(st.sampled_from([20, 80]))
    promised, fixed = None, False
    if draw(st.integers(0, 4)) == 0:
        told = draw(st.permutations(names))[:visits]
        promised = Promise(start=earliest + 10, workers=told, within=draw(st.sampled_from([None, 15])))
        fixed = draw(st.booleans())
    is_meal = kind in {"meal", "cold meal"}
    return Job(
        id=f"j{number}",
        place=draw(st.sampled_from(PLACES)),
        window=(earliest, earliest + width),
        late=draw(st.sampled_from(["never", "allowed"])),
        visits=[
            Visit(skills=[] if is_meal else draw(st.sampled_from([[], ["bath"]])), duration=draw(st.integers(2, 25)))
            for _ in range(visits)
        ],
        gap=draw(st.sampled_from([(0, 0), (5, 20)])),
        load={"meals": draw(st.sampled_from([1, 2]))} if is_meal or kind == "loaded" else {},
        pickup=draw(st.sampled_from(["kitchen", "kitchen", "n2"])) if is_meal else None,
        ready=draw(st.sampled_from([None, earliest - 20])) if kind in {"meal", "cold meal", "loaded"} else None,
        hot=draw(st.sampled_from([15, 40])) if kind == "meal" else None,
        priority=draw(st.sampled_from([None, None, 1, 5])),
        workers=draw(st.sampled_from([None, None, names[:2]])),
        excluded=draw(st.sampled_from([[], [], [names[0]]])),
        prefers=draw(st.sampled_from([{}, {names[-1]: 5}])),
        promised=promised,
        fixed=fixed,
    )
