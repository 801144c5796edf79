"""The fast lane: RECORD lines of streams whose mapping reads known columns, without the rest.

How to think about it. Of a record with sixty columns a mapping reads three, and decoding the
other fifty-seven into Python objects costs more than all that follows. So for each stream a struct
is made that holds the mapped columns alone, and lines are decoded into it; the decoder passes over
the rest. The structs are told apart by their ``stream``, so one decoder serves all streams, in any
order.

There are three ways that a line can take, and they give the same updates and rejections:

1. *As it is*: a mapping of one identifier, one quantity and at most one location, and values that
   every rule leaves as they are: a clean text, a whole number in its bounds, a code seen before.
2. *By columns*: any other values of such a mapping, through `CompiledMapping.row`; and any other
   mapping, through `CompiledMapping.outcomes` with a record that has its columns only.
3. *The general way*, which is the definition of what is right: whatever the decoder refuses
   (another type of message, NaN, bytes that are no UTF-8), a deleted row, a rejected row that was
   piped back, and each stream until its SCHEMA and its columns are known. `read` stops there and
   says where.

What must never be: a shortcut that a rule of the mapping does not bless. The first way asks
`Quantities.unchanged_to`, and learns a code's location only from an outcome of the second.
"""

from __future__ import annotations

from functools import reduce
from itertools import islice
from operator import or_
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec import UNSET

from target_tocobagus.checkpointing import OWN_KEY
from target_tocobagus.decoding import read_float
from target_tocobagus.entries import Entry
from target_tocobagus.mapping import DELETED
from target_tocobagus.model import Level, Stock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_tocobagus.mapping import CompiledMapping, PlainMapping
    from target_tocobagus.model import Identifier, Stream
    from target_tocobagus.pipeline import Pipeline
    from target_tocobagus.sinks import StockSink

_BOM: Final = "\ufeff"
_NO_COLUMN: Final = "\x7f"
"""Stands for the column of a code where a mapping has none. If a tap has it, nothing is heeded."""

_MOST_CODES: Final = 10_000
_NOWHERE: Final = object()
_REFUSED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class FastLane:
    """Reads what it can of a chunk of lines, into a pipeline."""

    def __init__(self, pipeline: Pipeline) -> None:
        """Begin without any stream."""
        self._pipeline = pipeline
        self._tracks: dict[str, _Track] = {}
        self._latest: _Track | None = None
        self._decode: Callable[[bytes], Any] = msgspec.json.decode

    def open(self, stream: Stream, sink: StockSink) -> None:
        """Take a stream in, if its mapping reads known columns; else it stays where it is."""
        known = sink.mapping is not None and sink.mapping.columns is not None
        if not known or stream.name in self._tracks:
            return
        try:
            self._tracks[stream.name] = _Track(stream, sink, sink.mapping)  # type: ignore[arg-type]  # known
        except ValueError:
            # A column's name has a character that no struct's field can have (a quote, a tab).
            return
        self._prepare()

    def close(self, stream: str) -> None:
        """Leave a stream to the general way, for its SCHEMA is about to change."""
        if self._tracks.pop(stream, None):
            self._prepare()

    def _prepare(self) -> None:
        """Make the one decoder for all streams."""
        self._latest = next(iter(self._tracks.values()), None)
        if self._tracks:
            message = reduce(or_, [track.message for track in self._tracks.values()])
            self._decode = msgspec.json.Decoder(message, float_hook=read_float).decode

    def read(self, lines: Sequence[bytes], start: int) -> int:
        """Read lines from a place on, for as long as they are records that the lane knows.

        Returns:
            The place of the first line that it leaves to the general way, or the end.
        """
        place = start
        while self._latest is not None and place < len(lines):
            began = self._pipeline.position
            read = self._read_rows if self._latest.plain else self._read_columns
            read(self._latest, lines, place)
            handled = self._pipeline.position - began
            self._latest.sink.record_counter_metric.increment(handled)
            place += handled
            if place == len(lines) or not self._changes_stream(lines[place]):
                break
        return place

    def _changes_stream(self, line: bytes) -> bool:
        """Turn to the stream of a line, if it is another one than the latest."""
        try:
            message = self._decode(line)
        except _REFUSED:
            return False
        before = self._latest
        tracks = self._tracks.values()
        self._latest = next(track for track in tracks if track.message is type(message))
        return self._latest is not before

    def _read_rows(self, track: _Track, lines: Sequence[bytes], start: int) -> None:
        """Read rows of a plain mapping, as they are or by their columns.

        The one loop that each row of a large stream goes through: no call where none is needed.
        """
        pipeline, decode = self._pipeline, self._decode
        append = pipeline.gathering.entries.append
        stream, places, nowhere = track.stream, track.places, track.nowhere
        expected: Any = track.message
        kind, unchanged_to = track.mapping.kinds[0], track.mapping.rules.quantities.unchanged_to
        keeps_lines = pipeline.keeps_lines
        position = pipeline.position
        last: Any = _NOWHERE  # equal to no column's value, null included
        identifier: Identifier = (kind, "")
        entry: Entry | None = None  # of the same item, to add to
        as_is = 0
        try:
            for line in islice(lines, start, None):
                try:
                    message = decode(line)
                except _REFUSED:
                    break
                if type(message) is not expected:
                    break
                record = message.record
                sku, quantity, code = record.identifier, record.stock, record.code
                if sku != last and type(sku) is str and sku and sku.strip() == sku:
                    identifier, entry = (kind, sku), None
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
                    if entry is None:
                        levels: dict[str | None, Level] = {}
                        entry = Entry(identifier, levels, position)
                        append(entry)
                    if not quantity:
                        entry.urgent = True
                    levels[place] = Level(quantity, position, stream, line if keeps_lines else b"")
                elif sku is UNSET or quantity is UNSET or (code is UNSET and nowhere is _NOWHERE):
                    break
                else:
                    position += 1
                    self._count(position, as_is)
                    as_is = 0
                    entry = None  # which may be handed over now
                    self._read_values(track, record, line)
        finally:  # also where reading waits for room, and the run must stop
            self._count(position, as_is)

    def _count(self, position: int, as_is: int) -> None:
        """Tell the pipeline how far reading is, and of so many more rows that were gathered."""
        self._pipeline.position = position
        self._pipeline.tally.updates += as_is
        self._pipeline.gathering.rows += as_is

    def _read_values(self, track: _Track, record: Any, line: bytes) -> None:
        """Map the values of a plain mapping's columns, and learn where its code leads."""
        code = record.code
        outcome = track.mapping.row(record.identifier, record.stock, code)
        if isinstance(outcome, Stock) and type(code) is str and len(track.places) < _MOST_CODES:
            track.places[code] = outcome.location
        self._pipeline.take((outcome,), track.stream, line if self._pipeline.keeps_lines else b"")

    def _read_columns(self, track: _Track, lines: Sequence[bytes], start: int) -> None:
        """Map records that have the mapping's columns only."""
        pipeline, decode = self._pipeline, self._decode
        expected: Any = track.message
        for line in islice(lines, start, None):
            try:
                message = decode(line)
            except _REFUSED:
                return
            if type(message) is not expected:
                return
            values = zip(track.columns, msgspec.structs.astuple(message.record), strict=True)
            record = {column: value for column, value in values if value is not UNSET}
            pipeline.position += 1
            kept = line if pipeline.keeps_lines else b""
            pipeline.take(track.mapping.outcomes(record), track.stream, kept)


class _Track:
    """What the lane knows of one stream.

    Attributes:
        plain: Its mapping's columns, if it is one of rows.
        columns: Else all that its mapping reads.
        message: The struct that only RECORD lines of this stream decode into.
        is_strict: A record with any other column is left to the general way.
        places: The location of each code that was seen.
        nowhere: The location of a row whose code is no text: none, unless the stock is global.
    """

    def __init__(self, stream: Stream, sink: StockSink, mapping: CompiledMapping) -> None:
        self.stream = stream
        self.sink = sink
        self.mapping = mapping
        self.plain = mapping.plain if _is_distinct(mapping.plain) else None
        self.is_strict = sink.columns is not None
        read = {*(mapping.columns or ()), *(sink.columns or ()), DELETED}
        self.columns = sorted(read | {_BOM + column for column in read})
        self.message = _message_type(stream.name, self._record_type())
        self.places: dict[str, str | None] = {}
        placed = self.plain is None or self.plain.warehouse_column is not None
        self.nowhere: Any = _NOWHERE if placed else None

    def _record_type(self) -> type[msgspec.Struct]:
        fields: list[tuple[str, Any, Any]]
        if self.plain is None:
            names = {f"column_{number}": name for number, name in enumerate(self.columns)}
            fields = [(field, Any, UNSET) for field in names]
        else:
            names = {
                "identifier": self.plain.identifier_column,
                "stock": self.plain.stock_column,
                "code": self.plain.warehouse_column or _NO_COLUMN,
                "deleted": DELETED,
            }
            fields = [(field, Any, UNSET) for field in ("identifier", "stock", "code")]
            fields.append(("deleted", None, None))  # a mark that is not null is refused
        return msgspec.defstruct(
            "Record", fields, rename=names, gc=False, forbid_unknown_fields=self.is_strict
        )


def _message_type(stream: str, record: type[msgspec.Struct]) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        ("type", Literal["RECORD"]),
        ("record", record),
        ("own", None, None),  # what stands under our key is refused, but for null
    ]
    return msgspec.defstruct(
        "Message", fields, rename={"own": OWN_KEY}, tag_field="stream", tag=stream, gc=False
    )


def _is_distinct(plain: PlainMapping | None) -> bool:
    """Tell whether a struct can have a field for each column."""
    columns = [plain.identifier_column, plain.stock_column, plain.warehouse_column] if plain else []
    return len({*columns, DELETED}) == len(columns) + 1
