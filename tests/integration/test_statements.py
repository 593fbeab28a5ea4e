"""Every SQL statement is valid against the real schema."""

import importlib
import pkgutil
import re

import psycopg
from psycopg.rows import TupleRow

import control_center
import device_sim
import dispatch
import ingest
import load_tests
import schemas
from schemas.statements import STATEMENTS

PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def _import_everything() -> None:
    for package in (schemas, dispatch, ingest, control_center, device_sim, load_tests):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # Importing locust would make every blocking call of this process cooperative; it brings no statement.
            if not module.name.endswith(("__main__", ".locustfile")):
                importlib.import_module(module.name)


def _positional(text: str) -> str:
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return PLACEHOLDER.sub(number, text).replace("%%", "%")


def test_every_statement_prepares_on_every_storage(storage_conn: psycopg.Connection[TupleRow]) -> None:
    _import_everything()
    assert len(STATEMENTS) > 30
    for index, statement in enumerate(STATEMENTS):
        text = _positional(statement.as_string(None))
        storage_conn.execute(f"PREPARE statement_{index} AS {text}".encode())
