"""When a street is dark, judged kind by kind, and when it is light again."""

from datetime import UTC, datetime, timedelta

import pytest

from dispatch.dark_streets import Darkness, DarkPolicy, KindCount, darkness, is_light_again

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
POLICY = DarkPolicy(min_devices=10, dark_share=0.3, light_share=0.1, window=timedelta(minutes=30))


@pytest.mark.parametrize(
    ("heard", "silent", "dark"),
    [(0, 9, False), (0, 10, True), (23, 10, True), (24, 10, False), (100, 43, True), (1000, 0, False)],
)
def test_a_street_is_dark_by_share_and_by_number(heard: int, silent: int, dark: bool) -> None:
    found = darkness([KindCount("hub", heard, silent, NOW)], POLICY)
    assert found == (Darkness(silent, heard + silent, NOW) if dark else None)


def test_wearables_that_speak_seldom_do_not_hide_the_hubs_that_fell_silent() -> None:
    counts = [KindCount("wearable", 500, 0, None), KindCount("hub", 2, 40, NOW)]
    assert darkness(counts, POLICY) == Darkness(40, 42, NOW)


def test_a_street_without_devices_is_not_dark() -> None:
    assert darkness([], POLICY) is None


@pytest.mark.parametrize(
    ("lost", "still", "light"), [(500, 500, False), (500, 51, False), (500, 50, True), (1, 0, True)]
)
def test_a_street_is_light_again_when_few_of_its_lost_devices_are(lost: int, still: int, light: bool) -> None:
    assert is_light_again(lost, still, POLICY) is light
