"""Which stream holds stock, and where, if the configuration does not say.

A stream is recognised in one of three ways, tried in this order: as a known stream of a known tap
(`known_streams.json`), as the API's own items, by common names of its columns (`vocabulary`). What
is recognised is written to a shop unasked, so what must never be is ruled out by construction:

- a database's key as Tocobagus's id: by names, the identifier is a SKU, and nothing else;
- order lines as stock: a name that says order, sale, movement … is never recognised, nor is a row
  that belongs to a document; a bare quantity counts only where the stream's name says stock;
- a change as a stock: a column that says delta is never a candidate;
- one place's stock as all: a column that names a place is part of the mapping, or there is none.

Where two readings are left, both are shown and the user is asked: `Ambiguous` is no recognition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from target_tocobagus.mapping.as_config import as_config, as_yaml_lines
from target_tocobagus.mapping.by_names import Evidence, doubts, draft, evidence, lacking
from target_tocobagus.mapping.known_streams import KnownStream, known_streams
from target_tocobagus.mapping.vocabulary import columns, not_stock_word
from target_tocobagus.settings import StreamMapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "Ambiguous",
    "NotStock",
    "Proposal",
    "Recognised",
    "Recognition",
    "as_config",
    "as_yaml_lines",
    "location_columns",
    "mixed_scopes",
    "propose",
    "recognise",
]

NATIVE: Final = frozenset({"sku", "id", "externalId", "stock", "warehouses"})
ONLY_NAMED: Final = "with `streams` set, only what it names is sent"


class Recognised(msgspec.Struct, frozen=True):
    """A stream that holds stock.

    Attributes:
        source: What it was recognised by, for the log.
        is_global: Its stock is that of all warehouses; ``None`` where each record says so itself.
        remark: What its user should know, for the log; often empty.
        written: For the API's own items, the mapping that comes nearest among those that a
            configuration can hold; ``None`` where there is none, or none is needed.
    """

    mapping: StreamMapping
    source: str
    is_global: bool | None
    remark: str = ""
    written: StreamMapping | None = None


class Ambiguous(msgspec.Struct, frozen=True):
    """A stream that holds stock in a way that only its user can tell.

    Attributes:
        message: The candidates and the lines to put into the configuration: the text of an error.
        question: What is to be decided: the message without the lines.
        mapping: The mapping in these lines, with the first candidate wherever there are several.
        remarks: By the mapping's key, what its line's comment says.
    """

    message: str
    question: str
    mapping: StreamMapping
    remarks: dict[str, str] = {}


class NotStock(msgspec.Struct, frozen=True):
    """A stream that is ignored, and why: a clause to stand behind "stream … is ignored:"."""

    reason: str


class Proposal(msgspec.Struct, frozen=True):
    """A mapping to start from.

    Attributes:
        mapping: As far as it can be told; without `stock` where no column is known to hold it.
        remark: What it rests on or, where it is not certain, what a person has to decide.
        is_certain: It is what a run without `streams` would use.
        remarks: By the mapping's key, what to say in a comment behind its line.
    """

    mapping: StreamMapping
    remark: str
    is_certain: bool
    remarks: dict[str, str] = {}


Recognition: TypeAlias = Recognised | Ambiguous | NotStock


def recognise(stream: str, schema: Mapping[str, Any]) -> Recognition:
    """Tell from a stream's name and its SCHEMA whether and where it holds stock."""
    left_out = known_streams().not_recognised(stream, schema)
    if left_out:
        return _left_out(stream, left_out)
    word = not_stock_word(stream)
    if word:
        return NotStock(f"its name says {word!r}, and so it is never taken for stock")
    known = known_streams().recognised(stream, schema)
    if known:
        return _known(stream, known)
    return _native(stream, schema) or _by_names(evidence(stream, schema))


def location_columns(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """List the columns that recognition takes for the location of a record's stock."""
    return evidence("", schema).location_names


def mixed_scopes(recognised: Iterable[Recognised]) -> str | None:
    """Say what is wrong if one run would send global stock and stock per warehouse.

    Returns:
        The text of an error, with the lines to write; ``None`` where nothing is wrong.
    """
    found = list(recognised)
    one = [each.written or each.mapping for each in found if each.is_global is True]
    many = [each.written or each.mapping for each in found if each.is_global is False]
    if not one or not many:
        return None
    return (
        f"recognised were streams of global stock ({_names(one)}) and of stock per warehouse "
        f"({_names(many)}): one would overwrite the other. Put those that are to be sent into the "
        f"configuration:\n{_block(one)}or\n{_block(many)}"
    )


def propose(stream: str, schema: Mapping[str, Any]) -> Proposal:
    """Give the mapping that a stream has by recognition, or one that a person can complete."""
    found = recognise(stream, schema)
    if isinstance(found, Recognised):
        remark = f"{found.source}. {found.remark}" if found.remark else found.source
        return Proposal(found.written or found.mapping, remark, is_certain=True)
    if isinstance(found, Ambiguous):
        return Proposal(found.mapping, found.question, is_certain=False, remarks=found.remarks)
    return Proposal(_start(stream, schema), found.reason, is_certain=False)


def _start(stream: str, schema: Mapping[str, Any]) -> StreamMapping:
    """Draft a mapping by names, without its `stock` where the rows are no levels of stock."""
    found = evidence(stream, schema)
    start = draft(found)
    if not_stock_word(stream) or found.documents:
        return msgspec.structs.replace(start, stock=(), no_warehouse=False)
    return start


def _known(stream: str, row: KnownStream) -> Recognised:
    mapping = row.mapping_for(stream) or StreamMapping(stream=stream)
    scope = not (mapping.warehouse or mapping.warehouse_columns or mapping.warehouses)
    return Recognised(mapping, f"known stream of {row.tap} ({row.source})", scope, row.note)


def _left_out(stream: str, row: KnownStream) -> Ambiguous | NotStock:
    mapping = row.mapping_for(stream)
    if mapping is None:
        return NotStock(f"as {row.tap} writes it, {row.why}")
    text = f"stream {stream!r} of {row.tap} is not recognised: {row.why}"
    lines = as_yaml_lines(mapping, header=True)
    message = f"{text}. If this is right, configure it ({ONLY_NAMED}):\n{lines}"
    return Ambiguous(message, text, mapping)


def _native(stream: str, schema: Mapping[str, Any]) -> Recognised | None:
    """Recognise the API's own items: an identifier and stock, and no other column."""
    found = {column.name: column.types for column in columns(schema)}
    names = set(found)
    has_all = names & {"stock", "warehouses"} and names & {"sku", "id", "externalId"}
    if not has_all or not names <= NATIVE or found.get("id", {"string"}) != {"string"}:
        return None
    mapping = StreamMapping(stream=stream, native=True)
    source = "the API's own item shape"
    if names >= {"stock", "warehouses"}:
        return Recognised(mapping, source, None)
    return Recognised(mapping, source, "stock" in names, written=_written(stream, names))


def _written(stream: str, names: set[str]) -> StreamMapping:
    """Write the mapping that reads the API's items where they are all global, or none is."""
    per_warehouse = "warehouses" in names
    return StreamMapping(
        stream=stream,
        sku=("sku",) * ("sku" in names),
        id=("id",) * ("id" in names),
        external_id=("externalId",) * ("externalId" in names),
        stock=("stock",),
        warehouse=("clientId",) * per_warehouse,
        levels="warehouses" if per_warehouse else None,
    )


def _by_names(found: Evidence) -> Recognition:
    missing = lacking(found)
    if missing:
        return NotStock(missing)
    mapping = draft(found)
    questions, remarks = doubts(found)
    if questions:
        lines = as_yaml_lines(mapping, remarks, header=True)
        question = f"stream {found.stream!r} is not clear: {'; '.join(questions)}"
        message = f"{question}. Put what is right into the configuration ({ONLY_NAMED}):\n{lines}"
        return Ambiguous(message, question, mapping, remarks)
    return Recognised(mapping, "common names of columns", not mapping.warehouse, found.remark)


def _names(mappings: Iterable[StreamMapping]) -> str:
    return ", ".join(repr(mapping.stream) for mapping in mappings)


def _block(mappings: Iterable[StreamMapping]) -> str:
    texts = [as_yaml_lines(mapping) for mapping in mappings]
    indented = ["  " + line for text in texts for line in text.splitlines(keepends=True)]
    return "streams:\n" + "".join(indented)
