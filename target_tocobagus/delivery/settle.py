"""A reply turned into one outcome per row.

Only ``rowIndex`` identifies a row. The ids in a reply are not always those that were sent, its
``message`` and ``success`` prove nothing, and its lists may miss a row or name it twice. So a row
is accepted or refused only if exactly one entry says so; otherwise it is unaccounted for.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.json_lines import value_at

if TYPE_CHECKING:
    from target_tocobagus.window.pending import Item

_UNLISTED: Final = frozenset({"INV_001", "INV_002"})
"""Codes that mean: the store does not list the item."""


class RowError(msgspec.Struct, frozen=True):
    """Why the API refused a row: its code, its message, and the reason from its details."""

    code: str
    message: str
    reason: str

    @property
    def is_unlisted(self) -> bool:
        """Whether the store does not list the item, at any warehouse."""
        return self.code in _UNLISTED


class FailedItem(msgspec.Struct, frozen=True):
    """An item that a reply refused, with the facts of the reply that are written down."""

    item: Item
    error: RowError
    request_id: str = ""
    batch_id: str | None = None


class Settlement(msgspec.Struct, frozen=True):
    """The outcome of each row of a request; every index from 0 to rows - 1 is in exactly one.

    Attributes:
        accepted: Indexes of accepted rows.
        refused: Indexes of refused rows, each with its error.
        unaccounted: Indexes that the reply did not name, or named twice.
        batch_id: The id of this batch in the API's webhooks; not every reply has one.
        remarks: Contradictions within the reply, for a warning.
    """

    accepted: tuple[int, ...]
    refused: tuple[tuple[int, RowError], ...] = ()
    unaccounted: tuple[int, ...] = ()
    batch_id: str | None = None
    remarks: tuple[str, ...] = ()

    @property
    def names_none(self) -> bool:
        """Whether it settles no row: the lists are empty, or name no row of the request."""
        return not self.accepted and not self.refused


def settle(body: Any, rows: int) -> Settlement | None:
    """Settle the rows of a request by the reply to it.

    Args:
        body: The reply's decoded JSON, of any type.
        rows: How many items the request had.

    Returns:
        ``None`` if the reply has neither of the two lists, and so says nothing about rows.
    """
    lists = [value_at(body, "data", "acceptedRows"), value_at(body, "data", "errors")]
    if not any(isinstance(entries, (list, tuple)) for entries in lists):
        return None
    accepted, errors = _row_numbers(lists[0]), _by_row(lists[1])
    settlement = Settlement(accepted, batch_id=_text(body["data"].get("batchId")) or None)
    if accepted != tuple(range(rows)) or errors:  # mostly each is accepted, in its order
        counts = Counter([*accepted, *[index for index, _ in errors]])
        sole = {index for index in range(rows) if counts[index] == 1}
        settlement = Settlement(
            accepted=tuple([index for index in accepted if index in sole]),
            refused=tuple([(index, _row_error(entry)) for index, entry in errors if index in sole]),
            unaccounted=tuple([index for index in range(rows) if index not in sole]),
            batch_id=settlement.batch_id,
        )
    return msgspec.structs.replace(settlement, remarks=tuple(_remarks(body, settlement, rows)))


def unusable(body: Any) -> str:
    """Say why a reply cannot be used to settle rows."""
    return "it is not JSON" if body is None else "it has neither acceptedRows nor errors"


def _row_numbers(entries: Any) -> tuple[int, ...]:
    """List the rows that entries name; usually `api.response_body` has done so already."""
    return entries if isinstance(entries, tuple) else tuple(index for index, _ in _by_row(entries))


def _by_row(entries: Any) -> list[tuple[int, dict[str, Any]]]:
    """Keep the entries with an integer ``rowIndex``; ``true`` and ``1.0`` are not integers here."""
    return [
        (entry["rowIndex"], entry)
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and type(entry.get("rowIndex")) is int
    ]


def _row_error(entry: dict[str, Any]) -> RowError:
    return RowError(
        code=_text(entry.get("code")) or "REFUSED",
        message=_text(entry.get("message")),
        reason=_text(value_at(entry, "details", "context", "reason")),
    )


def _text(value: Any) -> str:
    """Clean a text, because it is shown, logged and written to files."""
    return "" if value is None else clean(str(value))


def _remarks(body: dict[str, Any], settlement: Settlement, rows: int) -> list[str]:
    remarks = []
    summary = body["data"].get("summary")
    failed = len(settlement.refused)
    if isinstance(summary, dict) and (summary.get("total"), summary.get("failed")) != (
        rows,
        failed,
    ):
        remarks.append("its summary disagrees with its lists of rows")
    meta = body.get("meta")
    if isinstance(meta, dict) and meta.get("dispatch", True) is not True and settlement.accepted:
        remarks.append("meta.dispatch is not true although rows were accepted")
    return remarks
