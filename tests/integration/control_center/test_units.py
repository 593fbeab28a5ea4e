"""The units that a supervisor chooses from."""

from fastapi.testclient import TestClient

from tests.integration.cast import Cast


def _codes(client: TestClient, cast: Cast, member: str) -> list[str]:
    answer = client.get("/api/units", headers=cast.cookie(member))
    return [unit["code"] for unit in answer.json()["units"]]


def test_a_supervisor_is_offered_the_district_first_and_all_its_streets(client: TestClient, cast: Cast) -> None:
    codes = _codes(client, cast, "supervisor")
    assert codes[0] == "500109"
    assert "500109001" in codes
    assert not any(code.startswith("500112") for code in codes)


def test_a_street_s_operator_is_offered_nothing_beside_it_or_above_it(client: TestClient, cast: Cast) -> None:
    assert _codes(client, cast, "street_operator") == ["500109001"]
