"""Decodes the lines of one stream into a struct of the columns that its mapping reads."""

from __future__ import annotations

from decimal import Decimal
from operator import attrgetter
from sys import getsizeof
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from target_tocobagus.core.json_lines import read_float
from target_tocobagus.mapping import DELETED
from target_tocobagus.mapping.values import BOM
from target_tocobagus.state.checkpoints import OWN_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_tocobagus.core.model import Identifier, Outcome, Stream
    from target_tocobagus.mapping import CompiledMapping, PartsWatch, PlainMapping, SeenRow
    from target_tocobagus.mapping.looking_up import PairReader

_NO_COLUMN: Final = "\x7f"
"""The column of a code or condition if there is none. A column of this name is ignored."""
NOWHERE: Final = object()
"""In place of a location that is not known."""

_MOST_LEARNED: Final = 10_000
_LARGEST_LEARNED: Final = 200
"""Bytes of memory; what is larger is not a quantity that comes often."""
CODES: Final = (str, int)
"""Types of codes whose location is remembered; not ``true``, which equals 1 in Python."""
_LEARNED: Final = (str, int, Decimal)
"""Types of values that are remembered as quantities; equal ones are the same quantity."""


class MappedSink(Protocol):
    """A stream's sink, as far as this room needs it (`sinks.StockSink`)."""

    mapping: CompiledMapping | None
    columns: frozenset[str] | None
    parts: PartsWatch | None
    readers: Sequence[PairReader]
    is_open: bool

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Map a record and pass on its outcomes."""

    def choose(self) -> None:
        """Choose the stream's mapping by what is known now."""

    def outcomes(self, record: dict[str, Any]) -> list[Outcome]:
        """Map a record, and take in its pair."""

    def stream_of(self, stream: Stream) -> Stream:
        """Add to a stream what the ledger keeps of its rows, if there is one."""

    @property
    def record_counter_metric(self) -> Any:
        """The SDK's counter of records."""

    def look_for_parts(self, record: dict[str, Any], outcomes: Iterable[Outcome]) -> None:
        """Warn if the last record contradicts one that is not settled yet."""

    def doubt(
        self, identifier: Identifier, location: str | None, rows: tuple[SeenRow, SeenRow]
    ) -> None:
        """Warn of two rows that contradict each other."""


class StreamDecoder:
    """Decodes the lines of one stream.

    Attributes:
        parts: Looks for rows that are parts of one stock, if the stream's key can tell.
        plain: The columns of a plain mapping; otherwise `None`.
        reader: Reads its pairs, if its records are plain pairs alone; otherwise `None`.
        columns: The columns that are decoded, in the order of the struct's fields.
        decode: Decodes RECORD lines of this stream, and refuses all others.
        places: The location of each code that was seen; see `learn_place`.
        nowhere: The location of a row whose code is not a text: `NOWHERE`, or `None` for global.
        part_of: Reads what tells its part from others: a value, or several.
    """

    def __init__(self, stream: Stream, sink: MappedSink) -> None:
        """Decode what a sink reads.

        Raises:
            ValueError: A column has a name that a struct's field cannot have.
        """
        self.stream = stream
        self.sink = sink
        self.mapping: Any = sink.mapping  # None if its records are pairs alone, and no rows
        own = self.mapping.plain if self.mapping and not sink.readers else None
        self.parts = sink.parts
        keys = sink.parts.columns if sink.parts else ()
        self.plain = own if _is_distinct(own, keys) else None
        self.part_of: Callable[[Any], Any] | None = None
        self.reader = _plain_reader(sink)
        fields: list[tuple[str, Any, Any]] = []
        if self.reader is not None and self.reader.plain is not None:
            self.columns = [DELETED, *self.reader.plain, _NO_COLUMN][:4]
            fields.append(("deleted", None | UnsetType, UNSET))  # refuses every mark but null
            fields += [("match", Any, UNSET), ("found", Any, UNSET)]
            fields.append(("condition", Any, UNSET if self.reader.where else None))
        elif self.plain is None:
            read = {*(read_columns(sink) or ()), *(sink.columns or ()), *keys, DELETED}
            self.columns = sorted(read | {BOM + column for column in read})
            fields += [(f"column_{number}", Any, UNSET) for number in range(len(self.columns))]
        else:
            _, identifier, stock, code, parts = self.plain
            self.columns = [identifier, stock, code or _NO_COLUMN, DELETED, *keys]
            self.part_of = _reader_of(parts, self.columns)
            fields += [(field, Any, UNSET) for field in ("identifier", "stock", "code")]
            fields.append(("deleted", None | UnsetType, UNSET))  # refuses every mark but null
            fields += [("key", Any, None) for _ in keys]
            fields += [
                (f"part_{number}", Any, UNSET) for number in range(len(self.columns) - len(fields))
            ]
        names = dict(zip((field for field, *_ in fields), self.columns, strict=True))
        strict = sink.columns is not None
        record = msgspec.defstruct(
            "Record", fields, rename=names, gc=False, forbid_unknown_fields=strict
        )
        self.decode = _decoder_of(stream.name, record)
        self.places: dict[str | int, str | None] = {}
        self._quantities: dict[str | int | Decimal, int] = {}
        is_global = self.plain is not None and self.plain.warehouse_column is None
        self.nowhere: Any = None if is_global else NOWHERE

    def learn_place(self, code: Any, location: str | None) -> None:
        """Remember the location of a code."""
        if type(code) in CODES and len(self.places) < _MOST_LEARNED:
            self.places[code] = location

    def learn_quantity(self, value: Any, quantity: int) -> None:
        """Remember what a value is as a quantity, if others may have the same value."""
        is_usual = type(value) in _LEARNED and getsizeof(value) <= _LARGEST_LEARNED
        if is_usual and len(self._quantities) < _MOST_LEARNED:
            self._quantities[value] = quantity

    def quantity_of(self, value: Any) -> int | None:
        """Return what a value is as a quantity, if it was learned."""
        return self._quantities.get(value) if type(value) in _LEARNED else None


def _plain_reader(sink: MappedSink) -> PairReader | None:
    """Return what reads the pairs of a stream, if it has nothing else, and they are plain."""
    alone = sink.mapping is None and len(sink.readers) == 1 and sink.columns is None
    return sink.readers[0] if alone and sink.readers[0].plain else None


def _reader_of(parts: Sequence[str], columns: list[str]) -> Callable[[Any], Any] | None:
    """Read the columns of a part, one of which may be the identifier's or the code's.

    Columns that are read for nothing else are added.
    """
    if not parts:
        return None
    columns += [part for part in parts if part not in columns]
    names = ("identifier", "stock", "code", "deleted")
    own = dict(
        zip(columns, (*names, *(f"part_{number}" for number in range(len(columns)))), strict=False)
    )
    return attrgetter(*(own[part] for part in parts))


def read_columns(sink: MappedSink) -> frozenset[str] | None:
    """Join the columns that a sink reads; None if it may be any."""
    columns: frozenset[str] = frozenset()
    read = [each.columns for each in sink.readers]
    for each in [sink.mapping.columns, *read] if sink.mapping else read:
        if each is None:
            return None
        columns |= each
    return columns


def _decoder_of(stream: str, record: type[msgspec.Struct]) -> Callable[[bytes], Any]:
    """Make the decoder for the RECORD lines of a stream; it refuses all others."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        ("type", Literal["RECORD"]),
        ("record", record),
        ("own", None, None),  # refuses every value of our key but null
    ]
    message: Any = msgspec.defstruct(
        "Message", fields, rename={"own": OWN_KEY}, tag_field="stream", tag=stream, gc=False
    )
    return msgspec.json.Decoder(message, float_hook=read_float).decode


def _is_distinct(plain: PlainMapping | None, keys: Sequence[str]) -> bool:
    """Whether a struct can have a field for each column, and one for a key of one column."""
    if plain is None or len(keys) > 1:
        return False
    columns = [plain.identifier_column, plain.stock_column, plain.warehouse_column, *keys]
    return len({*columns, DELETED}) == len(columns) + 1
