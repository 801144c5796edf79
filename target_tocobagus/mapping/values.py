"""The values in a record: of objects and lists, also if they are JSON text; and what marks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from target_tocobagus.core.json_lines import decode_text
from target_tocobagus.core.model import RecordError, Skipped
from target_tocobagus.mapping.record_errors import PathError, shown

Read: TypeAlias = Callable[[Any], Any]
"""Reads a value from a record or an entry of a list; may only raise `PathError`."""

Entry: TypeAlias = dict[str, Any]
"""A record, or an object inside one."""

BOM: Final = "\ufeff"
DELETED: Final = "_sdc_deleted_at"
"""The column in which a tap marks a deleted row."""


def is_deleted(record: Entry) -> bool:
    """Whether a tap marked a record as deleted; null, false and an empty text do not count.

    A tap without types writes false as a text, and a database without truth values as 0.
    """
    mark = record.get(DELETED)
    return mark is not None and str(mark).strip().lower() not in {"", "false", "0"}


def is_true(value: Any) -> bool:
    """Whether a value is true in JMESPath: not null, false or empty."""
    if isinstance(value, (str, list, dict)):
        return bool(value)
    return value is not None and value is not False


def member(value: Any, name: str) -> Any:
    """Read a key of an object, or of the JSON text of one; None if there is none."""
    if isinstance(value, str):
        value = json_value(value)
    if not isinstance(value, dict):
        return None
    found = value.get(name)
    return value.get(BOM + name) if found is None else found


def json_value(text: str) -> Any:
    """Parse the JSON text of a list or an object, with exact numbers; None for any other text.

    Raises:
        PathError: It begins like one, but is not valid JSON.
    """
    if not text.lstrip().startswith(("[", "{")):
        return None
    try:
        return decode_text(text)
    except ValueError:
        message = f"{shown(text)} looks like JSON but is not valid"
        raise PathError(RecordError("BAD_JSON", message)) from None


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
