"""Questions about many items at once: their identifiers come as one JSON text.

No database takes a million parameters, and PostgreSQL would be asked over the network for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import JSON, Text, bindparam, cast, func, literal_column, select, true

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Column, ColumnElement, Table

    from target_tocobagus.core.model import Identifier


def ask_by_items(
    table: Table,
    columns: Sequence[Any],
    *conditions: ColumnElement[bool],
    is_sqlite: bool,
    whether: ColumnElement[bool] | None = None,
) -> Any:
    """Ask for the rows of items of one kind, as one JSON text of lists.

    With `whether` there is a second answer: whether that is true of any row.

    PostgreSQL gets a subquery that it must run for each item, by the index: it keeps a plan that
    it made while the table was empty, and that plan would read the whole table each time.
    """
    of_kind = table.c.kind == bindparam("kind", type_=Text)
    return ask_by(
        table.c.identifier, columns, of_kind, *conditions, is_sqlite=is_sqlite, whether=whether
    )


def ask_by(
    column: Column[Any],
    columns: Sequence[Any],
    *conditions: ColumnElement[bool],
    is_sqlite: bool,
    whether: ColumnElement[bool] | None = None,
) -> Any:
    """Ask for the rows that have one of the parameter `identifiers` in a column."""
    each = each_identifier(is_sqlite=is_sqlite)
    also = [] if whether is None else [whether.label("whether")]
    if is_sqlite:
        asked = ask_among(column, columns, *conditions, is_sqlite=True)
        return asked.add_columns(*map(func.max, also))
    of_one = select(*columns, *also).where(*conditions, column == each.c.value)
    found = of_one.offset(literal_column("0")).lateral()
    row = func.json_build_array(*list(found.c)[: len(columns)])
    are_any = [func.bool_or(found.c.whether) for _ in also]
    return select(cast(func.json_agg(row), Text), *are_any).select_from(each.join(found, true()))


def ask_among(
    column: Column[Any], columns: Sequence[Any], *conditions: ColumnElement[bool], is_sqlite: bool
) -> Any:
    """Ask the same in one pass over all rows, where PostgreSQL has no index on the column."""
    among = column.in_(select(each_identifier(is_sqlite=is_sqlite).c.value))
    if is_sqlite:
        rows: Any = func.json_group_array(func.json_array(*columns))
    else:
        rows = cast(func.json_agg(func.json_build_array(*columns)), Text)
    return select(rows).where(*conditions, among)


def each_identifier(*, is_sqlite: bool) -> Any:
    """Read the parameter `identifiers` as rows of one column, `value`."""
    asked = bindparam("identifiers", type_=Text)
    if is_sqlite:
        return func.json_each(asked).table_valued("value")
    return func.json_array_elements_text(cast(asked, JSON)).table_valued("value")


def parameters(identifiers: Iterable[Identifier]) -> list[tuple[str, dict[str, Any]]]:
    """Return the kinds, each with the parameters of the question about its items."""
    pairs = list(identifiers)
    return [
        (kind, {"kind": kind, "identifiers": as_json([text for of, text in pairs if of == kind])})
        for kind in {kind for kind, _ in pairs}
    ]


def as_json(value: Any) -> str:
    """Encode rows for a statement."""
    return msgspec.json.encode(value).decode()
