"""Which requests may pass."""

import pytest
from starlette.datastructures import Headers

from control_center.gate import Refuse, check_headers, same_origin


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "same"),
    [
        (None, "anban.example", "http", True),
        ("http://anban.example", "anban.example", "http", True),
        ("https://anban.example", "anban.example", "http", True),
        ("https://anban.example:443", "anban.example", "https", True),
        ("http://ANBAN.example:8080", "anban.example:8080", "ws", True),
        ("http://[::1]:8080", "[::1]:8080", "http", True),
        ("http://anban.example:8081", "anban.example:8080", "http", False),
        ("http://anban.example.evil", "anban.example", "http", False),
        ("http://evil", "anban.example", "http", False),
        ("null", "anban.example", "http", False),
        ("", "anban.example", "http", False),
        ("http://[", "anban.example", "http", False),
        ("http://anban.example:99999", "anban.example", "http", False),
        ("http://anban.example", None, "http", False),
    ],
)
def test_only_the_site_itself_is_the_same_origin(origin: str | None, host: str | None, scheme: str, same: bool) -> None:
    assert same_origin(origin, host, scheme) is same


@pytest.mark.parametrize(
    ("method", "headers", "code"),
    [
        ("GET", {"origin": "http://evil", "content-length": "999999"}, None),
        ("POST", {"content-type": "application/json; charset=utf-8", "content-length": "2"}, None),
        ("POST", {"content-length": "2"}, "wrong_content_type"),
        ("POST", {"content-type": "application/json", "content-length": "65537"}, "too_large"),
        ("POST", {"content-type": "application/json", "content-length": "9" * 5000}, "too_large"),
        ("POST", {"content-type": "application/json", "content-length": "x"}, "malformed_request"),
        ("POST", {"content-type": "application/json", "content-length": "²"}, "malformed_request"),
        ("DELETE", {}, None),
        ("DELETE", {"content-length": "2"}, "wrong_content_type"),
        ("DELETE", {"transfer-encoding": "chunked"}, "wrong_content_type"),
        ("PUT", {"origin": "http://evil", "content-type": "application/json"}, "foreign_origin"),
    ],
)
def test_headers_decide_before_the_body_is_read(method: str, headers: dict[str, str], code: str | None) -> None:
    given = Headers({"host": "anban.example", **headers})
    if code is None:
        check_headers(method, given, "http")
        return
    with pytest.raises(Refuse) as refused:
        check_headers(method, given, "http")
    assert refused.value.code == code
