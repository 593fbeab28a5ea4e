"""A desk for the tests of dispatch."""

from datetime import datetime

import pytest

from tests.integration.dispatch.desk import Desk
from tests.integration.district import Connection


@pytest.fixture
def desk(storage_conn: Connection, now: datetime) -> Desk:
    """A desk on each storage."""
    return Desk(storage_conn, now)
