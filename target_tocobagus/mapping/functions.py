"""JMESPath functions in place of jmespath's that round numbers or do not support `Decimal`."""

from __future__ import annotations

import json
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any, Final

from jmespath.exceptions import JMESPathTypeError
from jmespath.functions import Functions, signature

from target_tocobagus.mapping.exact_numbers import EXACT, exact_number

if TYPE_CHECKING:
    from target_tocobagus.mapping.exact_numbers import Number

_ANY: Final[Any] = {"types": []}
_MOST_DIGITS: Final = 1000


class ExactFunctions(Functions):
    """jmespath's functions; those that calculate use decimals, and are exact or fail."""

    @signature(_ANY)
    def _func_abs(self, value: Any) -> Number:
        return _result(_number("abs", value).copy_abs())

    @signature(_ANY)
    def _func_ceil(self, value: Any) -> Number:
        return _result(_number("ceil", value).to_integral_value(ROUND_CEILING))

    @signature(_ANY)
    def _func_floor(self, value: Any) -> Number:
        return _result(_number("floor", value).to_integral_value(ROUND_FLOOR))

    @signature({"types": ["array"]})
    def _func_sum(self, values: list[Any]) -> Number:
        return _sum("sum", values)

    @signature({"types": ["array"]})
    def _func_avg(self, values: list[Any]) -> Number | None:
        if not values:
            return None
        return _result(EXACT.divide(Decimal(_sum("avg", values)), Decimal(len(values))))

    @signature({"types": ["array"]})
    def _func_max(self, values: list[Any]) -> Any:
        return max(_ordered("max", values), default=None)

    @signature({"types": ["array"]})
    def _func_min(self, values: list[Any]) -> Any:
        return min(_ordered("min", values), default=None)

    @signature({"types": ["array"]})
    def _func_sort(self, values: list[Any]) -> list[Any]:
        return sorted(_ordered("sort", values))

    @signature(_ANY)
    def _func_to_number(self, value: Any) -> Number | None:
        if isinstance(value, str):
            try:
                value = json.loads(value, parse_float=Decimal)
            except (ValueError, RecursionError):
                return None
        return exact_number(value)

    @signature(_ANY)
    def _func_to_string(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        number = exact_number(value)
        if number is not None:
            return str(number)
        return json.dumps(value, separators=(",", ":"), default=_refuse_decimals)

    @signature(_ANY)
    def _func_type(self, value: Any) -> str | None:
        if exact_number(value) is not None:
            return "number"
        kinds = {str: "string", bool: "boolean", list: "array", dict: "object"}
        return "null" if value is None else kinds.get(type(value))


def check_call(name: str, arguments: int) -> None:
    """Check before the first record that a function exists and takes the arguments.

    Raises:
        ValueError: It does not.
    """
    known = ExactFunctions.FUNCTION_TABLE.get(name)
    if known is None:
        reason = f"JMESPath has no function {name}()"
        raise ValueError(reason)
    expected = known["signature"]
    variadic = bool(expected) and bool(expected[-1].get("variadic"))
    if arguments < len(expected) or (arguments > len(expected) and not variadic):
        reason = f"the function {name}() takes {len(expected)} argument(s)"
        raise ValueError(reason)


def _number(function: str, value: Any) -> Decimal:
    number = exact_number(value)
    if number is None:
        raise _mistyped(function, value)
    return Decimal(number)


def _sum(function: str, values: list[Any]) -> Number:
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, _number(function, value))
    return _result(total)


def _ordered(function: str, values: list[Any]) -> list[Any]:
    """Return values that can be ordered: all texts, or all numbers."""
    if all(isinstance(value, str) for value in values):
        return values
    return [_result(_number(function, value)) for value in values]


def _result(number: Decimal) -> Number:
    """Return a whole number as an integer, unless it has too many digits."""
    whole = number.adjusted() < _MOST_DIGITS and number == number.to_integral_value()
    return int(number) if whole else number


def _refuse_decimals(value: Any) -> Any:
    error = _mistyped("to_string", value)
    raise error


def _mistyped(function: str, value: Any) -> JMESPathTypeError:
    return JMESPathTypeError(function, None, type(value).__name__, [])
