"""The recipes of a document: what a tap writes, the configuration, and the items that are sent.

A section of the cookbook holds them as fenced blocks. `json record` is one or more RECORD messages;
`json config` is a configuration without credentials; `json items` is what is sent of the section's
records under the configuration above it, or under none, by recognition; `text log` is what the log
of that same run says.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.docs.documents import ROOT, sections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

STREAMS: Final[list[dict[str, Any]]] = json.loads(
    (ROOT / "tests" / "data" / "known_streams" / "streams.json").read_text("utf-8")
)
"""Streams of known taps, with their columns as the tap declares them."""

_OTHERS: Final = {"sh", "sql", "yaml"}
"""Languages of blocks that belong to no recipe."""

_TYPES: Final[dict[type, str]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class Recipe(NamedTuple):
    """What one configuration makes of a section's records.

    Attributes:
        title: The section's.
        records: RECORD messages, in the tap's order.
        config: Settings beside the credentials.
        items: What the request's body holds.
        log: Lines that the run logs.
    """

    title: str
    records: tuple[dict[str, Any], ...]
    config: dict[str, Any]
    items: list[dict[str, Any]]
    log: tuple[str, ...]


def recipes(document: Path) -> list[Recipe]:
    """Read the recipes of a document, in their order.

    Raises:
        ValueError: A block stands where it belongs to no recipe, or its fence says something else.
    """
    found: list[Recipe] = []
    for section in sections(document):
        found += _of_section(section.title, section.blocks)
    return found


def _of_section(title: str, blocks: Sequence[tuple[str, str]]) -> Iterator[Recipe]:
    records: list[dict[str, Any]] = []
    config: dict[str, Any] = {}
    recipe: Recipe | None = None
    for language, text in blocks:
        if language == "text log" and recipe:
            recipe = recipe._replace(log=(*recipe.log, *text.splitlines()))
            continue
        if recipe:
            yield recipe
            recipe = None
        if language == "json record":
            records += _messages(text)
        elif language == "json config":
            config = json.loads(text)
        elif language == "json items" and records:
            recipe = Recipe(title, tuple(records), config, json.loads(text), ())
        elif language.split()[0] not in _OTHERS:
            message = f"{title}: a block of {language!r} belongs to no recipe"
            raise ValueError(message)
    if recipe:
        yield recipe


def _messages(text: str) -> Iterator[dict[str, Any]]:
    """Read messages one after the other, each on as many lines as it likes."""
    decoder = json.JSONDecoder()
    rest = text.strip()
    while rest:
        message, end = decoder.raw_decode(rest)
        yield message
        rest = rest[end:].strip()


def declared(title: str, stream: str) -> dict[str, Any] | None:
    """Find the schema that a stream has in the tap which a title names."""
    for row in STREAMS:
        if row["tap"] in title and stream in {row["stream"], *row.get("beside", ())}:
            columns = row["beside"][stream] if stream != row["stream"] else row["properties"]
            return {"type": "object", "properties": columns}
    return None


def inferred(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Make the schema that a tap would declare for records, every column allowing null."""
    columns = {name: None for record in records for name in record}
    return {
        "type": "object",
        "properties": {name: _kind([record.get(name) for record in records]) for name in columns},
    }


def _kind(values: Sequence[Any]) -> dict[str, Any]:
    given = [value for value in values if value is not None]
    kinds = sorted({_TYPES[type(value)] for value in given})
    schema: dict[str, Any] = {"type": [*kinds, "null"] if kinds else ["string", "null"]}
    entries = [entry for value in given if isinstance(value, list) for entry in value]
    objects = [entry for entry in (*entries, *given) if isinstance(entry, dict)]
    inner = inferred(objects)["properties"] if objects else None
    if "array" in kinds:
        schema["items"] = _kind(entries)
    elif inner:
        schema["properties"] = inner
    return schema


def lines(recipe: Recipe) -> bytes:
    """Write what the tap writes: each stream's SCHEMA, then the records, then a STATE."""
    streams: dict[str, list[dict[str, Any]]] = {}
    for message in recipe.records:
        streams.setdefault(message["stream"], []).append(message["record"])
    schemas = [
        {
            "type": "SCHEMA",
            "stream": stream,
            "schema": declared(recipe.title, stream) or inferred(records),
            "key_properties": [],
        }
        for stream, records in streams.items()
    ]
    state = {"type": "STATE", "value": {"bookmarks": {}}}
    messages = (*schemas, *recipe.records, state)
    return b"".join(json.dumps(line).encode() + b"\n" for line in messages)
