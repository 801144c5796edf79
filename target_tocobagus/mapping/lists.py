"""Lists of objects inside a record: also as JSON text, whole or entry by entry."""

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
    """Read the JSON text of a list, an object or null; anything else is what it is.

    Raises:
        Unreadable: It is a text that begins like a list or an object, and is none.
    """
    if not isinstance(value, str):
        return value
    if value.strip() in {"", "null"}:
        return None
    found = json_value(value)
    return value if found is None else found


def listed(value: Any, key: str) -> list[Any] | Skipped | RecordError:
    """Take a value as a list, also the JSON text of one.

    Returns:
        The list, with something in it; or why there is none, without identifier.

    Raises:
        Unreadable: As `parsed`.
    """
    found = parsed(value)
    if found is None or found == []:
        return Skipped(f"{key}: null, or an empty list")
    if not isinstance(found, list):
        return RecordError("BAD_LIST", f"{key}: {shown(found)} is not a list")
    return found


def read_entries(values: Iterable[Any], key: str) -> Iterator[Entry | Skipped | RecordError]:
    """Take each value of a list as an object, also the JSON text of one."""
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
