"""The table of known streams: where known taps have their stock.

The rows are in `known_taps.json`, each with a link to the tap's own schema file that it was read
from. A row matches a stream by its name *and* its columns, because two taps' `products` only share
a name. `left_out` has streams with stock that are not recognised, each with the reason: a mapping
there is a draft for a person, and is never sent without a question.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from target_tocobagus.config.settings import StreamMapping, stream_mapping
from target_tocobagus.recognition.fields import has_path, is_own, names_in
from target_tocobagus.recognition.vocabulary import DECIDING, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class LookedUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The stream that a known stream looks up, by its name and its columns."""

    stream: str
    columns: tuple[str, ...]
    others: tuple[str, ...] = ()

    def lacks(self, schema: Any) -> list[str]:
        """List the columns that its SCHEMA does not declare."""
        return [column for column in self.columns if not has_path(schema, column)]


class Beside(msgspec.Struct, frozen=True):
    """What a run knows beside a stream.

    Attributes:
        schemas: Those that have come, by stream.
        has_ledger: The setting `ledger` names one.
    """

    schemas: Mapping[str, Any]
    has_ledger: bool


class KnownStream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the table.

    Attributes:
        columns: The columns that its SCHEMA must declare, as ``column.inner``, also through lists.
        mapping: An entry of the setting `streams`, without its key `stream`.
        source: The tap's file that this was read from.
        others: Other columns whose names could mean that they split the stock or leave rows out,
            but that do not.
        why: For a stream that is left out: what its schema leaves open.
        looks_up: The stream that its identifiers come from.
    """

    tap: str
    stream: str
    columns: tuple[str, ...]
    source: str
    mapping: dict[str, Any] = {}
    others: tuple[str, ...] = ()
    note: str = ""
    why: str = ""
    looks_up: LookedUp | None = None

    def fits(self, stream: str, schema: Any) -> bool:
        """Whether a stream is this one, by its name and its columns."""
        named = fnmatchcase(stream, self.stream)
        return named and all(has_path(schema, column) for column in self.columns)

    def strange(self, schema: Any) -> list[str]:
        """List unknown columns that may split the stock or leave rows out of it.

        They are searched beside the row's own columns.
        """
        scopes = dict.fromkeys(path.rpartition(".")[0] for path in self.columns)
        found = [
            f"{above}.{name}" if above else name
            for above in scopes
            for name in _deciding(schema, above)
        ]
        return [path for path in found if path not in (*scopes, *self.columns, *self.others)]

    def missing(self, beside: Beside) -> str:
        """Say what it needs beside itself; empty if nothing is missing."""
        if self.looks_up is None:
            return ""
        if not beside.has_ledger:
            return "it needs the setting ledger, to remember which item each row is of"
        name = self.looks_up.stream
        if name not in beside.schemas:
            return f"the tap must write the stream {name!r} too, with the SKUs: select it"
        schema = beside.schemas[name]
        if lacks := self.looks_up.lacks(schema):
            return f"the stream {name!r} has no column {', '.join(map(repr, lacks))}: select it"
        known = {*self.looks_up.columns, *self.looks_up.others}
        strange = [column for column in _deciding(schema, "") if column not in known]
        names = ", ".join(map(repr, strange[:3]))
        what = f"{self.tap} does not write {names} in {name!r}: do they change what it says?"
        return what if strange else ""

    def mapping_for(self, stream: str) -> StreamMapping | None:
        """Make the mapping of a stream that fits; ``None`` if the row has none."""
        return stream_mapping({"stream": stream, **self.mapping}) if self.mapping else None


class KnownStreams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole table."""

    known: tuple[KnownStream, ...]
    left_out: tuple[KnownStream, ...]


def row_for(rows: tuple[KnownStream, ...], stream: str, schema: Any) -> KnownStream | None:
    """Find the row that matches a stream."""
    return next((row for row in rows if row.fits(stream, schema)), None)


def _deciding(schema: Any, above: str) -> Iterator[str]:
    """Name the columns that may split the stock, or leave rows out of it."""
    for name in sorted(names_in(schema, above)):
        if is_own(name) and not DECIDING.isdisjoint(tokens(name)):
            yield name


@cache
def looked_up() -> dict[str, str]:
    """Name the streams that known streams look up, each with the one that looks it up."""
    rows = known_streams().known
    return {row.looks_up.stream: row.stream for row in rows if row.looks_up is not None}


@cache
def known_streams() -> KnownStreams:
    """Read the table, once."""
    file = resources.files("target_tocobagus.recognition").joinpath("known_taps.json")
    return msgspec.json.decode(file.read_bytes(), type=KnownStreams)
