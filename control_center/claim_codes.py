"""Claim codes: what is printed on the sticker of a device's box, `K7QF-3M9D-XW2T`, and how it is checked.

Twelve letters of Crockford's base 32, which has no I, L, O and U: eleven are random (55 bits), the last finds every
single mistyped letter and almost every swap of neighbours (Luhn's algorithm modulo 32).
"""

import hashlib
import secrets
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 12
_VALUE: Final = {letter: value for value, letter in enumerate(ALPHABET)}
_LOOKS_LIKE: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None, "\u2013": None, "\u2014": None})


class Mistyped(ValueError):
    """This cannot be a claim code: a letter is wrong, missing or too many."""


def normal(text: str) -> str:
    """The twelve letters of a code as a person typed it. Raises Mistyped."""
    letters = text.strip().upper().translate(_LOOKS_LIKE)
    if len(letters) != LENGTH or any(letter not in _VALUE for letter in letters) or _check(letters[:-1]) != letters[-1]:
        raise Mistyped
    return letters


def make() -> str:
    """A new code, as it is printed."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH - 1))
    letters += _check(letters)
    return "-".join(letters[start : start + 4] for start in range(0, LENGTH, 4))


def digest(code: str) -> bytes:
    """What is stored of a code. Raises Mistyped."""
    return hashlib.sha256(normal(code).encode()).digest()


def _check(letters: str) -> str:
    total = 0
    for place, letter in enumerate(reversed(letters)):
        value = _VALUE[letter] * (2 if place % 2 == 0 else 1)
        total += value // 32 + value % 32
    return ALPHABET[-total % 32]
