"""What the workers ask the ledger, and tell it: none of it under the lock.

A worker's batch is *marked* before its first request leaves; each reply is *recorded* before the
lock is taken to settle its rows; and a batch that is given up is *left*. `ledger_books` does so;
without a ledger nothing is asked, and each step does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.delivery.reply_handler import Work
    from target_tocobagus.delivery.request_part import RequestPart
    from target_tocobagus.delivery.verdict import Verdict
    from target_tocobagus.window.pending import Item


class Books:
    """Without a ledger."""

    def open(self, work: Work) -> None:
        """Leave out of a batch what needs no request, and mark the rest."""

    def before(self, part: RequestPart, work: Work) -> None:
        """Mark an item that has joined the batch to test the request."""

    def record(self, verdict: Verdict, part: RequestPart, work: Work, seconds: float) -> None:
        """Record what an answer settles."""

    def leave(self, work: Work, parts: Iterable[RequestPart]) -> None:
        """Give up a batch, with these parts in flight: only what is in doubt stays marked."""

    def last_accepted(self) -> list[Item]:
        """Return items that the API accepted in an earlier run, to test a request with."""
        return []
