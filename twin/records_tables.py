"""The tables of the records: a few columns that queries need, and the noun itself as JSON."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

meta = sa.MetaData()


def _table(name: str, *columns: sa.Column[Any], index: Collection[str] = ()) -> sa.Table:
    indexes = [sa.Index(f"{name}_{column}", column) for column in index]
    return sa.Table(name, meta, *columns, sa.Column("body", sa.LargeBinary, nullable=False), *indexes)


def _text(name: str, *, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, primary_key=key, nullable=False)


def _moment(name: str, *, key: bool = False, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=nullable, autoincrement=False)


counters = sa.Table("counters", meta, _text("name", key=True), _moment("n"))
incidents = _table("incidents", _text("id", key=True), _text("state"), _moment("opened"), _moment("updated"))
anomalies = _table(
    "anomalies",
    _text("id", key=True),
    _text("incident"),
    _moment("since"),
    _moment("until", nullable=True),
    index=("incident", "since", "until"),
)
rankings = _table("rankings", _text("incident", key=True), _moment("at", key=True))
plans = _table("plans", _text("incident", key=True), _moment("at", key=True))
whatifs = _table("whatifs", _text("incident", key=True), _text("plan", key=True), _moment("at", key=True))
commands = _table(
    "commands",
    _text("id", key=True),
    _text("incident"),
    _text("state"),
    _moment("proposed"),
    index=("incident",),
)
gates = _table("gates", _moment("at", key=True))
audit = _table("audit", _text("digest", key=True), _moment("at"), _text("about"), index=("at", "about"))
papers = _table(
    "papers",
    _text("kind", key=True),
    _text("id", key=True),
    _text("about"),
    _moment("at"),
    index=("about",),
)
accounts = _table("accounts", _text("name", key=True))
attempts = sa.Table("attempts", meta, _text("name", key=True), _moment("due"))


def _ddl(statement: str, dialect: str) -> Any:
    ddl: Any = sa.DDL
    return ddl(statement).execute_if(dialect=dialect)


# The audit is never changed and never shortened; the database itself refuses, whoever asks.
for _when in ("UPDATE", "DELETE"):
    event.listen(
        audit,
        "after_create",
        _ddl(
            f"CREATE TRIGGER audit_keeps_{_when} BEFORE {_when} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END",
            "sqlite",
        ),
    )
for _statement in (
    "CREATE OR REPLACE FUNCTION audit_keeps() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$",
    "CREATE TRIGGER audit_keeps BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_keeps()",
):
    event.listen(audit, "after_create", _ddl(_statement, "postgresql"))
