"""Claim codes: whatever a person does to one by mistake is found out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_center.claim_codes import ALPHABET, LENGTH, Mistyped, digest, make, normal


def test_a_printed_code_is_read_however_it_is_typed() -> None:
    code = make()
    plain = code.replace("-", "")
    assert len(plain) == LENGTH and code.count("-") == 2
    for typed in (code, plain, code.lower(), f"  {code} ", plain[:3] + " " + plain[3:], code.replace("0", "O")):
        assert normal(typed) == plain
        assert digest(typed) == digest(code)
    assert normal(code.replace("1", "l")) == plain


@given(st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_every_single_wrong_letter_is_found(place: int, letter: str) -> None:
    right = make().replace("-", "")
    if right[place] != letter:
        with pytest.raises(Mistyped):
            normal(right[:place] + letter + right[place + 1 :])


@given(st.text(max_size=40))
def test_anything_else_is_no_code(text: str) -> None:
    try:
        letters = normal(text)
    except Mistyped:
        return
    assert len(letters) == LENGTH and set(letters) <= set(ALPHABET)


def test_codes_do_not_repeat() -> None:
    assert len({make() for _ in range(1000)}) == 1000
