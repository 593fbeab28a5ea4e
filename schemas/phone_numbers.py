"""Telephone numbers as people write them, and the one form in which they are compared and dialled."""

import re
from typing import Final

_ORNAMENT: Final = re.compile(r"[\s()（）./·\-–—]+")
_LANDLINE: Final = re.compile(r"0[0-9]{9,11}")
_MOBILE: Final = re.compile(r"1[3-9][0-9]{9}")
_INTERNATIONAL: Final = re.compile(r"\+[1-9][0-9]{6,14}")


def normal(number: str) -> str | None:
    """A number in E.164 (`+8613900000000`), taken for a Chinese one unless it says its country; None when it cannot be
    dialled from anywhere, as a short code or a landline without its area code."""
    bare = _ORNAMENT.sub("", number.strip())
    if bare.startswith("00"):
        bare = "+" + bare[2:]
    if bare.startswith("+"):
        return bare if _INTERNATIONAL.fullmatch(bare) else None
    if bare.startswith("86") and _MOBILE.fullmatch(bare[2:]):
        return "+" + bare
    if _MOBILE.fullmatch(bare):
        return "+86" + bare
    return "+86" + bare[1:] if _LANDLINE.fullmatch(bare) else None
