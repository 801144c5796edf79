"""The exact sum of quantities, which are texts, and how it changes with some of them."""

from __future__ import annotations

from decimal import Decimal, Inexact, InvalidOperation, Overflow
from typing import TYPE_CHECKING

import msgspec

from target_tocobagus.core.model import ROUGH
from target_tocobagus.mapping.exact_numbers import EXACT, without_dust

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.mapping.exact_numbers import Number


class Total(msgspec.Struct, frozen=True, gc=False):
    """A sum.

    Attributes:
        number: The sum, to the last digit; None if it cannot be calculated without rounding.
        quantities: How many were added up.
        rough: How many of them may have an error of binary arithmetic.
    """

    number: Number | None
    quantities: int
    rough: int = 0

    @property
    def without_dust(self) -> Number | None:
        """The sum without errors of binary arithmetic."""
        if self.rough and self.number is not None:
            return without_dust(Decimal(self.number))
        return self.number

    def with_change(self, old: str, new: str) -> Total:
        """Take quantities off and add others, each a text for `total_of`."""
        less, more = total_of(old), total_of(new)
        numbers = (self.number, more.number, None if less.number is None else _minus(less.number))
        return Total(
            _sum(numbers),
            self.quantities + more.quantities - less.quantities,
            self.rough + more.rough - less.rough,
        )


def total_of(text: str) -> Total:
    """Add up the quantities of a text, which have white space between them."""
    texts = text.split()
    if all(map(str.isdigit, texts)):
        return Total(sum(map(int, texts)), len(texts))
    number = _sum(Decimal(each.removeprefix(ROUGH)) for each in texts)
    return Total(number, len(texts), sum(each.startswith(ROUGH) for each in texts))


def _sum(numbers: Iterable[Number | None]) -> Number | None:
    total = Decimal(0)
    try:
        for number in numbers:
            if number is None:
                return None
            total = EXACT.add(total, Decimal(number))
    except (Inexact, InvalidOperation, Overflow):
        return None
    return int(total) if total == total.to_integral_value() else total


def _minus(number: Number) -> Number:
    return number.copy_negate() if isinstance(number, Decimal) else -number  # `-` would round
