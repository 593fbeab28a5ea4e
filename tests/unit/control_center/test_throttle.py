"""By which address failures are counted."""

import pytest

from control_center.throttle import normal_address


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("fe80::1%" + "x" * 6000, "fe80::/64"),
        ("::1", "::/64"),
        ("testclient", "unknown"),
        ("203.0.113.9, 198.51.100.1", "unknown"),
        ("203.0.113.9:443", "unknown"),
        ("9" * 6000, "unknown"),
        ("\x00", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_addresses_are_counted_by_who_holds_them(host: str | None, address: str) -> None:
    assert normal_address(host) == address
