"""Makes server and machine forget the database's pages, so that a question can be asked cold."""

import os
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from schemas.database import row
from schemas.statements import statement

DATA = statement("SELECT current_setting('data_directory') AS folder, pg_relation_filepath('pg_class') AS path")


class CannotForget(RuntimeError):
    """The server is on another machine or lets nobody empty its memory; says why in one line."""


class Forgetful:
    """Empties the server's buffers (extension pg_buffercache) and the machine's copies of the database's files."""

    def __init__(self, conn: psycopg.Connection[TupleRow]) -> None:
        """Raises CannotForget where that is impossible: no superuser, or a server whose files are elsewhere."""
        self._conn = conn
        try:
            conn.execute("CREATE EXTENSION IF NOT EXISTS pg_buffercache")
            found = row(conn, DATA)
        except psycopg.Error as error:
            raise CannotForget(str(error).splitlines()[0]) from None
        if found is None:
            raise CannotForget("the server does not say where its files are")
        self._folder = (Path(found["folder"]) / found["path"]).parent
        if not os.access(self._folder, os.R_OK | os.X_OK):
            raise CannotForget(f"the server's files in {self._folder} cannot be read")

    def forget(self) -> None:
        """Write what is changed, then drop every page of this database from memory."""
        self._conn.execute("CHECKPOINT")
        self._conn.execute(
            "SELECT count(pg_buffercache_evict(bufferid)) FROM pg_buffercache "
            "WHERE reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        for file in self._folder.iterdir():
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
