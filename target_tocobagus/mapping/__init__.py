"""Mapping: from records to stock, by the user's configuration.

A `StreamMapping` is compiled once (`compiler`), and each record goes through the result
(`mapping`):

    record ─ where ─ items ─ identifier ─ shape ─┬─ quantity ─┬─ row ─► Stock, Skipped, RecordError
                                                 └─ location ─┘

    compiler            checks and compiles a user's mapping
    contradictions      which keys of a mapping do not fit together
    mapping             the result: maps records to outcomes
    paths               a value in a record: a column, or else an expression
    expressions         JMESPath, parsed and checked once, with
    functions           functions that calculate exactly, in place of its own
    values              reads lists and objects, also from JSON text; marks of deletion
    shapes              the forms in which a record holds quantities and locations
    api_items           the API's own form
    identifiers         identifiers and location codes, as the texts that are sent
    rules               the policies for quantities and codes; makes the row
    exact_numbers       reads a quantity exactly, also from text (`decimal_mark`)
    declared_numbers    whether the SCHEMA declares a value a number
    record_errors       the codes of errors in a record, and how values are shown
    summing             rows that are parts (`combine: sum`)
    totals              the exact sum of the quantities of parts
    looking_up          reads the pairs of a lookup from the other stream
    replay              only the rejected updates of a row that is piped back
    required_columns    the columns that a mapping needs, and whether they were seen
    parts               warns of rows that look like parts without `combine: sum`
    explaining          the steps from a record to the number sent, for `explain`

It is pure: no record, whatever it holds, raises an error or is guessed at.
"""

from __future__ import annotations

from target_tocobagus.mapping.compiler import compile_mapping
from target_tocobagus.mapping.identifiers import MOST_BYTES
from target_tocobagus.mapping.mapping import CompiledMapping, PlainMapping
from target_tocobagus.mapping.parts import (
    PartsWatch,
    SeenRow,
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
    "SeenRow",
    "compile_mapping",
    "doubt_at_schema",
    "doubt_of_streams",
    "is_deleted",
    "unread_keys",
    "watch_for",
]
