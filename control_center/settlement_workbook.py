"""A settlement as an XLSX workbook: what it comes to, every visit, every correction. Totals are formulas, and beside
each stands the value that the ledger has for it, so that whoever opens it sees whether they agree."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from openpyxl import Workbook
from openpyxl.cell import Cell, MergedCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from control_center.language import Language, text
from control_center.money_cards import Settlement, SettlementLine
from dispatch.money.charging import FRAUD, WAS_THERE
from schemas.district_time import DISTRICT_TIME

YUAN: Final = "#,##0.00"
FIRST: Final = 2
"""The first row below a sheet's headers."""
BOLD: Final = Font(bold=True)

SHEETS: Final = ("summary", "visits", "corrections")
HEADS: Final = ("provider", "month", "number", "state", "drafted_by", "approved_by", "payment")
SUMMARY: Final = ("total", "formula", "ledger", "agrees")
TOTALS: Final = ("visits", "price", "subsidy", "elder_pays", "provider_gets", "adjustment", "due")

Value = str | int | Decimal | None
Ranges = dict[str, str]
"""The cells of each column as a formula names them."""
Sum = tuple[str, str, int | Decimal]
"""Its name, its formula, and what the ledger has for it."""


def yuan(fen: int) -> Decimal:
    """Fen as yuan, exactly."""
    return Decimal(fen) / 100


@dataclass(frozen=True)
class Column:
    """A column: the key of its header, what it shows of a line, how wide it is, whether it is money."""

    key: str
    value: Callable[[SettlementLine, Language], Value]
    width: int = 14
    money: bool = False


def _date(line: SettlementLine, _language: Language) -> str | None:
    return line.served_at.astimezone(DISTRICT_TIME).strftime("%Y-%m-%d %H:%M") if line.served_at else None


def _item(line: SettlementLine, language: Language) -> str | None:
    return line.item_zh if language == "zh-CN" else line.item_en


def _category(line: SettlementLine, language: Language) -> str | None:
    return text(language, f"settlement.category.{line.category}") if line.category else None


def _kind(line: SettlementLine, language: Language) -> str:
    return text(language, f"settlement.kind.{line.kind}")


_ABOUT: Final = (
    Column("order", lambda line, _: line.order_id, 10),
    Column("date", _date, 18),
    Column("item", _item, 26),
    Column("elder", lambda line, _: line.elder, 10),
)
_SUMS: Final = (
    Column("subsidy", lambda line, _: yuan(line.subsidy_fen), money=True),
    Column("elder_pays", lambda line, _: yuan(line.elder_fen), money=True),
    Column("provider_gets", lambda line, _: yuan(line.provider_fen), money=True),
)
VISIT_COLUMNS: Final = (
    *_ABOUT,
    Column("minutes", lambda line, _: line.minutes, 10),
    Column("price", lambda line, _: yuan(line.price_fen), money=True),
    Column("category", _category, 14),
    *_SUMS,
)
CORRECTION_COLUMNS: Final = (
    Column("entry", lambda line, _: line.entry_id, 10),
    Column("kind", _kind, 16),
    *_ABOUT,
    *_SUMS,
    Column("reverses", lambda line, _: line.reverses, 12),
    Column("reason", lambda line, language: _reason(line, language), 40),
)


def _reason(line: SettlementLine, language: Language) -> str | None:
    """Of a visit that did not take place the side that was to blame, else what was written."""
    if line.kind == "no_show" and line.note:
        return text(language, f"settlement.blame.{line.note}")
    if line.kind == "reversal" and line.note in (FRAUD, WAS_THERE):
        return text(language, f"settlement.{line.note}")
    return line.note


def workbook(settlement: Settlement, language: Language) -> bytes:
    """The file, with the sheets summary, visits and corrections in a language."""
    book = Workbook()
    visits = [line for line in settlement.lines if line.kind == "charge"]
    corrections = [line for line in settlement.lines if line.kind != "charge"]
    summary = book.active
    if not isinstance(summary, Worksheet):  # pragma: no cover (a new workbook has one sheet)
        raise TypeError("no sheet")
    summary.title = text(language, "settlement.sheet.summary")
    visit_cells = _sheet(book, text(language, "settlement.sheet.visits"), VISIT_COLUMNS, visits, language)
    corrected = text(language, "settlement.sheet.corrections")
    correction_cells = _sheet(book, corrected, CORRECTION_COLUMNS, corrections, language)
    _summarise(summary, settlement, language, visit_cells, correction_cells)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _put(cell: Cell | MergedCell, value: Value, *, money: bool = False) -> None:
    """Write a value; what people wrote stays text, also where it begins like a formula."""
    if isinstance(cell, MergedCell):
        raise TypeError("a part of a merged cell has no value of its own")
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", value) if isinstance(value, str) else value
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = value[:1] in ("=", "+", "-", "@")
    if money:
        cell.number_format = YUAN


def _sheet(
    book: Workbook, title: str, columns: Sequence[Column], lines: Sequence[SettlementLine], language: Language
) -> Ranges:
    """Add a sheet with a line each; returns its cells by column."""
    sheet: Worksheet = book.create_sheet(title)
    for number, column in enumerate(columns, start=1):
        header = sheet.cell(1, number)
        _put(header, text(language, f"settlement.column.{column.key}"))
        header.font = BOLD
        sheet.column_dimensions[get_column_letter(number)].width = column.width
        for row, line in enumerate(lines, start=FIRST):
            _put(sheet.cell(row, number), column.value(line, language), money=column.money)
    sheet.freeze_panes = "A2"
    return _ranges(sheet, columns, len(lines))


def _ranges(sheet: Worksheet, columns: Sequence[Column], lines: int) -> Ranges:
    """Each column's cells as a formula names them; an empty sheet's are its first, which is empty."""
    last = FIRST + max(lines, 1) - 1
    letters = {column.key: get_column_letter(number) for number, column in enumerate(columns, start=1)}
    return {key: f"'{sheet.title}'!${letter}${FIRST}:${letter}${last}" for key, letter in letters.items()}


def _summarise(
    sheet: Worksheet, settlement: Settlement, language: Language, visits: Ranges, corrections: Ranges
) -> None:
    for row, (key, value) in enumerate(zip(HEADS, _heads(settlement, language), strict=True), start=1):
        _put(sheet.cell(row, 1), text(language, f"settlement.head.{key}"))
        _put(sheet.cell(row, 2), value)
    top = len(HEADS) + 2
    for number, key in enumerate(SUMMARY, start=1):
        header = sheet.cell(top, number)
        _put(header, text(language, f"settlement.summary.{key}"))
        header.font = BOLD
    sums = [*_totals(settlement, language, visits, corrections), *_by_category(settlement, language, visits)]
    for row, (label, formula, value) in enumerate(sums, start=top + 1):
        _put(sheet.cell(row, 1), label)
        sheet.cell(row, 2).value = formula
        _put(sheet.cell(row, 3), value)
        sheet.cell(row, 4).value = f'=IF(ROUND(B{row}-C{row},2)=0,"✓","✗")'
        if isinstance(value, Decimal):
            sheet.cell(row, 2).number_format = sheet.cell(row, 3).number_format = YUAN
    for letter, width in zip("ABCD", (30, 18, 18, 10), strict=True):
        sheet.column_dimensions[letter].width = width


def _heads(settlement: Settlement, language: Language) -> tuple[Value, ...]:
    return (
        settlement.provider.name,
        settlement.month,
        settlement.id,
        text(language, f"settlement.state.{settlement.state}"),
        settlement.drafted_by.name,
        settlement.approved_by.name if settlement.approved_by else None,
        settlement.payment_reference,
    )


def _totals(settlement: Settlement, language: Language, visits: Ranges, corrections: Ranges) -> list[Sum]:
    """Each total as what the lines come to, and as the ledger has it."""
    found = settlement.totals
    sums = {key: f"SUM({visits[key]})" for key in ("price", "subsidy", "elder_pays", "provider_gets")}
    added = f"SUM({corrections['provider_gets']})"
    formulas: dict[str, tuple[str, int | Decimal]] = {
        "visits": (f"=COUNT({visits['order']})", found.visits),
        "price": (f"={sums['price']}", yuan(found.price_fen)),
        "subsidy": (f"={sums['subsidy']}", yuan(found.subsidy_fen)),
        "elder_pays": (f"={sums['elder_pays']}", yuan(found.elder_fen)),
        "provider_gets": (f"={sums['provider_gets']}", yuan(found.provider_fen)),
        "adjustment": (f"={added}", yuan(found.adjustment_fen)),
        "due": (f"={sums['provider_gets']}+{added}", yuan(found.due_fen)),
    }
    return [(text(language, f"settlement.total.{key}"), *formulas[key]) for key in TOTALS]


def _by_category(settlement: Settlement, language: Language, visits: Ranges) -> list[Sum]:
    """What the subsidy pays by the elders' categories, those of which there are visits."""
    sums: dict[str, int] = {}
    for line in settlement.lines:
        if line.kind == "charge" and line.category:
            sums[line.category] = sums.get(line.category, 0) + line.subsidy_fen
    named = {category: text(language, f"settlement.category.{category}") for category in sums}
    return [
        (
            text(language, "settlement.subsidy_of", category=named[category]),
            f'=SUMIF({visits["category"]},"{named[category]}",{visits["subsidy"]})',
            yuan(fen),
        )
        for category, fen in sorted(sums.items())
    ]
