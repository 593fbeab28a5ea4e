"""Every SQL statement is made here, so that a test can PREPARE them all against the real schema."""

from typing import Final, LiteralString

from psycopg import sql

STATEMENTS: Final[list[sql.SQL]] = []


def statement(text: LiteralString) -> sql.SQL:
    """Register one SQL statement with named or positional psycopg placeholders."""
    made = sql.SQL(text)
    STATEMENTS.append(made)
    return made
