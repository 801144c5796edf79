"""Locations: the client id of a tap's code, and the division of a quantity among locations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.core.model import RecordError, Skipped
from target_tocobagus.mapping.identifiers import TextError, text_of
from target_tocobagus.mapping.record_errors import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_tocobagus.config.settings import StockPolicy


_MOST_ASKED: Final = 100_000
"""At most this many codes are remembered: more cannot be codes of warehouses."""


class Locations:
    """The rules for warehouses' codes.

    Attributes:
        asked: The codes that were looked up in `warehouse_map`, found there or not.
    """

    __slots__ = ("_client_ids", "_native_ids", "_skips", "asked")

    def __init__(self, policy: StockPolicy) -> None:
        """Take the policy."""
        self._client_ids = policy.warehouse_map
        self._native_ids = _with_themselves(policy.warehouse_map)
        self._skips = policy.unmapped_warehouse == "skip"
        self.asked: set[str] = set()

    def client_id(self, code: Any, *, native: bool = False) -> str | Skipped | RecordError:
        """Find the client id of a code.

        Args:
            code: As the tap wrote it.
            native: The tap calls it a client id: one that is mapped to stays itself.

        Returns:
            The client id; or why there is none, without identifier. The location of an unmapped
            code's refusal is that code.
        """
        try:
            text = text_of(code)
        except TextError as error:
            return RecordError("BAD_WAREHOUSE", f"warehouse: {error}")
        if text is None:
            return RecordError("NO_WAREHOUSE", "the row has no warehouse")
        client_ids = self._native_ids if native else self._client_ids
        if client_ids is None:
            return text
        if len(self.asked) < _MOST_ASKED:
            self.asked.add(text)
        client_id = client_ids.get(text)
        return self._unmapped(text) if client_id is None else client_id

    def _unmapped(self, code: str) -> Skipped | RecordError:
        message = f"warehouse {shown(code)} is not in warehouse_map"
        if self._skips:
            return Skipped(message)
        return RecordError("UNMAPPED_WAREHOUSE", message, location=code)


def _with_themselves(client_ids: dict[str, str] | None) -> dict[str, str] | None:
    if client_ids is None:
        return None
    return {client_id: client_id for client_id in client_ids.values()} | client_ids


def divide(quantity: int, weights: Sequence[int]) -> list[int]:
    """Divide whole units by weight, by the largest remainder, ties to the earlier; none is lost.

    Args:
        quantity: Units, not below 0.
        weights: Each at least 1.
    """
    total = sum(weights)
    shares = [quantity * weight // total for weight in weights]
    remainders = [quantity * weight % total for weight in weights]
    first = sorted(range(len(weights)), key=lambda index: -remainders[index])
    for index in first[: quantity - sum(shares)]:
        shares[index] += 1
    return shares
