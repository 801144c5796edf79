"""The fast path: RECORD lines of which only the mapped columns are decoded.

Of a record with sixty columns a mapping reads three, and decoding the other fifty-seven into Python
objects costs more than everything after it. So each stream has a struct of its mapped columns, and
its lines are decoded into that; the decoder skips the rest. Each decoder accepts the lines of its
own stream only; the next decoder is looked up only when the latest has refused a line.

A line takes one of three ways, which give the same updates and rejections:

1. *As it is*: the mapping has one identifier, one quantity and at most one location, and nothing
   need be asked about the values: a clean text or a whole number as the identifier, a whole number
   within its bounds or a value seen before as the quantity, a code seen before.
2. *By columns*: any other values of such a mapping, through `CompiledMapping.row`; and any other
   mapping, through `CompiledMapping.outcomes` with a record that has its columns only.
   A pair of a lookup that is two or three columns goes the first way, too.
3. *The general way*, which defines the right result: every line that the decoder refuses (another
   type of message, NaN, invalid UTF-8), a deleted row, a rejected row that was piped back, and each
   stream until its SCHEMA and its columns are known. `read` stops there and says where.

Invariants:
- The fast path skips only work that the mapping's rules prove to change nothing: the first way asks
  `Quantities.unchanged_to`, and learns a code's location, and what a value is as a quantity, only
  from an outcome of the second.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET

from target_tocobagus.completion.resolved import PartRecord
from target_tocobagus.core.json_lines import REFUSED
from target_tocobagus.core.model import MAX_QUANTITY, Level, Part, Stock
from target_tocobagus.mapping import SeenRow
from target_tocobagus.singer.clean_values import SURELY_SHORT, digits_of, is_clean, key_of, lacks
from target_tocobagus.singer.stream_decoder import CODES, NOWHERE, StreamDecoder, read_columns
from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_tocobagus.core.model import Identifier, Stream
    from target_tocobagus.pipeline.run import Pipeline
    from target_tocobagus.singer.stream_decoder import MappedSink


class FastPath:
    """Reads as many lines of a chunk as it can, into a pipeline.

    Attributes:
        latest: The decoder that the next line is tried with; None while no stream is open.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._streams: dict[str, StreamDecoder] = {}
        self.latest: StreamDecoder | None = None

    def open(self, stream: Stream, sink: MappedSink) -> None:
        """Read a stream from now on, if its mapping reads known columns."""
        if not (sink.mapping or sink.readers) or read_columns(sink) is None:
            return
        try:
            decoder = StreamDecoder(stream, sink)
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
            read = read if decoder.part_of is None else self._read_parts
            read = read if decoder.reader is None else self._read_pairs
            read(decoder, lines, place)
            handled = self._pipeline.position - began
            decoder.sink.record_counter_metric.increment(handled)
            if decoder.parts is not None and (decoder.sink.parts is None or decoder.parts.is_over):
                decoder.sink.parts = None
                self.close(decoder.stream.name)  # it is not watched any more: read without its key
                self.open(decoder.stream, decoder.sink)
            place += handled
            if place < len(lines):
                following = self._streams.get(_stream_of(lines[place]))
                decoder = None if following is decoder else following
        return place

    def _read_rows(self, decoder: StreamDecoder, lines: Sequence[bytes], start: int) -> None:
        """Read rows of a plain mapping, as they are or by their columns.

        Every row of a large stream goes through this loop, so it makes as few calls as it can.
        """
        pipeline, decode = self._pipeline, decoder.decode
        append = pipeline.row_buffer.items.append
        stream, place_of, nowhere = decoder.stream, decoder.places.get, decoder.nowhere
        kind, unchanged_to = decoder.mapping.kinds[0], decoder.mapping.rules.quantities.unchanged_to
        keeps_lines = pipeline.keeps_lines
        see = None if decoder.parts is None else decoder.parts.see
        is_keyed = decoder.parts is not None and bool(decoder.parts.columns)
        position = counted = pipeline.position
        last: str | None = None
        identifier: Identifier = (kind, "")
        item: Item | None = None  # to add rows of the same identifier to
        try:
            for line in islice(lines, start, None):
                try:
                    message = decode(line)
                except REFUSED:
                    break
                record = message.record
                sku, said, code = record.identifier, record.stock, record.code
                sku = sku if type(sku) is str else digits_of(sku)
                if (
                    sku != last
                    and sku
                    and sku.strip() == sku
                    and len(sku) <= SURELY_SHORT
                    and "\0" not in sku
                    and "+" not in sku
                ):
                    identifier, item = (kind, sku), None
                    last = sku
                place: Any = place_of(code, NOWHERE) if type(code) in CODES else nowhere
                quantity = (
                    said
                    if type(said) is int and 0 <= said <= unchanged_to
                    else decoder.quantity_of(said)
                )
                if sku == last and place is not NOWHERE and quantity is not None:
                    position += 1
                    level = Level(quantity, position, stream, line if keeps_lines else b"")
                    if item is None:
                        levels: dict[str | None, Level] = {place: level}
                        item = Item(identifier, levels, position)
                        append(item)
                    else:
                        levels[place] = level
                    if not quantity:
                        item.urgent = True
                    if see is not None:
                        row = SeenRow(record.key if is_keyed else position, quantity, position)
                        if before := see(identifier, place, row):
                            decoder.sink.doubt(identifier, place, (before, row))
                elif lacks(record.identifier, said, code if nowhere is NOWHERE else None):
                    break
                else:
                    self._count(position + 1, position - counted)
                    position = counted = position + 1
                    item = None  # which may be handed over now
                    self._read_values(decoder, record, line)
        finally:  # also if the run must stop while reading waits for room
            self._count(position, position - counted)

    def _read_parts(self, decoder: StreamDecoder, lines: Sequence[bytes], start: int) -> None:
        """Read rows that are parts, of a plain mapping, as they are or by their columns."""
        pipeline, decode, part_of = self._pipeline, decoder.decode, decoder.part_of
        wait = pipeline.completion.sums.waiting.append
        stream, places, nowhere = decoder.stream, decoder.places, decoder.nowhere
        kind = decoder.mapping.kinds[0]
        keeps_lines = pipeline.keeps_lines
        position = pipeline.position
        last: Any = NOWHERE  # differs from every value of a column, also from null
        identifier: Identifier = (kind, "")
        pipeline.row_buffer.seal()
        for line in islice(lines, start, None):
            try:
                message = decode(line)
            except REFUSED:
                return
            record = message.record
            sku, quantity, code = record.identifier, record.stock, record.code
            if sku != last and is_clean(sku) and "E+" not in sku:
                identifier = (kind, sku)
                last = sku
            place: Any = places.get(code, NOWHERE) if type(code) in CODES else nowhere
            said = part_of(record) if part_of is not None else UNSET
            key = key_of(said, sku) if sku == last else ""
            if (
                sku == last
                and key
                and place is not NOWHERE
                and type(quantity) is int
                and 0 <= quantity <= MAX_QUANTITY
            ):
                position += 1
                pipeline.position = position
                part = Part(key, ((identifier, place, str(quantity)),))
                wait(PartRecord(part, position, stream, line if keeps_lines else b""))
            elif lacks(sku, quantity, None if nowhere is None else code, said):
                return  # a column's name may begin with a BOM
            else:
                position += 1
                pipeline.position = position
                self._read_part(decoder, record, line)

    def _read_part(self, decoder: StreamDecoder, record: Any, line: bytes) -> None:
        """Map the columns of a part, and learn the location of its code."""
        values = zip(decoder.columns, msgspec.structs.astuple(record), strict=True)
        outcomes = decoder.mapping.outcomes(
            {column: value for column, value in values if value is not UNSET}
        )
        code, first = record.code, outcomes[0]
        rows = first.rows if isinstance(first, Part) else ()
        if len(rows) == 1:
            decoder.learn_place(code, rows[0][1])
        self._pipeline.take(outcomes, decoder.stream, line if self._pipeline.keeps_lines else b"")

    def _read_pairs(self, decoder: StreamDecoder, lines: Sequence[bytes], start: int) -> None:
        """Read records that are plain pairs of a lookup, as they are or by their columns."""
        pipeline, decode, reader = self._pipeline, decoder.decode, decoder.reader
        note, totals = pipeline.completion.pairs.note, pipeline.totals
        if reader is None:
            raise AssertionError
        for line in islice(lines, start, None):
            try:
                record = decode(line).record
            except REFUSED:
                return
            values = (record.match, record.found, record.condition)
            pair = reader.plain_pair(*values)
            if lacks(*values):
                return  # a column's name may begin with a BOM
            pipeline.position += 1
            if pair is None:
                columns = dict(zip(decoder.columns[1:], values, strict=True))
                outcomes = decoder.sink.outcomes(columns)
                pipeline.take(outcomes, decoder.stream, line if pipeline.keeps_lines else b"")
            else:
                note(reader, pair, pipeline.position)
                totals.updates += 1
                totals.skipped += 1

    def _count(self, position: int, as_is: int) -> None:
        """Tell the pipeline the position, and how many rows were added as they are."""
        self._pipeline.position = position
        self._pipeline.totals.updates += as_is
        self._pipeline.row_buffer.rows += as_is

    def _read_values(self, decoder: StreamDecoder, record: Any, line: bytes) -> None:
        """Map the values of a plain mapping's columns, and learn what the next rows may have, too.

        A quantity that is counted as changed is counted for each row that has it.
        """
        quantities = decoder.mapping.rules.quantities
        changed = quantities.changed
        outcome = decoder.mapping.row(record.identifier, record.stock, record.code)
        if isinstance(outcome, Stock):
            decoder.learn_place(record.code, outcome.location)
            if quantities.changed == changed:
                decoder.learn_quantity(record.stock, outcome.quantity)
        if decoder.parts is not None:
            columns = decoder.parts.columns
            keys = {columns[0]: record.key} if columns else {}
            decoder.sink.look_for_parts(keys, (outcome,))
        self._pipeline.take((outcome,), decoder.stream, line if self._pipeline.keeps_lines else b"")

    def _read_columns(self, decoder: StreamDecoder, lines: Sequence[bytes], start: int) -> None:
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
            outcomes = decoder.sink.outcomes(record)
            if decoder.parts is not None:
                decoder.sink.look_for_parts(record, outcomes)
            pipeline.take(outcomes, decoder.stream, line if pipeline.keeps_lines else b"")


class _Head(msgspec.Struct, gc=False):
    stream: str = ""


_decode_head: Final = msgspec.json.Decoder(_Head).decode


def _stream_of(line: bytes) -> str:
    """Read the name of a line's stream; empty if there is none."""
    try:
        return _decode_head(line).stream
    except REFUSED:
        return ""
