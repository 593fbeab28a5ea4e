"""How what is asked for is read."""

import pytest
from pydantic_core import PydanticCustomError

from control_center.dependencies import storable
from control_center.registry import like_pattern
from control_center.sockets import resume_point


@pytest.mark.parametrize(
    ("epoch", "last_id", "place"),
    [
        ("e", "7", ("e", 7)),
        (None, "7", None),
        ("e", None, None),
        ("", "7", None),
        ("e", "-7", None),
        ("e", "７", None),
        ("e", str(2**63 - 1), ("e", 2**63 - 1)),
        ("e", str(2**63), None),
        ("e", "9" * 5000, None),
    ],
)
def test_a_place_to_resume_is_read_strictly(epoch: str | None, last_id: str | None, place: object) -> None:
    assert resume_point(epoch, last_id) == place


def test_searched_words_are_taken_literally() -> None:
    assert like_pattern("50%_\\") == "%50\\%\\_\\\\%"


@pytest.mark.parametrize("text", ["\x00", "a\x00", "\ud800", "\udfff"])
def test_what_cannot_be_stored_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        storable(text)
    assert storable("𠮷 ok\n") == "𠮷 ok\n"
