"""What may stand in a file: a stream's columns, its records, and what cannot be used."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias


class Declared(NamedTuple):
    """A stream's columns, by a SCHEMA message or by a catalog.

    Attributes:
        remark: What a catalog's reader should know of the stream.
    """

    stream: str
    schema: dict[str, Any]
    remark: str = ""


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


def has_columns(schema: Any) -> bool:
    """Tell whether a schema is one of records."""
    return isinstance(schema, dict) and isinstance(schema.get("properties"), dict)
