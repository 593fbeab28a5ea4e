"""Who sits at which desk."""

from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.control_center.test_incidents import take_a_seat
from tests.integration.district import Connection, one
from tests.integration.members import PASSWORD


def test_staff_take_a_seat_when_they_sign_in(client: TestClient, cast: Cast, conn: Connection) -> None:
    seat = one(conn, "INSERT INTO seat (org_code, name) VALUES ('500109001', '街道席') RETURNING id")
    body = {"username": "street_operator", "password": PASSWORD, "seat_id": seat}
    answer = client.post("/api/session", json=body)
    assert answer.json()["seat"] == {
        "id": seat,
        "name": "街道席",
        "org": {"code": "500109001", "name": "天生街道"},
    }
    assert client.get("/api/session").json()["seat"]["id"] == seat


def test_a_seat_of_somebody_elses_unit_is_none_and_starts_no_session(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    seat = one(conn, "INSERT INTO seat (org_code, name) VALUES ('500109', '一号席') RETURNING id")
    sessions = one(conn, "SELECT count(*) FROM session")
    for member in ("street_operator", "outsider", "family_of_gui", "worker"):
        answer = client.post("/api/session", json={"username": member, "password": PASSWORD, "seat_id": seat})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unknown_seat")
    assert one(conn, "SELECT count(*) FROM session") == sessions


def test_whoever_sits_down_has_the_seat_and_the_former_one_has_none(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    seat = take_a_seat(client, conn, cast, "operator")
    client.put("/api/session/seat", json={"seat_id": seat}, headers=cast.cookie("supervisor"))
    assert client.get("/api/session", headers=cast.cookie("operator")).json()["seat"] is None
    [listed] = client.get("/api/seats", headers=cast.cookie("operator")).json()["seats"]
    assert (listed["id"], listed["taken_by"]) == (seat, "Name of supervisor")
    left = client.put("/api/session/seat", json={"seat_id": None}, headers=cast.cookie("supervisor")).json()
    assert left["seat"] is None


def test_a_supervisor_sets_up_seats_of_her_units_and_retires_them(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    supervisor = cast.cookie("supervisor")
    new = {"org_code": "500109001", "name": " 二号席 "}
    made = client.post("/api/seats", json=new, headers=supervisor)
    assert made.status_code == 201
    [seat] = made.json()["seats"]
    assert (seat["name"], seat["org"]["code"], seat["retired"]) == ("二号席", "500109001", False)
    again = client.post("/api/seats", json=new, headers=supervisor)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "seat_exists")
    elsewhere = client.post("/api/seats", json=new | {"org_code": "500112"}, headers=supervisor)
    assert elsewhere.status_code == 404
    client.put("/api/session/seat", json={"seat_id": seat["id"]}, headers=cast.cookie("street_operator"))
    [retired] = client.post(f"/api/seats/{seat['id']}/retire", json={}, headers=supervisor).json()["seats"]
    assert (retired["retired"], retired["taken_by"]) == (True, None)
    taken = client.put("/api/session/seat", json={"seat_id": seat["id"]}, headers=cast.cookie("street_operator"))
    assert taken.json()["error"]["code"] == "unknown_seat"


def test_sitting_down_is_on_record(client: TestClient, cast: Cast, conn: Connection) -> None:
    seat = take_a_seat(client, conn, cast, "operator")
    logged = conn.execute("SELECT account_id, action, detail FROM access_log").fetchall()
    assert logged == [(cast.accounts["operator"], "seat.taken", {"seat_id": seat})]
