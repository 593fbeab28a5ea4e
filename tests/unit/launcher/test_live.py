"""The live line."""

from launcher.live import Figures, counter_total, line_text
from launcher.migrations import with_explicit_tls
from launcher.service import Status

METRICS = """\
# HELP anban_messages_total Messages by lane
# TYPE anban_messages_total counter
anban_messages_total{lane="telemetry",outcome="stored"} 120.0
anban_messages_total{lane="telemetry",outcome="duplicate"} 3.0
anban_messages_total_created{lane="telemetry"} 1.7e+09
anban_queue 5.0
"""


def test_counter_adds_up_over_its_labels() -> None:
    assert counter_total(METRICS) == 123.0
    assert counter_total("anban_queue 5.0") is None


def test_line_names_figures_and_says_when_all_is_well() -> None:
    text = line_text(Figures(590, 3, 61.24), {"postgres": Status.READY, "nats": Status.READY})
    assert text == "devices online 590 · 61.2 messages/s · open alarms 3 · 2 processes ready"


def test_line_names_what_is_not_ready_and_dashes_what_is_unknown() -> None:
    text = line_text(Figures(None, None, None), {"postgres": Status.WAITING, "nats": Status.READY})
    assert text == "devices online – · – messages/s · open alarms – · postgres waiting"


def test_dbmate_is_told_about_tls_only_where_the_url_is_silent() -> None:
    assert with_explicit_tls("postgresql://a@db/x", tls=False) == "postgresql://a@db/x?sslmode=disable"
    assert with_explicit_tls("postgresql://a@db/x?a=b", tls=True) == "postgresql://a@db/x?a=b&sslmode=require"
    chosen = "postgresql://a@db/x?sslmode=verify-full"
    assert with_explicit_tls(chosen, tls=True) == chosen
    socket = "postgresql://a@/x?host=/run/pg"
    assert with_explicit_tls(socket, tls=False) == socket
