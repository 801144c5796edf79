"""Rows that are parts of stocks (`combine: sum`): what a record says, and how a sum becomes stock.

A record is one part: a lot, a bin, a place that is sold from. Its quantities stay exact, as texts,
until the parts that the ledger remembers are added up; only then the policies change them.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.model import (
    ROUGH,
    Identifier,
    Outcome,
    Part,
    RecordError,
    Skipped,
    Stock,
)
from target_tocobagus.core.versions import read_version
from target_tocobagus.mapping.exact_numbers import has_fraction
from target_tocobagus.mapping.identifiers import TextError, text_of
from target_tocobagus.mapping.record_errors import PathError, placed, shown
from target_tocobagus.mapping.rules import Rules
from target_tocobagus.mapping.shapes import divide

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_tocobagus.mapping.totals import Total
    from target_tocobagus.mapping.values import Entry, Read

UNMET: Final = Skipped("the record does not meet where")
_MOST_KEY_BYTES: Final = 500
"""PostgreSQL indexes up to 2,704 bytes, of which item and location may take 2,000."""
_encode: Final = msgspec.json.Encoder().encode
_ELSEWHERE: Final = Part("", ())


class PartRules(Rules):
    """The rules for rows that are parts: a row is a `Part` without a key."""

    __slots__ = ()

    def of_empty_list(self, outcome: Skipped) -> Outcome:
        """Map an empty list: the part has nothing any more; ``null`` says nothing of it."""
        del outcome
        return _ELSEWHERE

    def row(
        self,
        identifier: Identifier,
        stock: Any,
        place: str | Skipped | RecordError | None,
        taken: Sequence[Any] = (),
    ) -> Outcome:
        """Map a row; see `Rules.row`. A quantity that is null is skipped, whatever `null_stock`."""
        if isinstance(place, Skipped):
            return _ELSEWHERE  # it is known to be where nothing is sent from
        if isinstance(place, RecordError):
            return placed(place, identifier, place.location)
        number = self.quantities.exact(stock, taken)
        if isinstance(number, (Skipped, RecordError)):
            return placed(number, identifier, place)
        rough = ROUGH if any(map(has_fraction, (stock, *taken))) else ""
        return Part("", ((identifier, place, f"{rough}{number}"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Summing:
    """How the records of a mapping with `combine: sum` are added up.

    Attributes:
        part: Reads what tells one part from another.
        newer_by: Reads the version of a part; None if it has none.
        rules: Of its quantities.
        weights: By client id its place among the weights of `split`, and all of these.
        is_complete: The mapping has `parts_complete: true`.
        may_lack: It has `parts_complete: false`: that a run leaves parts out is meant.
    """

    part: tuple[Read, ...]
    newer_by: Read | None
    rules: Rules
    weights: Mapping[str, tuple[int, tuple[int, ...]]]
    is_complete: bool
    may_lack: bool

    @property
    def policy(self) -> str:
        """A short text that changes with what changes a sum before it is sent."""
        return sha256(repr(self.rules.quantities.policy).encode("utf-8", "replace")).hexdigest()[
            :16
        ]

    def outcomes(self, record: Entry, rows: Callable[[], list[Outcome]]) -> list[Outcome]:
        """Map a record that is not deleted, or else has no rows.

        Args:
            record: The record.
            rows: Maps its rows.
        """
        try:
            key = self._key(record)
        except PathError as error:
            key = error.refused()
        found = rows()
        parts = [each for each in found if isinstance(each, Part)]
        others = [each for each in found if not isinstance(each, Part) and each is not UNMET]
        said = tuple(row for each in parts for row in each.rows)
        if isinstance(key, RecordError):
            return [UNMET] if found == [UNMET] else [*self._unknown(said, others), key]
        version = self._version(record)
        if version is None and not found:
            version = ""  # a part that is deleted may have lost all columns but its key
        if version is None:
            message = f"newer_by of part {shown(key)} cannot be read"
            return [
                Part(key, (), is_whole=False),
                RecordError("BAD_VERSION", message),
            ]  # it has come, and stays as it was
        if all(map(_is_elsewhere, others)):
            return [Part(key, said, version=version), *others]
        items = _items(said, others)
        return [Part(key, said, is_whole=False, version=version, items=items), *others]

    def _unknown(self, said: Sequence[tuple[Any, ...]], others: Sequence[Outcome]) -> list[Outcome]:
        """Say of which items a part came, if nothing tells which; all of theirs may be it."""
        items = _items(said, others) if self.is_complete else ()
        return [Part("", (), is_whole=False, items=items)] if items else []

    def _key(self, record: Entry) -> str | RecordError:
        """Read what tells a part from others: a text, or the JSON of several."""
        try:
            texts = [text_of(read(record)) for read in self.part]
        except TextError as error:
            return RecordError("BAD_PART", f"part: {error}")
        if not any(texts):
            return RecordError("NO_PART", "the row has nothing that tells its part from others")
        return short_key(str(texts[0])) if len(texts) == 1 else part_key(texts)

    def _version(self, record: Entry) -> str | None:
        return "" if self.newer_by is None else read_version(self.newer_by(record))

    def stock(self, identifier: Identifier, place: str | None, total: Total) -> Stock | RecordError:
        """Apply the policies to the sum of the parts of an item at a location."""
        number = total.without_dust
        if number is None:
            message = "the sum of the parts cannot be calculated without rounding"
            return RecordError("INEXACT_QUANTITY", message, identifier, place)
        quantity = self.rules.quantities.judged(number, number)
        if isinstance(quantity, RecordError):
            return RecordError(quantity.code, quantity.message, identifier, place)
        if place is not None and place in self.weights:
            index, weights = self.weights[place]
            quantity = divide(quantity, weights)[index]
        return Stock(identifier, place, quantity)


def part_key(texts: Sequence[str | None]) -> str:
    """Join several texts that tell a part from others."""
    return short_key(_encode(texts).decode())


def short_key(key: str) -> str:
    """Put a hash in place of a long key, which an index could not hold beside its item."""
    if len(key) <= _MOST_KEY_BYTES // 4 or len(data := key.encode()) <= _MOST_KEY_BYTES:
        return key
    return f"sha256:{sha256(data).hexdigest()}"


def _items(rows: Sequence[tuple[Any, ...]], others: Sequence[Outcome]) -> tuple[Identifier, ...]:
    """List the items that a record is of; none if one of them could not be read."""
    unread = [_item_of(each) for each in others]
    items = {row[0]: None for row in rows} | dict.fromkeys(unread)
    return () if None in items else tuple(items)


def _item_of(outcome: Outcome) -> Identifier | None:
    if isinstance(outcome, RecordError):
        return outcome.identifier
    return outcome.named[0][0] if isinstance(outcome, Skipped) and outcome.named else None


def _is_elsewhere(outcome: Outcome) -> bool:
    """Whether a row without a quantity is known to be at none of the places before."""
    return isinstance(outcome, RecordError) and outcome.code == "UNMAPPED_WAREHOUSE"
