"""The database below the records: one connection pool, honest errors, writes that happen once.

Every write has a natural key, so doing it twice changes nothing. What must be decided once is one transaction
that holds the write lock from before it reads: BEGIN IMMEDIATE on SQLite, a row lock on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from twin import records_tables as t
from twin.errors import ConfigError, UnavailableError
from twin.model import from_json

SCHEMA = 1
BUSY_S = 15.0  # how long a write waits for another process's write
T = TypeVar("T")
Row = Mapping[str, object]


class Store:
    """Tables that several processes read and write.

    Parameters
    ----------
    url : str
        SQLAlchemy URL: ``sqlite:////path/records.sqlite`` or ``postgresql+psycopg://...``. Nothing is opened
        before the first call, and any number of processes may use the same URL.

    Raises
    ------
    ConfigError
        The URL names no database this installation can speak to.
    UnavailableError
        From any method: the database is away or was busy for longer than `BUSY_S`.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = sa.create_engine(url, **_options(url))
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise ConfigError(f"TWIN_DB_URL={url!r} cannot be used: {error}") from error
        self._writer = self._engine.execution_options(writes=True)
        self._dialect = self._engine.dialect.name
        if self._dialect == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)

    def close(self) -> None:
        """Close every connection of this process."""
        self._engine.dispose()

    def create(self) -> None:
        """Make the tables where they are missing; safe when several processes start at once.

        Raises
        ------
        ConfigError
            The database was written by a newer program.
        """
        if self._dialect == "sqlite" and self._engine.url.database:
            Path(self._engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        with self._writing() as c:
            if self._dialect == "postgresql":
                c.execute(sa.text("SELECT pg_advisory_xact_lock(20260212)"))
            t.meta.create_all(c)
            for name, n in (("schema", SCHEMA), ("revision", 0)):
                c.execute(self._insert(t.counters, {"name": name, "n": n}).on_conflict_do_nothing())
            found = c.scalar(sa.select(t.counters.c.n).where(t.counters.c.name == "schema"))
        if found != SCHEMA:
            raise ConfigError(
                f"the records are of version {found}, this program knows {SCHEMA}: "
                "install the newer program, or point TWIN_DB_URL at another database"
            )

    def revision(self) -> int:
        """A number that grows with every write that changed something; equal means nothing is new."""
        with self._reading() as c:
            return int(c.scalar(sa.select(t.counters.c.n).where(t.counters.c.name == "revision")) or 0)

    def _insert(self, table: sa.Table, row: Row) -> sqlite.Insert | postgresql.Insert:
        insert = postgresql.insert if self._dialect == "postgresql" else sqlite.insert
        return insert(table).values(**row)

    def _put(
        self, c: sa.Connection, table: sa.Table, row: Row, *, only_newer: str = "", bump: bool = True
    ) -> None:
        """Insert, or overwrite by primary key where something differs; the revision grows only then."""
        insert = self._insert(table, row)
        keys = [column.name for column in table.primary_key]
        changed = {name: insert.excluded[name] for name in row if name not in keys}
        differs: sa.ColumnElement[bool] = sa.or_(
            *(table.c[name].is_distinct_from(value) for name, value in changed.items())
        )
        if only_newer:
            differs = sa.and_(differs, table.c[only_newer] <= insert.excluded[only_newer])
        self._wrote(
            c, insert.on_conflict_do_update(index_elements=keys, set_=changed, where=differs), bump=bump
        )

    @staticmethod
    def _wrote(c: sa.Connection, insert: sqlite.Insert | postgresql.Insert, *, bump: bool = True) -> bool:
        """Run an insert; if it wrote a row the revision grows. Tells whether it did."""
        key = next(iter(insert.table.primary_key))
        wrote = c.execute(insert.returning(key)).first() is not None
        if wrote and bump:
            # One row that every writer locks last: revisions are handed out in the order of the commits.
            grown = {"n": t.counters.c.n + 1}
            c.execute(sa.update(t.counters).where(t.counters.c.name == "revision").values(grown))
        return wrote

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with _honest(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with _honest(), self._engine.connect() as connection:
            yield connection

    def _all(self, query: sa.Select[Any], kind: type[T]) -> list[T]:
        with self._reading() as c:
            return [from_json(body, kind) for body in c.scalars(query)]

    def _one(self, query: sa.Select[Any], kind: type[T]) -> T | None:
        with self._reading() as c:
            return noun_of(c.scalar(query), kind)


def noun_of(body: bytes | None, kind: type[T]) -> T | None:
    """Read a noun back from its JSON; None where there was no row."""
    return None if body is None else from_json(body, kind)


@contextmanager
def _honest() -> Iterator[None]:
    """Turn the driver's errors into ours: what may work later, and what never will."""
    try:
        yield
    except PoolTimeout as error:
        raise UnavailableError("the records are busy: no free connection") from error
    except DBAPIError as error:
        if "no such table" in str(error.orig) or 'relation "' in str(error.orig):
            raise ConfigError("the records have no tables yet: call Records.create() first") from error
        if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
            raise UnavailableError(f"the records do not answer: {error.orig}") from error
        raise


def _options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": BUSY_S}}
    return {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 10}


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Several processes on one file: readers never wait, and what was committed survives a power cut."""
    connection.isolation_level = None  # we begin transactions ourselves, see _begin_sqlite
    connection.execute(f"PRAGMA busy_timeout={int(BUSY_S * 1000)}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A deferred transaction that reads and then writes can fail half-way; one that is going to write asks
    # for the write lock first, and waits its turn there.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
