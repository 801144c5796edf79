"""Mapping: what a record says of stock, by the user's words for where it stands.

A `StreamMapping` is compiled once (`compiling`), and each record then goes through the result
(`compiled`):

    record ─ where ─ items ─ identifier ─ shape ─┬─ quantity ─┬─ row ─► Stock · Skipped · Refused
                                                 └─ location ─┘

`paths` reads a place in a record, `identifiers`, `quantities` and `locations` judge what stands
there, `shapes` and `native` know in what forms records say it, and `rows` is where the three come
together. It is a pure step: no record, whatever it holds, raises anything or is guessed at.
"""

from __future__ import annotations

from target_tocobagus.mapping.compiler import compile_mapping
from target_tocobagus.mapping.identifiers import MOST_BYTES
from target_tocobagus.mapping.locations import Locations
from target_tocobagus.mapping.mapping import CompiledMapping, PlainMapping, is_deleted
from target_tocobagus.mapping.needing import DELETED, InnerNeed
from target_tocobagus.mapping.parts import (
    PartsWatch,
    Row,
    doubt_at_schema,
    doubt_of_streams,
    unread_keys,
    watch_for,
)
from target_tocobagus.mapping.quantities import Quantities
from target_tocobagus.mapping.record_errors import RECORD_ERRORS
from target_tocobagus.mapping.row_rules import Rows

__all__ = [
    "DELETED",
    "MOST_BYTES",
    "RECORD_ERRORS",
    "CompiledMapping",
    "InnerNeed",
    "Locations",
    "PartsWatch",
    "PlainMapping",
    "Quantities",
    "Row",
    "Rows",
    "compile_mapping",
    "doubt_at_schema",
    "doubt_of_streams",
    "is_deleted",
    "unread_keys",
    "watch_for",
]
