"""The fast path: RECORD lines of which only the mapped columns are decoded.

Of a record with sixty columns a mapping reads three, and decoding the other fifty-seven into Python
objects costs more than everything after it. So each stream has a struct of its mapped columns, and
its lines are decoded into that; the decoder skips the rest. Each decoder accepts the lines of its
own stream only; the next decoder is looked up only when the latest has refused a line.

A line takes one of three ways, which give the same updates and rejections:

1. *As it is*: the mapping has one identifier, one quantity and at most one location, and no rule
   changes the values: a clean text, a whole number within its bounds, a code seen before.
2. *By columns*: any other values of such a mapping, through `CompiledMapping.row`; and any other
   mapping, through `CompiledMapping.outcomes` with a record that has its columns only.
3. *The general way*, which defines the right result: every line that the decoder refuses (another
   type of message, NaN, invalid UTF-8), a deleted row, a rejected row that was piped back, and each
   stream until its SCHEMA and its columns are known. `read` stops there and says where.

Invariants:
- The fast path skips only work that the mapping's rules prove to change nothing: the first way asks
  `Quantities.unchanged_to`, and learns a code's location only from an outcome of the second.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from target_tocobagus.core.json_lines import REFUSED, read_float
from target_tocobagus.core.model import Level, Stock
from target_tocobagus.mapping import DELETED, MOST_BYTES, Row
from target_tocobagus.mapping.paths import BOM
from target_tocobagus.state.checkpoints import OWN_KEY
from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_tocobagus.core.model import Identifier, Outcome, Stream
    from target_tocobagus.mapping import CompiledMapping, PartsWatch, PlainMapping
    from target_tocobagus.pipeline.run import Pipeline

_NO_COLUMN: Final = "\x7f"
"""The code's column if a mapping has none. A column of this name is ignored."""

_MOST_CODES: Final = 10_000
_SURELY_SHORT: Final = MOST_BYTES // 4
"""An identifier of so few characters cannot have too many bytes."""
_NOWHERE: Final = object()


class MappedSink(Protocol):
    """A stream's sink, as far as this room needs it (`sinks.StockSink`)."""

    mapping: CompiledMapping | None
    columns: frozenset[str] | None
    parts: PartsWatch | None
    is_open: bool

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Map a record and pass on its outcomes."""

    def stream_of(self, stream: Stream) -> Stream:
        """Add to a stream what the ledger keeps of its rows, if there is one."""

    @property
    def record_counter_metric(self) -> Any:
        """The SDK's counter of records."""

    def look_for_parts(self, record: dict[str, Any], outcomes: Iterable[Outcome]) -> None:
        """Warn if the last record contradicts one that is not settled yet."""

    def doubt(self, identifier: Identifier, location: str | None, rows: tuple[Row, Row]) -> None:
        """Warn of two rows that contradict each other."""


class FastPath:
    """Reads as many lines of a chunk as it can, into a pipeline.

    Attributes:
        latest: The decoder that the next line is tried with; None while no stream is open.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._streams: dict[str, _StreamDecoder] = {}
        self.latest: _StreamDecoder | None = None

    def open(self, stream: Stream, sink: MappedSink) -> None:
        """Read a stream from now on, if its mapping reads known columns."""
        if sink.mapping is None or sink.mapping.columns is None:
            return
        try:
            decoder = _StreamDecoder(stream, sink, sink.mapping)
        except ValueError:
            # A column's name has a character that a struct's field cannot have (a quote, a tab).
            return
        self.latest = self._streams[stream.name] = decoder

    def close(self, stream: str) -> None:
        """Leave a stream to the general way: its SCHEMA is about to change."""
        if self._streams.pop(stream, None) is self.latest:
            self.latest = next(iter(self._streams.values()), None)

    def read(self, lines: Sequence[bytes], start: int) -> int:
        """Read lines from `start` on, as long as they are records of known streams.

        Returns:
            The index of the first line that is left to the general way, or the end.
        """
        place, decoder = start, self.latest
        while decoder is not None and place < len(lines):
            self.latest, began = decoder, self._pipeline.position
            read = self._read_rows if decoder.plain else self._read_columns
            read(decoder, lines, place)
            handled = self._pipeline.position - began
            decoder.sink.record_counter_metric.increment(handled)
            if decoder.parts is not None and decoder.sink.parts is None:
                self.close(decoder.stream.name)  # it has been warned about: read without its key
                self.open(decoder.stream, decoder.sink)
            place += handled
            if place < len(lines):
                following = self._streams.get(_stream_of(lines[place]))
                decoder = None if following is decoder else following
        return place

    def _read_rows(self, decoder: _StreamDecoder, lines: Sequence[bytes], start: int) -> None:
        """Read rows of a plain mapping, as they are or by their columns.

        Every row of a large stream goes through this loop, so it makes as few calls as it can.
        """
        pipeline, decode = self._pipeline, decoder.decode
        append = pipeline.row_buffer.items.append
        stream, places, nowhere = decoder.stream, decoder.places, decoder.nowhere
        kind, unchanged_to = decoder.mapping.kinds[0], decoder.mapping.rules.quantities.unchanged_to
        keeps_lines = pipeline.keeps_lines
        see = None if decoder.parts is None else decoder.parts.see
        position = pipeline.position
        last: Any = _NOWHERE  # differs from every value of a column, also from null
        identifier: Identifier = (kind, "")
        item: Item | None = None  # to add rows of the same identifier to
        as_is = 0
        try:
            for line in islice(lines, start, None):
                try:
                    message = decode(line)
                except REFUSED:
                    break
                record = message.record
                sku, quantity, code = record.identifier, record.stock, record.code
                if (
                    sku != last
                    and type(sku) is str
                    and sku
                    and sku.strip() == sku
                    and len(sku) <= _SURELY_SHORT
                    and "\0" not in sku
                    and "E+" not in sku
                ):
                    identifier, item = (kind, sku), None
                    last = sku
                place: Any = places.get(code, _NOWHERE) if type(code) is str else nowhere
                if (
                    sku == last
                    and place is not _NOWHERE
                    and type(quantity) is int
                    and 0 <= quantity <= unchanged_to
                ):
                    position += 1
                    as_is += 1
                    if item is None:
                        levels: dict[str | None, Level] = {}
                        item = Item(identifier, levels, position)
                        append(item)
                    if not quantity:
                        item.urgent = True
                    levels[place] = Level(quantity, position, stream, line if keeps_lines else b"")
                    if see is not None:
                        row = Row(record.key, quantity, position)
                        before = see(identifier, place, row)
                        if before is not None:
                            decoder.sink.doubt(identifier, place, (before, row))
                elif sku is UNSET or quantity is UNSET or (code is UNSET and nowhere is _NOWHERE):
                    break
                else:
                    position += 1
                    self._count(position, as_is)
                    as_is = 0
                    item = None  # which may be handed over now
                    self._read_values(decoder, record, line)
        finally:  # also if the run must stop while reading waits for room
            self._count(position, as_is)

    def _count(self, position: int, as_is: int) -> None:
        """Tell the pipeline the position, and how many rows were added as they are."""
        self._pipeline.position = position
        self._pipeline.totals.updates += as_is
        self._pipeline.row_buffer.rows += as_is

    def _read_values(self, decoder: _StreamDecoder, record: Any, line: bytes) -> None:
        """Map the values of a plain mapping's columns, and learn the location of its code."""
        code = record.code
        outcome = decoder.mapping.row(record.identifier, record.stock, code)
        if isinstance(outcome, Stock) and type(code) is str and len(decoder.places) < _MOST_CODES:
            decoder.places[code] = outcome.location
        if decoder.parts is not None:
            decoder.sink.look_for_parts({decoder.parts.columns[0]: record.key}, (outcome,))
        self._pipeline.take((outcome,), decoder.stream, line if self._pipeline.keeps_lines else b"")

    def _read_columns(self, decoder: _StreamDecoder, lines: Sequence[bytes], start: int) -> None:
        """Map records that have the mapping's columns only."""
        pipeline, decode = self._pipeline, decoder.decode
        for line in islice(lines, start, None):
            try:
                message = decode(line)
            except REFUSED:
                return
            values = zip(decoder.columns, msgspec.structs.astuple(message.record), strict=True)
            record = {column: value for column, value in values if value is not UNSET}
            pipeline.position += 1
            outcomes = decoder.mapping.outcomes(record)
            if decoder.parts is not None:
                decoder.sink.look_for_parts(record, outcomes)
            pipeline.take(outcomes, decoder.stream, line if pipeline.keeps_lines else b"")


class _StreamDecoder:
    """Decodes the lines of one stream.

    Attributes:
        parts: Looks for rows that are parts of one stock, if the stream's key can tell.
        plain: The columns of a plain mapping; otherwise `None`.
        columns: The columns that are decoded, in the order of the struct's fields.
        decode: Decodes RECORD lines of this stream, and refuses all others.
        places: The location of each code that was seen.
        nowhere: The location of a row whose code is not a text: `_NOWHERE`, or `None` for global.
    """

    def __init__(self, stream: Stream, sink: MappedSink, mapping: CompiledMapping) -> None:
        self.stream = stream
        self.sink = sink
        self.mapping = mapping
        self.parts = sink.parts
        keys = sink.parts.columns if sink.parts else ()
        self.plain = mapping.plain if _is_distinct(mapping.plain, keys) else None
        fields: list[tuple[str, Any, Any]] = []
        if self.plain is None:
            read = {*(mapping.columns or ()), *(sink.columns or ()), *keys, DELETED}
            self.columns = sorted(read | {BOM + column for column in read})
            fields += [(f"column_{number}", Any, UNSET) for number in range(len(self.columns))]
        else:
            _, identifier, stock, code = self.plain
            self.columns = [identifier, stock, code or _NO_COLUMN, DELETED, *keys]
            fields += [(field, Any, UNSET) for field in ("identifier", "stock", "code")]
            fields.append(("deleted", None | UnsetType, UNSET))  # refuses every mark but null
            fields += [("key", Any, None) for _ in keys]
        names = dict(zip((field for field, *_ in fields), self.columns, strict=True))
        strict = sink.columns is not None
        record = msgspec.defstruct(
            "Record", fields, rename=names, gc=False, forbid_unknown_fields=strict
        )
        self.decode = _decoder_of(stream.name, record)
        self.places: dict[str, str | None] = {}
        is_global = self.plain is not None and self.plain.warehouse_column is None
        self.nowhere: Any = None if is_global else _NOWHERE


class _Head(msgspec.Struct, gc=False):
    stream: str = ""


_decode_head: Final = msgspec.json.Decoder(_Head).decode


def _stream_of(line: bytes) -> str:
    """Read the name of a line's stream; empty if there is none."""
    try:
        return _decode_head(line).stream
    except REFUSED:
        return ""


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
