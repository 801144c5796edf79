"""Mapping: from records to stock, by the user's configuration.

A `StreamMapping` is compiled once (`compiler`), and each record goes through the result
(`mapping`):

    record ─ where ─ items ─ identifier ─ shape ─┬─ quantity ─┬─ row ─► Stock, Skipped, RecordError
                                                 └─ location ─┘

`paths` reads values of a record, `shapes` and `api_items` hold the forms of records, `identifiers`
and `rules` check the values, and `rules` makes the row. It is pure: no record, whatever it
holds, raises an error or is guessed at.
"""

from __future__ import annotations

from target_tocobagus.mapping.compiler import compile_mapping
from target_tocobagus.mapping.identifiers import MOST_BYTES
from target_tocobagus.mapping.mapping import CompiledMapping, PlainMapping
from target_tocobagus.mapping.parts import (
    PartsWatch,
    Row,
    doubt_at_schema,
    doubt_of_streams,
    unread_keys,
    watch_for,
)
from target_tocobagus.mapping.record_errors import RECORD_ERRORS
from target_tocobagus.mapping.rules import Quantities
from target_tocobagus.mapping.values import DELETED, is_deleted

__all__ = [
    "DELETED",
    "MOST_BYTES",
    "RECORD_ERRORS",
    "CompiledMapping",
    "PartsWatch",
    "PlainMapping",
    "Quantities",
    "Row",
    "compile_mapping",
    "doubt_at_schema",
    "doubt_of_streams",
    "is_deleted",
    "unread_keys",
    "watch_for",
]
