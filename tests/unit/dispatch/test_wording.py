"""Every notification has its words in both languages, and says no more than it must."""

from datetime import UTC, datetime
from string import Formatter
from typing import Any, get_args

import pytest

from dispatch.notifications import Subject
from dispatch.wording import _TEXTS, LANGUAGES, words_of
from schemas.states import SEVERITIES, AlarmKind, TaskKind

VALUES: dict[str, dict[str, Any]] = {
    "summons": {},
    "code": {"code": "123456", "minutes": 10},
    "task": {"task": "rota_gap", "unit": "天生街道", "due": "2026-11-22T08:00:00+00:00"},
    "offer": {"kind": "sos", "place": "天生街道", "minutes": 6},
    "handover": {"rota": "夜班"},
    "swap": {"rota": "夜班", "name": "王敏"},
}
ALARM = {"kind": "sos", "severity": "emergency", "elder": "李桂芳", "unit": "天生街道"}


def notification(subject: str, language: str, transport: str) -> dict[str, Any]:
    return {"language": language, "subject": subject, "transport": transport, "detail": VALUES[subject]}


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    chinese, english = (_TEXTS[language] for language in LANGUAGES)
    assert chinese.keys() == english.keys()
    for key in chinese:
        fields = [{field for _, field, _, _ in Formatter().parse(texts[key]) if field} for texts in (chinese, english)]
        assert fields[0] == fields[1], key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_its_word(language: str) -> None:
    keys = {f"kind.{kind}" for kind in get_args(AlarmKind)} | {f"task.{kind}" for kind in get_args(TaskKind)}
    assert keys | {f"severity.{severity}" for severity in SEVERITIES} <= _TEXTS[language].keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("subject", get_args(Subject))
@pytest.mark.parametrize("transport", ["voice", "sms", "email", "web_push"])
@pytest.mark.parametrize("relative", [False, True])
def test_every_subject_can_be_said(language: str, subject: str, transport: str, relative: bool) -> None:
    words = words_of(notification(subject, language, transport), ALARM, relative=relative)
    assert words.title and words.body
    assert not any(mark in words.body for mark in "{}")
    assert set(words.keys) == ({"1", "2"} if subject == "summons" and transport == "voice" else set())


def test_staff_are_told_a_surname_and_relatives_the_name() -> None:
    told = notification("summons", "zh-CN", "sms")
    assert "李桂芳" not in words_of(told, ALARM, relative=False).body
    assert "李桂芳" in words_of(told, ALARM, relative=True).body


def test_an_alarm_about_nobody_can_be_said() -> None:
    alarm = {"kind": "ingest_behind", "severity": "urgent", "elder": None, "unit": None}
    words = words_of(notification("summons", "en", "voice"), alarm, relative=False)
    assert words.body.startswith("Anban Urgent alarm: receiving is behind, the district, no wearer registered.")


def test_a_code_is_read_out_digit_by_digit() -> None:
    assert "1 2 3 4 5 6" in words_of(notification("code", "zh-CN", "voice"), None, relative=False).body


def test_times_are_the_districts() -> None:
    assert datetime.fromisoformat(VALUES["task"]["due"]).tzinfo == UTC
    assert "11-22 16:00" in words_of(notification("task", "zh-CN", "sms"), None, relative=False).body
