"""Photographs over HTTP: what is refused at the gate and behind it, who sees one, and that looking is written down."""

from datetime import datetime
from io import BytesIO

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.control_center.visit_cases import PICTURE, in_service
from tests.integration.district import Connection, one

LIMIT = 2 * 1024 * 1024


@pytest.fixture
def path(conn: Connection, cast: Cast, now: datetime) -> str:
    """The photographs of 桂's meal, which is being served."""
    in_service(conn, cast, now)
    return f"/api/orders/{cast.orders['visit_of_gui']}/photos"


def send(client: TestClient, cast: Cast, path: str, content: bytes, kind: str = "image/jpeg") -> tuple[int, str]:
    answer = client.post(path, content=content, headers={**cast.cookie("worker_of_gui"), "Content-Type": kind})
    return answer.status_code, answer.json().get("error", {}).get("code", "")


def bomb() -> bytes:
    content = BytesIO()
    Image.new("1", (9_000, 9_000)).save(content, "PNG", optimize=True)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (PICTURE + bytes(3_000_000), "image/jpeg", (413, "too_large")),
        (PICTURE, "application/json", (415, "wrong_content_type")),
        (PICTURE, "text/plain", (415, "wrong_content_type")),
        (PICTURE, "image/svg+xml", (415, "wrong_content_type")),
        ("我不是照片".encode(), "image/jpeg", (422, "not_a_picture")),
        (b"", "image/png", (422, "invalid")),
        (PICTURE[:500], "image/jpeg", (422, "not_a_picture")),
    ],
)
def test_what_is_no_photograph_is_refused(
    client: TestClient, cast: Cast, conn: Connection, path: str, content: bytes, kind: str, told: tuple[int, str]
) -> None:
    assert send(client, cast, path, content, kind) == told
    assert one(conn, "SELECT count(*) FROM visit_photo") == 0


def test_a_decompression_bomb_is_refused(client: TestClient, cast: Cast, conn: Connection, path: str) -> None:
    small = bomb()
    assert len(small) < LIMIT
    assert send(client, cast, path, small, "image/png") == (422, "not_a_picture")
    assert one(conn, "SELECT count(*) FROM visit_photo") == 0


def test_a_large_body_is_taken_in_nowhere_else(client: TestClient, cast: Cast, path: str) -> None:
    order = path.removesuffix("/photos")
    assert send(client, cast, f"{order}/complete", bytes(70_000), "application/json") == (413, "too_large")
    assert send(client, cast, f"{order}/complete", PICTURE) == (415, "wrong_content_type")


def test_a_photograph_is_kept_once_and_seen_by_whom_it_concerns(
    client: TestClient, cast: Cast, conn: Connection, path: str
) -> None:
    query = {"captured_at": "2026-11-22T09:30:00+08:00"}
    headers = {**cast.cookie("worker_of_gui"), "Content-Type": "image/jpeg"}
    first = client.post(path, params=query, content=PICTURE, headers=headers)
    again = client.post(path, params=query, content=PICTURE, headers=headers)
    assert (first.status_code, first.json()["new"], again.json()["new"]) == (201, True, False)
    photo = f"{path}/{first.json()['photo_id']}"
    for member in ("operator", "street_operator", "supervisor", "worker_of_gui", "family_of_gui"):
        shown = client.get(photo, headers=cast.cookie(member))
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg"), member
        assert shown.headers["cache-control"] == "no-store"
    for member in ("outsider", "other_street_operator", "family_of_chen", "asked_worker", "newcomer"):
        assert client.get(photo, headers=cast.cookie(member)).status_code == 404, member
    seen = conn.execute(
        "SELECT account.username FROM access_log JOIN account ON account.id = account_id"
        " WHERE action = 'photo.read' AND elder_ids @> ARRAY[%s::integer] ORDER BY access_log.id",
        (cast.elders["gui"],),
    ).fetchall()
    assert [name for (name,) in seen] == [
        "operator", "street_operator", "supervisor", "worker_of_gui", "family_of_gui",
    ]  # fmt: skip


def test_a_photograph_is_shown_only_with_its_own_order(client: TestClient, cast: Cast, path: str) -> None:
    headers = {**cast.cookie("worker_of_gui"), "Content-Type": "image/jpeg"}
    photo = client.post(path, content=PICTURE, headers=headers).json()["photo_id"]
    elsewhere = f"/api/orders/{cast.orders['visit_of_deng']}/photos/{photo}"
    assert client.get(elsewhere, headers=cast.cookie("operator")).status_code == 404
    assert client.get(elsewhere, headers=cast.cookie("outsider")).status_code == 404


def test_the_card_says_what_is_demanded_and_what_is_there(client: TestClient, cast: Cast, path: str) -> None:
    order, headers = path.removesuffix("/photos"), cast.cookie("worker_of_gui")
    lacking = client.post(f"{order}/complete", json={}, headers=headers)
    assert (lacking.status_code, lacking.json()["error"]["code"]) == (422, "evidence_missing")
    assert set(lacking.json()["error"]["fields"]) == {"photos", "ticks.handed_over", "ticks.still_hot"}
    client.post(path, content=PICTURE, headers={**headers, "Content-Type": "image/jpeg"})
    card = client.put(f"{order}/ticks/still_hot", json={"done": True}, headers=headers).json()["card"]
    assert (card["proof"]["photos_needed"], len(card["proof"]["photos"])) == (1, 1)
    assert {line["code"]: line["done_at"] is not None for line in card["proof"]["ticks"]} == {
        "handed_over": False,
        "still_hot": True,
    }
    done = client.post(f"{order}/complete", json={"reason": "老人睡了"}, headers=headers).json()["card"]
    assert (done["state"], done["proof"]["flags"], done["proof"]["flag_reason"]) == ("completed", [], None)
    staff = client.get(order, headers=cast.cookie("operator")).json()["card"]["proof"]
    assert (staff["flags"], staff["flag_reason"]) == (["evidence_missing", "short"], "老人睡了")
