"""What notifications say, in the person's language; the texts stand in `messages/`.

A member of staff is told no more than an elder's surname and the street: a locked telephone shows it to anybody.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from schemas.database import Row
from schemas.district_time import DISTRICT_TIME

LANGUAGES: Final = ("zh-CN", "en")
FOLDER: Final = Path(__file__).parent / "messages"
_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    language: json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8")) for language in LANGUAGES
}


@dataclass(frozen=True)
class Words:
    """A message as it is shown, and for a telephone as it is read out, with what may be pressed."""

    title: str
    body: str
    keys: dict[str, str]


def text(language: str, key: str, **values: object) -> str:
    """The text of `key` with its placeholders filled in. Raises KeyError for a key or value that is missing."""
    return _TEXTS[language][key].format(**values)


def words_of(notification: Row, alarm: Row | None, *, relative: bool) -> Words:
    """The words of a claimed notification; `alarm` has kind, severity, elder and unit; `relative` for the elder's side.

    Raises KeyError when what the text needs was not given.
    """
    language, subject, spoken = notification["language"], notification["subject"], notification["transport"] == "voice"
    values = dict(notification["detail"])
    keys: dict[str, str] = {}
    if alarm is not None and subject == "summons":
        subject = "summons.relative" if relative else "summons.staff"
        values = _alarm_values(language, alarm)
        yes = "noted" if relative else "acknowledged"
        keys = {"1": text(language, f"key.{yes}"), "2": text(language, "key.declined")}
    elif subject == "task":
        due = datetime.fromisoformat(values["due"]).astimezone(DISTRICT_TIME)
        values |= {"task": text(language, f"task.{values['task']}"), "due": f"{due:%m-%d %H:%M}"}
    elif subject == "code":
        values["spelt"] = " ".join(str(values["code"]))
    body = text(language, f"{subject}.{'speech' if spoken else 'body'}", **values)
    return Words(text(language, f"{subject}.title", **values), body, keys if spoken else {})


def _alarm_values(language: str, alarm: Row) -> dict[str, object]:
    name = alarm["elder"]
    nobody = text(language, "elder.nobody")
    return {
        "kind": text(language, f"kind.{alarm['kind']}"),
        "severity": text(language, f"severity.{alarm['severity']}"),
        "place": alarm["unit"] or text(language, "place.unknown"),
        "elder": text(language, "elder.staff", surname=name[0]) if name else nobody,
        "name": name or nobody,
    }
