"""The sandbox's credentials, and a scenario: the faults that it makes, as values.

A scenario is a JSON object. Each of its rules has conditions, which must all hold, and a fault. If
several rules fit a request, their faults are joined; if two set the same field, the earlier rule
wins.
"""

import random
import re
from typing import Annotated, Any, Literal

import msgspec

from target_tocobagus.sandbox.messages import Request

# Not a pattern of msgspec's: a process that has used one may crash when it ends
# (https://github.com/msgspec/msgspec/issues/717).
_SPAN = re.compile(r"[0-9]+-[0-9]*")


class Store(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A store that the partner may act for."""

    client_id: str
    token: str


class Credentials(msgspec.Struct, frozen=True):
    """The partner and its first store.

    The defaults are fake and public; only their form (22 digits, ``stkn_…``) is documented.
    """

    partner_client_id: str = "2000000000000000000001"
    partner_secret: str = "sandbox-partner-secret"  # noqa: S105  # fake and public, so that a newcomer can start
    store_client_id: str = "2000000000000000000002"
    store_token: str = "stkn_sandbox"  # noqa: S105  # fake and public, as above


class Reject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Refuses single rows; without any of the first three, all.

    Attributes:
        identifiers: Those with these identifiers.
        rows: Those at these indexes.
        every: Every n-th, beginning with the first.
    """

    identifiers: frozenset[str] = frozenset()
    rows: frozenset[int] = frozenset()
    every: Annotated[int, msgspec.Meta(ge=1)] | None = None
    code: str = "SBX_001"
    message: str = "Row refused by the scenario"
    reason: str = "The scenario says so"

    def covers(self, index: int, identifier: str | None) -> bool:
        """Tell whether this row is refused."""
        if self.every is not None and index % self.every == 0:
            return True
        everything = not self.identifiers and not self.rows and self.every is None
        return everything or index in self.rows or identifier in self.identifiers


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What goes wrong with one request; fields combine.

    Attributes:
        latency_ms: Applies the update at once, and waits so long before it answers.
        apply_late_ms: Waits so long before it applies and answers, even if the client leaves.
        hang: Never answers. The update is not applied.
        drop_before: Closes the connection (``rst`` or ``fin``), and does not apply the update.
        drop_after: The same, but applies the update.
        status: Answers with this HTTP status and no rows. The update is not applied.
        code: The error's code of that answer.
        message: The error's text of that answer.
        retry_after: Seconds for a ``Retry-After`` header of that answer.
        retry_after_date: Writes them as a date.
        headers: Further headers of that answer, such as a proxy's ``Via``.
        html: Answers with an HTML page, as a proxy may; status 200 unless set.
        body: Answers with this JSON value; status 200 unless set.
        apply: Applies the update although the answer (status, html, body, hang) denies it.
        max_items: Answers 413 to a request with more items.
        reject: Rows to refuse.
        reject_multi_warehouse: Refuses items with several warehouses.
        omit_rows: Rows that were applied and that the answer leaves out, by index or identifier.
        both_lists: Indexes of accepted rows that are listed as errors too.
        twice: Indexes of rows that are listed twice.
        extra_rows: Indexes of accepted rows that were not sent.
        drop_batch_id: Answers without ``batchId``.
        success: The value of ``success`` in an answer with rows.
        rows_status: The HTTP status of an answer with rows.
        truncate: Sends only so many bytes of the body, and a ``Content-Length`` that agrees.
        cut: Sends only so many bytes of the body, then closes the connection.
        drip_ms: Sends the body byte by byte, with a pause of this length after each.
        drip_headers: Sends the status line and the headers so too.
        skew_ms: How far the server's clock is ahead, for this request.
        drop_date: Answers without a ``Date`` header.
    """

    latency_ms: float = 0
    apply_late_ms: float = 0
    hang: bool = False
    drop_before: Literal["rst", "fin"] | None = None
    drop_after: Literal["rst", "fin"] | None = None
    status: int | None = None
    code: str | None = None
    message: str | None = None
    retry_after: int | None = None
    retry_after_date: bool = False
    headers: dict[str, str] = {}
    html: bool = False
    body: Any = None
    apply: bool = False
    max_items: int | None = None
    reject: tuple[Reject, ...] = ()
    reject_multi_warehouse: Reject | None = None
    omit_rows: frozenset[int | str] = frozenset()
    both_lists: frozenset[int] = frozenset()
    twice: frozenset[int] = frozenset()
    extra_rows: tuple[int, ...] = ()
    drop_batch_id: bool = False
    success: bool | None = None
    rows_status: int | None = None
    truncate: int | None = None
    cut: int | None = None
    drip_ms: float = 0
    drip_headers: bool = False
    skew_ms: int = 0
    drop_date: bool = False

    def names(self) -> tuple[str, ...]:
        """Return the names of the fields that are set."""
        return tuple(msgspec.to_builtins(self))


NO_FAULT = Fault()


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The conditions of a rule; all that are given must hold.

    Attributes:
        requests: Its number since the scenario was set: ``3``, ``"2-5"``, or ``"4-"`` and later.
        identifiers: One of its items has one of these.
        stores: It is for one of these stores, by client id.
        share: The share of requests, from 0 to 1, that are chosen at random.
    """

    requests: int | str | None = None
    identifiers: frozenset[str] | None = None
    stores: frozenset[str] | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        """Refuse a text that is not a range."""
        if isinstance(self.requests, str) and not _SPAN.fullmatch(self.requests):
            message = f"{self.requests!r} is not a range such as '2-5' or '4-'"
            raise ValueError(message)

    def fits(self, number: int, request: Request) -> bool:
        """Tell whether a request meets these conditions, but for `share`."""
        if self.identifiers is not None and self.identifiers.isdisjoint(request.identifiers):
            return False
        if self.stores is not None and request.store not in self.stores:
            return False
        if isinstance(self.requests, str):
            first, _, last = self.requests.partition("-")
            return int(first) <= number and (not last or number <= int(last))
        return self.requests in {None, number}


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault, and which requests it is for."""

    fault: Fault
    when: When = When()


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the sandbox behaves; by default, without faults.

    Attributes:
        latency_ms: Waits so long before every answer.
        signature_prefix: The text before the hex digits in ``x-signature``.
        signed_path_prefix: The part of the signed path before ``/partner/…``.
        skew_ms: How far the server's clock is ahead.
        stores: Further stores that the partner may act for.
        seed: Another seed chooses other requests for ``share``.
    """

    latency_ms: float = 0
    signature_prefix: str = "sha256="
    signed_path_prefix: str = ""
    skew_ms: int = 0
    stores: tuple[Store, ...] = ()
    seed: int = 0
    rules: tuple[Rule, ...] = ()

    def fault_for(self, number: int, request: Request) -> Fault:
        """Join the faults of the rules that fit a request; the same requests have the same."""
        fields: dict[str, Any] = {}
        for index in reversed(range(len(self.rules))):  # the earlier wins
            when = self.rules[index].when
            chosen = when.share is None or self._chance(index, number) < when.share
            if chosen and when.fits(number, request):
                fields |= msgspec.to_builtins(self.rules[index].fault)
        return msgspec.convert(fields, Fault) if fields else NO_FAULT

    def _chance(self, index: int, number: int) -> float:
        return random.Random(f"{self.seed}:{index}:{number}").random()  # noqa: S311  # repeatable, not secret
