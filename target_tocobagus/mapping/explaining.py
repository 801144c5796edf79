"""Explains a quantity: each step from a record to the number that is sent.

No rule is written a second time: each step is what `Quantities` gives with one more setting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from target_tocobagus.core.model import RecordError, Skipped, Stock
from target_tocobagus.mapping.rules import Quantities
from target_tocobagus.mapping.totals import total_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from target_tocobagus.config.settings import StockPolicy
    from target_tocobagus.core.model import Identifier
    from target_tocobagus.mapping.mapping import CompiledMapping
    from target_tocobagus.mapping.values import Entry

_NEUTRAL: Final[dict[str, Any]] = {
    "rounding": "floor",
    "negative_stock": "clamp",
    "stock_buffer": 0,
    "max_stock": None,
}
SHARE: Final = "the share of this warehouse (split)"


class Step(NamedTuple):
    """A step.

    Attributes:
        what: What has been done, in the words of the settings.
        result: The quantity after it, or why there is none.
    """

    what: str
    result: str


class _Noted(Quantities):
    """Notes what it is asked."""

    __slots__ = ("asked",)

    def __init__(self, policy: StockPolicy, mark: Any) -> None:
        super().__init__(policy, mark)
        self.asked: list[tuple[Any, Sequence[Any]]] = []

    def of(self, value: Any, taken: Sequence[Any] = ()) -> int | Skipped | RecordError:
        """Convert a value, and note it if it can be sent."""
        found = super().of(value, taken)
        if isinstance(found, int):
            self.asked.append((value, taken))
        return found


def steps_of_record(
    mapping: CompiledMapping, record: Entry, wanted: Collection[Identifier], location: str | None
) -> list[Step]:
    """Explain what a record gives for an item at a location.

    Args:
        mapping: That of its stream; it counts nothing of this.
        record: The columns that the mapping reads.
        wanted: The item, and what stands in for it (`lookup`).
        location: A client id, or None for its global stock.

    Returns:
        Nothing if it gives no quantity, or a list in it has two of one location.
    """
    rules, before = mapping.rules, mapping.rules.quantities
    rules.quantities = noted = _Noted(before.policy, before.mark)
    try:
        stocks = [each for each in mapping.outcomes(record) if isinstance(each, Stock)]
    finally:
        rules.quantities = before
    asked = noted.asked * len(stocks) if len(noted.asked) == 1 else noted.asked
    if len(asked) != len(stocks):
        return []
    for stock, (value, taken) in zip(stocks, asked, strict=True):
        if stock.identifier in wanted and stock.location == location:
            judged = [(what, of(value, taken)) for what, (of, _) in _policies(before)]
            return _shown([*_read(before, value, taken), *judged, (SHARE, stock.quantity)])
    return []


def steps_of_parts(
    mapping: CompiledMapping, quantities: str, identifier: Identifier, location: str | None
) -> list[Step]:
    """Explain the sum of parts, whose quantities are a text for `total_of`."""
    total = total_of(quantities)
    number = total.without_dust
    if mapping.summing is None or number is None:
        return []
    stock = mapping.summing.stock(identifier, location, total)
    last = stock.quantity if isinstance(stock, Stock) else stock
    policies = _policies(mapping.rules.quantities)
    judged = [(what, by(number, number)) for what, (_, by) in policies]
    return _shown([("sum of the parts", number), *judged, (SHARE, last)])


def _read(rules: Quantities, value: Any, taken: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    yield "stock", rules.exact(value, ())
    if taken:
        yield "less subtract", rules.exact(value, taken)


def _policies(rules: Quantities) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield the rules one after the other, each with those before it."""
    policy = msgspec.structs.replace(rules.policy, **_NEUTRAL)
    said: list[tuple[str, dict[str, Any]]] = [("in whole units, not below 0", {})]
    if buffer := rules.policy.stock_buffer:
        said.append((f"less stock_buffer {buffer}", {"stock_buffer": buffer}))
    if (most := rules.policy.max_stock) is not None:
        said.append((f"at most max_stock {most}", {"max_stock": most}))
    for what, changes in said:
        policy = msgspec.structs.replace(policy, **changes)
        quantities = Quantities(policy, rules.mark)
        yield what, (quantities.of, quantities.judged)


def _shown(steps: Iterable[tuple[str, Any]]) -> list[Step]:
    """Write the results; steps that change nothing are left out, except settings."""
    found: list[Step] = []
    for what, result in steps:
        text = _text(result)
        if not found or found[-1].result != text or "_" in what or what == "less subtract":
            found.append(Step(what, text))
    return found


def _text(found: Any) -> str:
    if isinstance(found, RecordError):
        return found.message
    return found.reason if isinstance(found, Skipped) else str(found)
