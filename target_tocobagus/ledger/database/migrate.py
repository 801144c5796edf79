"""Brings the tables of a ledger to this program's version, and refuses later ones."""

from __future__ import annotations

import logging
from importlib import resources
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, MetaData, Table, Text, delete, insert, inspect, select

from target_tocobagus import __version__
from target_tocobagus.core.errors import LedgerRefused
from target_tocobagus.ledger.database import schema

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD: Final = "0003"
"""The latest step; Alembic is only imported if a ledger is at another one."""

VERSION_TABLE: Final = "tocobagus_alembic_version"
_version: Final = Table(VERSION_TABLE, MetaData(), Column("version_num", Text))


def is_current(connection: Connection) -> bool:
    """Whether the tables are this program's; false if there are none, or they are older.

    Raises:
        LedgerRefused: They were made by a later version.
    """
    return step_of(connection) == HEAD


def step_of(connection: Connection) -> str | None:
    """Return the step that the tables are at; ``None`` if there are none.

    Raises:
        LedgerRefused: They were made by a later version.
    """
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    step: str | None = connection.execute(select(_version.c.version_num)).scalar()
    if step is not None and step > HEAD:
        writer = connection.execute(select(schema.written_by.c.version)).scalar()
        message = (
            f"the ledger was written by target-tocobagus {writer} and this is {__version__}: use"
            f" {writer} or later"
        )
        raise LedgerRefused(message)
    return step


def migrate(connection: Connection) -> None:
    """Create the tables, or change older ones, in the transaction of the caller.

    Where there are none, all steps together make what `schema` says.
    """
    if step_of(connection) is None:
        schema.create_tables(connection)
        _version.create(connection)
        connection.execute(insert(_version), {"version_num": HEAD})
    else:
        upgrade(connection, HEAD)
    connection.execute(delete(schema.written_by))
    connection.execute(insert(schema.written_by), {"version": __version__})


def upgrade(connection: Connection, step: str) -> None:
    """Take the steps up to this one."""
    # Before the import, which logs too: that tables are created is not an event.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = resources.files("target_tocobagus.ledger.database") / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes |= {"connection": connection, "version_table": VERSION_TABLE}
    command.upgrade(config, step)
