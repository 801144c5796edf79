"""What may stand in a file: a stream's columns, its records, and what cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


class Declared(NamedTuple):
    """A stream's columns, by a SCHEMA message or by a catalog.

    Attributes:
        remark: What a catalog's reader should know of the stream.
        keys: Its `key_properties`.
    """

    stream: str
    schema: dict[str, Any]
    remark: str = ""
    keys: tuple[str, ...] = ()


class Sampled(NamedTuple):
    """A record.

    Attributes:
        number: The line's number.
        own: What stands under our key of the message, in a file of rejected rows.
    """

    number: int
    stream: str
    record: Any
    own: Any = None


class Flaw(NamedTuple):
    """Something that cannot be used.

    Attributes:
        number: The number of the line that it stands in, or None where it is in no line.
        what: What it is; to stand behind the line's number.
    """

    number: int | None
    what: str


Content: TypeAlias = Declared | Sampled | Flaw


def keys_of(message: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the `key_properties` of a SCHEMA message, or of a catalog's stream."""
    given = message.get("key_properties")
    return tuple(key for key in given if isinstance(key, str)) if isinstance(given, list) else ()


def has_columns(schema: Any) -> bool:
    """Tell whether a schema is one of records."""
    return isinstance(schema, dict) and isinstance(schema.get("properties"), dict)
