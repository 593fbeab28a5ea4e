"""The message files speak of the same things, and of everything that can be said."""

import re
from string import Formatter
from typing import Any, get_args

import pytest

from control_center.compliance import COLUMNS
from control_center.errors import STATUS, FieldCode, RequestCode, field_texts
from control_center.language import LANGUAGES, load, preferred, text
from control_center.settlement_workbook import CORRECTION_COLUMNS, HEADS, SHEETS, SUMMARY, TOTALS, VISIT_COLUMNS
from dispatch.catalogue.subsidies import CATEGORIES
from dispatch.compliance import MEASURES
from dispatch.money.ledger import EntryKind
from dispatch.money.settlements import SettlementState
from dispatch.refusals import RefusalCode
from dispatch.service_level.pay_rules import Blame


def placeholders(message: str) -> set[str | None]:
    """The names that a text wants filled in."""
    return {name for _, name, _, _ in Formatter().parse(message) if name is not None}


def settlement_words() -> set[str]:
    """What a settlement's workbook says."""
    columns = {column.key for column in (*VISIT_COLUMNS, *CORRECTION_COLUMNS)}
    groups = {
        "column": columns,
        "head": HEADS,
        "sheet": SHEETS,
        "summary": SUMMARY,
        "total": TOTALS,
        "category": CATEGORIES,
        "kind": get_args(EntryKind),
        "blame": get_args(Blame),
        "state": get_args(SettlementState),
    }
    return {f"settlement.{group}.{word}" for group, words in groups.items() for word in words} | {
        "settlement.subsidy_of",
        "settlement.fraud",
        "settlement.was_there",
    }


def test_every_language_has_the_same_keys_and_placeholders() -> None:
    first, *others = (load(language) for language in LANGUAGES)
    for other in others:
        assert set(other) == set(first)
        assert {key: placeholders(message) for key, message in other.items()} == {
            key: placeholders(message) for key, message in first.items()
        }


def test_every_code_has_a_text_and_every_text_a_code() -> None:
    errors = {f"errors.{code}" for code in (*get_args(RequestCode), *get_args(RefusalCode))}
    fields = {f"fields.{code}" for code in get_args(FieldCode)}
    report = {f"compliance.{word}" for word in (*COLUMNS, *MEASURES, "passed", "missed", "all", "none")}
    assert set(load("en")) == errors | fields | report | settlement_words()
    assert {f"errors.{code}" for code in STATUS} == errors


def test_chinese_is_chinese_and_english_is_english() -> None:
    assert all(re.search("[\u4e00-\u9fff]", message) for message in load("zh-CN").values())
    assert all(message.isascii() for message in load("en").values())


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh-CN"),
        ("", "zh-CN"),
        ("en", "en"),
        ("EN-gb", "en"),
        ("zh-TW,en;q=0.9", "zh-CN"),
        ("en;q=0.3, zh;q=0.8", "zh-CN"),
        ("de-DE, en;q=0.5", "en"),
        ("fr, de", "zh-CN"),
        ("en;q=0", "zh-CN"),
        ("en;q=nan", "zh-CN"),
        ("en;q=9", "zh-CN"),
        ("en;level=1", "zh-CN"),
        (";;;,,,=", "zh-CN"),
        ("*", "zh-CN"),
    ],
)
def test_the_language_follows_the_header(header: str | None, language: str) -> None:
    assert preferred(header) == language


def test_a_field_is_named_with_its_limit_and_never_with_its_value() -> None:
    faults: list[dict[str, Any]] = [
        {"type": "string_too_long", "loc": ("body", "note"), "ctx": {"max_length": 20}, "input": "secret"},
        {"type": "missing", "loc": ("body", "outcome")},
        {"type": "something_new", "loc": ("query",), "input": "secret"},
    ]
    assert field_texts("en", faults) == {"note": "At most 20 characters", "outcome": "Required", "query": "Not valid"}
    with pytest.raises(KeyError):
        text("en", "errors.unheard_of")
