"""The table of known streams: which tap's stream holds its stock where.

The rows are in `known_taps.json`, each with a link to the tap's own schema file that it was
read from. A row fits a stream by its name *and* its columns, since two taps' `products` share no
more than a name. `left_out` names the streams that hold stock and yet are not recognised, each
with why: its mapping, if it has one, is where a person may start, never what is sent unasked.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from target_tocobagus.recognition.fields import has_path, is_own, names_in
from target_tocobagus.recognition.vocabulary import DECIDING, tokens
from target_tocobagus.recognition.yaml_lines import from_config

if TYPE_CHECKING:
    from target_tocobagus.config.settings import StreamMapping


class KnownStream(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the table.

    Attributes:
        stream: The stream's name, or a glob.
        columns: What its SCHEMA must declare, as ``column.inner``, lists passed through.
        mapping: An element of the setting `streams`, without its key `stream`.
        source: The tap's file that this was read from.
        others: What its SCHEMA may declare besides, and could be taken for what splits the stock or
            leaves rows out of it, but is not.
        note: What a user should know of it.
        why: For a stream that is left out, what its schema does not settle.
    """

    tap: str
    stream: str
    columns: tuple[str, ...]
    source: str
    mapping: dict[str, Any] = {}
    others: tuple[str, ...] = ()
    note: str = ""
    why: str = ""

    def fits(self, stream: str, schema: Any) -> bool:
        """Tell whether a stream is this one, by its name and its columns."""
        named = fnmatchcase(stream, self.stream)
        return named and all(has_path(schema, column) for column in self.columns)

    def strange(self, schema: Any) -> list[str]:
        """List the columns that may split the stock or leave rows out, and that nobody has judged.

        They are looked for where the row's own columns are.
        """
        scopes = dict.fromkeys(path.rpartition(".")[0] for path in self.columns)
        found = [
            f"{above}.{name}" if above else name
            for above in scopes
            for name in sorted(names_in(schema, above))
            if is_own(name) and not DECIDING.isdisjoint(tokens(name))
        ]
        return [path for path in found if path not in (*scopes, *self.columns, *self.others)]

    def mapping_for(self, stream: str) -> StreamMapping | None:
        """Make the mapping of the stream that fits; ``None`` where there can be none."""
        return from_config({"stream": stream, **self.mapping}) if self.mapping else None


class KnownStreams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole table."""

    known: tuple[KnownStream, ...]
    left_out: tuple[KnownStream, ...]


def row_for(rows: tuple[KnownStream, ...], stream: str, schema: Any) -> KnownStream | None:
    """Find the row that a stream fits."""
    return next((row for row in rows if row.fits(stream, schema)), None)


@cache
def known_streams() -> KnownStreams:
    """Read the table, once."""
    file = resources.files("target_tocobagus.recognition").joinpath("known_taps.json")
    return msgspec.json.decode(file.read_bytes(), type=KnownStreams)
