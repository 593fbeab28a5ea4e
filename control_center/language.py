"""The user's language and the texts in it; no text for people lives outside `messages/`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, get_args

Language = Literal["zh-CN", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
"""The first is spoken to whoever asks for nothing we have."""
FOLDER: Final = Path(__file__).parent / "messages"


def load(language: Language) -> dict[str, str]:
    """All texts of one language by key."""
    texts: dict[str, str] = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return texts


_TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {language: load(language) for language in LANGUAGES}


def text(language: Language, key: str, **values: object) -> str:
    """The text of `key` with its placeholders filled in. Raises KeyError for a key that nobody wrote."""
    return _TEXTS[language][key].format(**values)


def preferred(accept_language: str | None) -> Language:
    """The language of an Accept-Language header; what cannot be read counts for nothing."""
    best: Language = LANGUAGES[0]
    best_weight = 0.0
    for item in (accept_language or "")[:1000].split(","):
        tag, _, parameter = item.strip().partition(";")
        language = _language_of(tag)
        weight = _weight_of(parameter)
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best


def _language_of(tag: str) -> Language | None:
    primary = tag.strip().lower().split("-", 1)[0]
    return next((language for language in LANGUAGES if language.lower().split("-", 1)[0] == primary), None)


def _weight_of(parameter: str) -> float:
    if not parameter.strip():
        return 1.0
    name, _, value = parameter.partition("=")
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if name.strip().lower() == "q" and 0 <= weight <= 1 else 0.0
