"""Which stream holds stock, and where, if the configuration does not say.

Invariants:

- A stream is sent only if it has the API's own item shape, by its SCHEMA, its name and its key, or
  is a known stream of a known tap (`known_taps.json`).
- Everything else that looks like stock is a question: a draft to paste, and the doubts about it.
- A word of `vocabulary` never causes a stream to be sent; it only helps to draft, ask or leave out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from target_tocobagus.config.settings import StreamMapping
from target_tocobagus.mapping.values import BOM
from target_tocobagus.recognition.candidates import WAREHOUSE, locations
from target_tocobagus.recognition.drafts import doubts, draft, remarks
from target_tocobagus.recognition.fields import (
    columns,
    fields_of,
    flat_names,
    has_path,
    leaves,
    types_of,
)
from target_tocobagus.recognition.known_taps import Beside, KnownStream, known_streams, row_for
from target_tocobagus.recognition.vocabulary import (
    NATIVE_NAMES,
    may_hold_stock,
    never_asked,
    says_stock,
    tokens,
    words,
)
from target_tocobagus.recognition.yaml_lines import as_yaml_lines, streams_block

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_IDENTIFIERS: Final = frozenset({"sku", "id", "externalId"})
_STOCK: Final = frozenset({"stock", "warehouses"})
_NO_NUMBERS: Final = frozenset({"object", "array", "boolean"})
"""JSON types that hold no quantity."""


class Recognised(msgspec.Struct, frozen=True):
    """A stream that holds stock, and is sent.

    Attributes:
        source: How it was recognised, for the log.
        remark: What its user should know, for the log; often empty.
        written: For the API's own items, the closest mapping that a configuration can have;
            ``None`` if there is none, or none is needed.
    """

    mapping: StreamMapping
    source: str
    remark: str = ""
    written: StreamMapping | None = None

    @property
    def closest(self) -> StreamMapping:
        """The closest mapping that a configuration can have, if there is one."""
        return self.written or self.mapping

    @property
    def is_global(self) -> bool | None:
        """Whether its stock is for all warehouses; ``None`` if each record decides."""
        return None if self.closest.native else not self.closest.names_locations

    @property
    def reason(self) -> str:
        """How it was recognised, and what its user should know."""
        return f"{self.source}. {self.remark}" if self.remark else self.source


class Question(msgspec.Struct, frozen=True):
    """A stream that looks like stock, but only its user can say so.

    Attributes:
        mapping: A draft, with the likeliest candidates.
        remarks: By the mapping's key, the comment of its line.
        doubts: What its user must decide, a clause each.
    """

    mapping: StreamMapping
    remarks: dict[str, str] = {}
    doubts: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """All doubts."""
        return "; ".join(self.doubts)


class NotStock(msgspec.Struct, frozen=True):
    """A stream that is ignored, and why: a clause to follow "stream … is ignored:"."""

    reason: str
    is_final: bool = False
    """Records cannot change this."""


Recognition: TypeAlias = Recognised | Question | NotStock


def recognise(
    stream: str,
    schema: Mapping[str, Any],
    keys: Sequence[str] = (),
    records: Iterable[Any] = (),
    beside: Beside | None = None,
) -> Recognition:
    """Recognise whether a stream holds stock.

    Args:
        stream: Its name.
        schema: Its SCHEMA.
        keys: Its `key_properties`.
        records: Its first ones; they improve a draft alone.
        beside: What a run knows beside it; without, it is judged by itself.
    """
    keys = [key.removeprefix(BOM) for key in keys]
    table = known_streams()
    if row := row_for(table.left_out, stream, schema):
        return _left_out(stream, row)
    if word := never_asked(stream):
        return NotStock(f"its name has {word!r}, so it is never taken for stock", is_final=True)
    if row := row_for(table.known, stream, schema):
        return _known(stream, schema, row, beside)
    return _native(stream, schema, keys) or _by_names(stream, schema, keys, records)


def may_follow(before: Recognised, found: Recognition, schema: Mapping[str, Any]) -> bool:
    """Whether a stream that is sent may have a later SCHEMA, by which it is found to be this.

    Where a log-based tap leaves out columns that did not change, its rows are passed over.
    """
    if isinstance(found, Recognised):
        return found.is_global == before.is_global
    return isinstance(found, NotStock) and bool(schema.get("properties"))


def location_columns(schema: Mapping[str, Any], records: Iterable[Any] = ()) -> tuple[str, ...]:
    """List the columns that look like the location of a record's stock."""
    found = list(locations(leaves(fields_of(schema, records))))
    strong = [each for each in found if each.rank >= WAREHOUSE]
    codes = [each for each in strong if not {"name", "nama"} & set(tokens(*each.field.path))]
    return tuple(dict.fromkeys(each.field.path[0] for each in codes or strong))


def mixed_scopes(recognised: Iterable[Recognised]) -> str | None:
    """Make the error if a run would send global stock and stock per warehouse.

    Returns:
        Its text, with the lines to write; ``None`` without an error.
    """
    found = list(recognised)
    one = [each.closest for each in found if each.is_global is True]
    many = [each.closest for each in found if each.is_global is False]
    if not one or not many:
        return None
    return (
        f"some recognised streams have global stock ({_names(one)}), others stock per warehouse "
        f"({_names(many)}): one would overwrite the other. Put the ones to be sent into the "
        f"configuration:\n{_block(one)}or\n{_block(many)}"
    )


def start_from(
    found: Recognition,
    stream: str,
    schema: Mapping[str, Any],
    records: Iterable[Any] = (),
    *,
    is_stock: bool = False,
) -> StreamMapping:
    """Return a stream's mapping by recognition, or a draft that a person can complete.

    With `is_stock` a person says that it holds stock.
    """
    if isinstance(found, Recognised):
        return found.closest
    if isinstance(found, Question):
        return found.mapping
    start = draft(stream, schema, records, is_stock=is_stock)
    if found.is_final or start.documents:
        return msgspec.structs.replace(start.mapping, stock=(), warehouse=())
    return start.mapping


def _known(
    stream: str, schema: Mapping[str, Any], row: KnownStream, beside: Beside | None
) -> Recognised | Question:
    mapping = row.mapping_for(stream) or StreamMapping(stream=stream)
    if strange := row.strange(schema):
        names = ", ".join(map(repr, strange[:3]))
        return Question(
            mapping, doubts=(f"{row.tap} does not write {names}: do they change what a row holds?",)
        )
    if beside is not None and (missing := row.missing(beside)):
        return Question(mapping, doubts=(f"as {row.tap} writes it, {missing}",))
    return Recognised(mapping, f"known stream of {row.tap} ({row.source})", row.note)


def _left_out(stream: str, row: KnownStream) -> Question | NotStock:
    mapping = row.mapping_for(stream)
    if mapping is None:
        return NotStock(f"as {row.tap} writes it, {row.why}", is_final=True)
    return Question(mapping, doubts=(f"as {row.tap} writes it, {row.why}",))


def _native(stream: str, schema: Mapping[str, Any], keys: Sequence[str]) -> Recognised | None:
    """Recognise the API's own items: an identifier and stock, and no other column."""
    found = columns(schema)
    names = set(found)
    has_all = names & _STOCK and names & _IDENTIFIERS and names <= _STOCK | _IDENTIFIERS
    named = set(words(stream)) <= NATIVE_NAMES or has_path(schema, "warehouses.clientId")
    keyed = set(keys) <= names & _IDENTIFIERS
    if "stock" in found and types_of(found["stock"]) & _NO_NUMBERS:
        return None
    if not (has_all and named and keyed) or ("id" in found and types_of(found["id"]) != {"string"}):
        return None
    written = None if names >= _STOCK else _written(stream, names)
    mapping = StreamMapping(stream=stream, native=True)
    return Recognised(mapping, "the API's own item shape", written=written)


def _written(stream: str, names: set[str]) -> StreamMapping:
    """Write a mapping for the API's items if all are global, or all per warehouse."""
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


_IS_IT_ALL: Final = "is it all of the stock, with one row for each item and location?"

_NO_QUANTITY: Final = NotStock(
    "no column surely holds stock (a number called stock, available or the like)"
)


def _by_names(
    stream: str, schema: Mapping[str, Any], keys: Sequence[str], records: Iterable[Any]
) -> Question | NotStock:
    records = list(records)
    flat = flat_names(schema, records)
    if flat is not None and not says_stock(stream) and not any(map(may_hold_stock, flat)):
        return _NO_QUANTITY
    found = draft(stream, schema, records)
    if not found.quantities and not found.spread:
        return _NO_QUANTITY
    if documents := found.documents:
        names = ", ".join(map(repr, documents[:3]))
        return NotStock(f"{names} shows that its rows belong to an order or another document")
    if not found.identifiers:
        return NotStock("none of its columns identifies an item")
    asked = tuple(doubts(found, keys)) or (_IS_IT_ALL,)
    return Question(found.mapping, remarks(found), asked)


def _names(mappings: Iterable[StreamMapping]) -> str:
    return ", ".join(repr(mapping.stream) for mapping in mappings)


def _block(mappings: Iterable[StreamMapping]) -> str:
    return streams_block(map(as_yaml_lines, mappings))
