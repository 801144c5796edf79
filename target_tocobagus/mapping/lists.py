"""Lists of objects inside a record; the list or its entries may be JSON text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from target_tocobagus.core.model import RecordError, Skipped
from target_tocobagus.mapping.paths import json_value
from target_tocobagus.mapping.record_errors import PathError, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Entry: TypeAlias = dict[str, Any]
"""A record, or an object inside one."""


def parsed(value: Any) -> Any:
    """Parse the JSON text of a list, an object or null; return other values as they are.

    Raises:
        PathError: The text begins like a list or an object, but is not valid JSON.
    """
    if not isinstance(value, str):
        return value
    if value.strip() in {"", "null"}:
        return None
    found = json_value(value)
    return value if found is None else found


def listed(value: Any, key: str) -> list[Any] | Skipped | RecordError:
    """Read a value as a list, also if it is JSON text.

    Returns:
        A list that is not empty; or why there is none, without identifier.

    Raises:
        PathError: As `parsed`.
    """
    found = parsed(value)
    if found is None or found == []:
        return Skipped(f"{key}: null, or an empty list")
    if not isinstance(found, list):
        return RecordError("BAD_LIST", f"{key}: {shown(found)} is not a list")
    return found


def read_entries(values: Iterable[Any], key: str) -> Iterator[Entry | Skipped | RecordError]:
    """Read each value of a list as an object, also if it is JSON text."""
    for value in values:
        yield value if type(value) is dict else _read_entry(value, key)


def _read_entry(value: Any, key: str) -> Entry | Skipped | RecordError:
    try:
        found = parsed(value)
    except PathError as error:
        return error.refused()
    if isinstance(found, dict):
        return found
    if found is None:
        return Skipped(f"{key}: an entry is null")
    return RecordError("BAD_ENTRY", f"{key}: {shown(found)} is not an object")
