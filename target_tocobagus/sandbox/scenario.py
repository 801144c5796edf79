"""The sandbox's credentials, and the faults that it makes, as values.

A scenario is one JSON object. Its rules each say *when* (every condition that is given must hold)
and *which fault*. All rules that fit a request apply together; where two set the same field, the
earlier rule wins.
"""

import re
from typing import Any, Literal

import msgspec

Numbers = int | str | tuple[int | str, ...]
"""Which numbers: ``3``, ``"2-5"``, ``"4-"`` (4 and later), or a list of those."""
# Not a pattern of msgspec's: a process that has used one may crash when it ends
# (https://github.com/msgspec/msgspec/issues/717).
_SPAN = re.compile(r"[0-9]+(-[0-9]*)?")


class Store(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A store that the partner may act for."""

    client_id: str
    token: str


class Credentials(msgspec.Struct, frozen=True):
    """The partner and its first store; the defaults are plainly fake and public.

    Their forms are the documentation's (22 digits, ``stkn_…``), their values nobody's.
    """

    partner_client_id: str = "2000000000000000000001"
    partner_secret: str = "sandbox-partner-secret"  # noqa: S105  # fake and public, so that a newcomer can start
    store_client_id: str = "2000000000000000000002"
    store_token: str = "stkn_sandbox"  # noqa: S105  # fake and public, as above

    def first_store(self) -> Store:
        """Give the store of these credentials."""
        return Store(self.store_client_id, self.store_token)


class Reject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows refused one by one with an error of the scenario's choice.

    Attributes:
        identifiers: Rows that have one of these; empty: not chosen by identifier.
        rows: Rows at these indexes; empty: not chosen by index. Neither given: every row.
        code: The error's code.
        message: The error's text.
        reason: What ``details.context.reason`` says.
    """

    identifiers: frozenset[str] = frozenset()
    rows: frozenset[int] = frozenset()
    code: str = "SBX_001"
    message: str = "Row refused by the scenario"
    reason: str = "The scenario says so"

    def covers(self, index: int, identifier: str | None) -> bool:
        """Say whether this row is refused."""
        everything = not self.identifiers and not self.rows
        return everything or index in self.rows or identifier in self.identifiers


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What goes wrong with one request; fields combine.

    Attributes:
        latency_ms: Waits so much longer before it answers (the update is applied on arrival).
        latency_ms_per_item: The same, for each item of the request.
        apply_late_ms: Does nothing at all for so long, then applies and answers, even if the
            client has given up by then.
        hang: Never answers: until the client goes away (true) or for so many seconds, after which
            the connection is closed. Not applied.
        drop_before: Closes the connection without an answer and without applying: ``rst``, ``fin``.
        drop_after: The same after applying.
        status: Answers with this status and no rows. Not applied.
        code: The error's code of that answer.
        message: The error's text of that answer.
        retry_after: Seconds for a ``Retry-After`` header.
        retry_after_date: Writes them as a date.
        location: The ``Location`` of a redirect.
        headers: Further headers of that answer, such as a proxy's ``Via``.
        html: Answers with an HTML page, as a proxy in front of the API may; status 200 unless set.
        body: Answers with this JSON value in place of the API's; status 200 unless set.
        apply: Applies the update although the answer (status, html, body, hang) denies it.
        max_items: Answers 413 to a request of more items.
        max_body_bytes: Answers 413 to a larger body.
        reject: Rows to refuse.
        reject_multi_warehouse: Refuses items of several warehouses.
        omit_rows: Rows that the answer forgets, by index or identifier, though they were applied.
        both_lists: Indexes of rows that stand in both lists of the answer.
        twice: Indexes of rows that stand twice in their list.
        extra_rows: Indexes that the answer accepts though no such row was sent.
        drop_batch_id: Answers without ``batchId``.
        summary: Fields of the summary that say something else than the lists.
        dispatch: What ``meta.dispatch`` says.
        success: What ``success`` says, rows or not.
        rows_status: The HTTP status of an answer that has rows.
        truncate: Sends only so many bytes of the body, as if they were all.
        cut: Sends only so many bytes of the body, then closes the connection.
        drip_ms: Sends the body byte by byte with such a pause between two.
        drip_headers: Sends the status line and the headers that way too.
        skew_ms: How far the server's clock is ahead, for this request.
        drop_date: Answers without a ``Date`` header.
    """

    latency_ms: float = 0
    latency_ms_per_item: float = 0
    apply_late_ms: float = 0
    hang: bool | float = False
    drop_before: Literal["rst", "fin"] | None = None
    drop_after: Literal["rst", "fin"] | None = None
    status: int | None = None
    code: str | None = None
    message: str | None = None
    retry_after: int | None = None
    retry_after_date: bool = False
    location: str | None = None
    headers: dict[str, str] = {}
    html: bool = False
    body: Any = None
    apply: bool = False
    max_items: int | None = None
    max_body_bytes: int | None = None
    reject: tuple[Reject, ...] = ()
    reject_multi_warehouse: Reject | None = None
    omit_rows: frozenset[int | str] = frozenset()
    both_lists: frozenset[int] = frozenset()
    twice: frozenset[int] = frozenset()
    extra_rows: tuple[int, ...] = ()
    drop_batch_id: bool = False
    summary: dict[str, int] = {}
    dispatch: bool | None = None
    success: bool | None = None
    rows_status: int | None = None
    truncate: int | None = None
    cut: int | None = None
    drip_ms: float = 0
    drip_headers: bool = False
    skew_ms: int = 0
    drop_date: bool = False

    def names(self) -> tuple[str, ...]:
        """Give the names of the fields that are set."""
        return tuple(msgspec.to_builtins(self))


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which requests a rule is for; each condition that is given must hold.

    Attributes:
        requests: The request's number since the scenario was set, from 1.
        on_connection_request: Its number on its connection, from 1.
        identifiers: Any of its items has one of these.
        min_items: It has at least so many items.
        share: A share of all requests, from 0 to 1, chosen by the scenario's seed.
        path: Its path after the base path.
        method: Its method.
    """

    requests: Numbers | None = None
    on_connection_request: Numbers | None = None
    identifiers: frozenset[str] | None = None
    min_items: int | None = None
    share: float | None = None
    path: str | None = None
    method: str | None = None

    def __post_init__(self) -> None:
        """Refuse texts that are not numbers."""
        for numbers in (self.requests, self.on_connection_request):
            for each in numbers if isinstance(numbers, tuple) else (numbers,):
                if isinstance(each, str) and not _SPAN.fullmatch(each):
                    message = f"{each!r} is neither a number nor numbers such as '2-5' and '4-'"
                    raise ValueError(message)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule: when it applies, how often at most, and what it does."""

    fault: Fault
    when: When = When()
    times: int | None = None


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings of the sandbox's behaviour; each field has a harmless default.

    Attributes:
        latency_ms: Before every answer; None leaves it to the command line.
        signature_prefix: The text before the hex in ``x-signature``; empty for bare hex.
        signed_path_prefix: What the signed path has before ``/partner/…``.
        statuses: The HTTP status of an error code, where another than the sandbox's own is wanted.
        codes: What the API calls an error, where another code than the sandbox's own is wanted.
        skew_ms: How far the server's clock is ahead, for every request.
        stores: Further stores that the partner may act for.
        seed: For ``share``.
        rules: What goes wrong, and when.
    """

    latency_ms: float | None = None
    signature_prefix: str = "sha256="
    signed_path_prefix: str = ""
    statuses: dict[str, int] = {}
    codes: dict[str, str] = {}
    skew_ms: int = 0
    stores: tuple[Store, ...] = ()
    seed: int = 0
    rules: tuple[Rule, ...] = ()


def read(value: Any) -> Scenario:
    """Read a scenario from decoded JSON; None is the harmless one.

    Raises:
        msgspec.ValidationError: It is not a scenario; the text says where.
    """
    return Scenario() if value is None else msgspec.convert(value, Scenario)
