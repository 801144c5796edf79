"""The first rows of a stream, and the levels that they are about: to be shown beside each other."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from target_tocobagus.config.settings import parse_settings
from target_tocobagus.core.errors import TocobagusError
from target_tocobagus.core.json_lines import decode_line, value_at
from target_tocobagus.core.model import Part, RecordError, Skipped, Stock
from target_tocobagus.recognition.stream_router import StreamRouter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_tocobagus.core.model import Identifier, Outcome
    from target_tocobagus.mapping import CompiledMapping

_MOST_LINES: Final = 200
_MOST_ROWS: Final = 5
_MOST_COLUMNS: Final = 4


class About(NamedTuple):
    """A level that a row is about.

    Attributes:
        quantity: What the mapping made of it; None if it has none, or is a part of a sum.
        why: Why no stock of it was sent: a rejection's code, or "skipped"; empty if it was sent.
    """

    identifier: Identifier | None
    location: str | None
    quantity: int | None = None
    why: str = ""


class Given(NamedTuple):
    """A row that went in.

    Attributes:
        columns: Those that its mapping reads, by name, as they came.
    """

    columns: dict[str, str]
    about: tuple[About, ...]


def first_rows(stream: Path, config: dict[str, Any]) -> list[Given]:
    """Read the first rows of a file's first stream that has a mapping; none if there is none."""
    if not stream.is_file():  # a pipe has been read by the target
        return []
    try:
        return list(islice(_rows(stream, StreamRouter(_settings(config))), _MOST_ROWS))
    except (TocobagusError, ValueError):  # the target says what is wrong
        return []


def _settings(config: dict[str, Any]) -> Any:
    return parse_settings({**config, "dry_run": True})


def _rows(stream: Path, router: StreamRouter) -> Iterator[Given]:
    """Map the records of the first mapped stream."""
    first, mapping = "", None
    with stream.open("rb") as file:
        for line in islice(file, _MOST_LINES):
            message = decode_line(line)
            kind, name = value_at(message, "type"), value_at(message, "stream")
            schema, record = value_at(message, "schema"), value_at(message, "record")
            if kind == "SCHEMA" and first in {"", name} and value_at(schema, "properties"):
                mapping = router.choose(name, schema, value_at(message, "key_properties")).mapping
                first = name if mapping else ""
            elif mapping and name == first and isinstance(record, dict):
                yield _given(record, mapping)


def _given(record: dict[str, Any], mapping: CompiledMapping) -> Given:
    names = [name for name in record if mapping.columns is None or name in mapping.columns]
    columns = {name: _text(record[name]) for name in names[:_MOST_COLUMNS]}
    about = [each for outcome in mapping.outcomes(record) for each in _about(outcome)]
    return Given(columns, tuple(about))


def _about(outcome: Outcome) -> Iterator[About]:
    if isinstance(outcome, Stock):
        yield About(outcome.identifier, outcome.location, outcome.quantity)
    elif isinstance(outcome, Part):
        for identifier, location, _ in outcome.rows:
            yield About(identifier, location)
    elif isinstance(outcome, RecordError):
        yield About(outcome.identifier, outcome.location, why=outcome.code)
    elif isinstance(outcome, Skipped):
        yield About(None, None, why="skipped")


def _text(value: Any) -> str:
    return "null" if value is None else str(value)
