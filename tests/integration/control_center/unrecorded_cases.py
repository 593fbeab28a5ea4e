"""Requests to the routes for calls that are not recorded; where there is one is tested in test_unrecorded.py."""

from typing import Final

from tests.integration.control_center.route_cases import Case, expect

_NO_STAFF: Final = dict.fromkeys(
    (
        "worker",
        "worker_of_gui",
        "asked_worker",
        "outside_worker",
        "family_of_gui",
        "family_of_chen",
        "administrator",
    ),
    403,
)
_SIGNED_OUT: Final = {"disabled": 401, "nobody": 401}
UNRECORDED: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/unrecorded"): Case("/api/unrecorded", expect(200, _SIGNED_OUT, _NO_STAFF)),
    ("POST", "/api/unrecorded/{key}/acknowledge"): Case(
        "/api/unrecorded/W-chen.b1.1/acknowledge", expect(404, _SIGNED_OUT, _NO_STAFF), {}
    ),
}
