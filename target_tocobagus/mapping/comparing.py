"""JMESPath's idea of true, equal and less, of numbers as the decimals they were written as."""

from __future__ import annotations

import operator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
"""By the names that jmespath's tree has for them; to be used on what is `comparable`."""


def is_true(value: Any) -> bool:
    """Tell whether JMESPath takes a value for true: not null, false, or anything empty."""
    if isinstance(value, (str, list, dict)):
        return bool(value)
    return value is not None and value is not False


def is_equal(left: Any, right: Any) -> bool:
    """Tell whether two values are one; a number is never a boolean, as it is to Python."""
    if isinstance(left, str) or isinstance(right, str):
        return bool(left == right)
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return bool(decimals(left) == decimals(right))


def comparable(value: Any) -> Any:
    """Take what has an order, numbers and texts; None of anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return None
    return decimals(value)


def decimals(value: Any) -> Any:
    """Make decimals of binary fractions, deep down too."""
    if isinstance(value, float):
        return Decimal(float.__repr__(value))
    if isinstance(value, list):
        return [decimals(each) for each in value]
    if isinstance(value, dict):
        return {key: decimals(each) for key, each in value.items()}
    return value
