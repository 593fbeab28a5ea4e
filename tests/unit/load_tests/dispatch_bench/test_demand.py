"""The orders and workers of a simulated day follow the policy's mix, and their seed alone."""

from collections import Counter

import pytest

from load_tests.dispatch_bench.account import jain
from load_tests.dispatch_bench.demand import make_day


def test_a_day_depends_on_its_seed_alone() -> None:
    assert make_day(3, 200, 20) == make_day(3, 200, 20)
    assert make_day(3, 200, 20).orders != make_day(4, 200, 20).orders


def test_orders_come_in_the_mix_of_the_city() -> None:
    day = make_day(1, 1000, 80)
    kinds = Counter(order.kind for order in day.orders)
    assert kinds["meal"] == 400
    assert kinds["bath"] + kinds["heavy_bath"] == 30
    assert kinds["medicine"] + kinds["register"] + kinds["accompany"] == 560
    assert kinds["clean"] + kinds["walk"] == 10
    known = sum(order.placed_at < 0 for order in day.orders)
    assert 700 < known < 860, "most is known the evening before, and not all"
    assert 10 < len(day.called_off_at) < 60


def test_orders_are_numbered_as_they_are_placed_and_lie_after_it() -> None:
    day = make_day(2, 500, 40)
    assert [order.number for order in day.orders] == list(range(1, 501))
    assert [order.placed_at for order in day.orders] == sorted(order.placed_at for order in day.orders)
    assert all(order.placed_at < order.window[0] < order.window[1] for order in day.orders)
    assert all((order.kitchen is not None) == (order.kind == "meal") for order in day.orders)
    assert all(
        day.called_off_at[number] > order.placed_at
        for number, order in enumerate(day.orders, 1)
        if number in day.called_off_at
    )


def test_workers_are_where_elders_live_and_some_certificates_have_lapsed() -> None:
    day = make_day(1, 100, 400)
    assert len(day.workers) == 400
    assert len({worker.town for worker in day.workers}) == 17
    assert any(worker.lapsed for worker in day.workers)
    assert all(not worker.lapsed & worker.skills for worker in day.workers)
    assert all(any(worker.provider.serves(f"500109/{worker.town}/") for _ in (0,)) for worker in day.workers)


@pytest.mark.parametrize(
    ("values", "index"), [((1.0, 1.0, 1.0), 1.0), ((1.0, 0.0, 0.0, 0.0), 0.25), ((), 1.0), ((0.0, 0.0), 1.0)]
)
def test_jains_index_says_how_alike_shares_are(values: tuple[float, ...], index: float) -> None:
    assert jain(values) == pytest.approx(index)
