"""Decides what to do after an attempt, from its reply, what was sent, and the situation; pure.

The order of the checks matters. First the clock, then the credentials: nothing more is sent with a
signature that the API does not accept. Then replies that say nothing about rows. Only a reply that
names rows settles them. Then a refusal of the request by the API itself, known by its body and not
by its status. A request whose outcome is unknown is sent again, whole or in parts, until there is
an answer.

Nothing here waits, and nothing is random: the jitter comes in with the situation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from target_tocobagus.core.errors import CredentialError, DeliveryError
from target_tocobagus.core.model import NoReply, Reply
from target_tocobagus.delivery.reply_fields import (
    as_time,
    describe,
    failure_code,
    failure_message,
    refuses_request,
    request_id,
    retry_after,
    server_clock,
)
from target_tocobagus.delivery.request_part import answered, halves
from target_tocobagus.delivery.settle import RowError, Settlement, settle, unusable

if TYPE_CHECKING:
    from target_tocobagus.delivery.request_part import RequestPart

_BASE_SECONDS: Final = 0.5
_CAP_SECONDS: Final = 30.0
_OUTAGE: Final = 20
"""So many failures without an acceptance between them are not caused by a single row."""

_TOLERANCE: Final = 300.0
"""Seconds that a timestamp may differ from the server's clock (the partner guide)."""
_DAY: Final = 86_400.0
"""If the clocks differ by more, one of them is broken, and the server's is not used."""

_SUCCESSES: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_TOO_LARGE: Final = 413
_SERVER_ERRORS: Final = 500
_TRANSIENT: Final = frozenset({408, 425, 429})
_THROTTLING: Final = frozenset({429, 503})
_REFUSING: Final = frozenset({400, 422})


class Situation(msgspec.Struct, frozen=True):
    """What an answer depends on beside the reply.

    Attributes:
        now: The monotonic clock, in seconds.
        wall: The server's time, as far as it is known, in seconds since the epoch.
        machine: This machine's time, in the same unit.
        clock: The number of the clock offset in force; 0 if it was never set.
        accepted_at: When the API last accepted a row in this run, by the monotonic clock.
        failures: Failed attempts since then, of all workers; for several rows, or in a search, only
            those of searches, because many failures are the reason for a search.
        max_retry: How long one batch may be tried, in seconds.
        jitter: A random number from 0 to 1.
    """

    now: float
    wall: float
    machine: float
    clock: int
    accepted_at: float | None
    failures: int
    max_retry: float
    jitter: float


class Settle(msgspec.Struct, frozen=True):
    """The reply settles rows."""

    settlement: Settlement
    request_id: str


class Again(msgspec.Struct, frozen=True):
    """Send these instead of the part that was sent.

    Attributes:
        parts: That part, or what it was divided into, in order.
        after: Seconds to wait first.
        hold: Seconds in which no worker may begin a request, because the API asked for it.
        throttle: There are too many requests at once.
        last: After everything else that the worker has to send.
        server_ms: The server's time to be used from now on, in milliseconds since the epoch.
    """

    parts: tuple[RequestPart, ...]
    cause: str
    after: float = 0.0
    hold: float = 0.0
    throttle: bool = False
    last: bool = False
    refused_size: bool = False
    server_ms: int | None = None


class RejectItem(msgspec.Struct, frozen=True):
    """The request was refused because of its only item.

    Attributes:
        blind: The reply did not name the item; it was alone in the request.
    """

    error: RowError
    blind: bool
    request_id: str


class Stop(msgspec.Struct, frozen=True):
    """Nothing more can be sent."""

    error: DeliveryError


Answer: TypeAlias = Settle | Again | RejectItem | Stop


def answer(reply: Reply | NoReply, part: RequestPart, situation: Situation) -> Answer:
    """Decide what follows from a reply."""
    if isinstance(reply, NoReply):
        return _after_silence(reply, part, situation)
    code = failure_code(reply.body)
    if code == "AUTH_003":
        return _after_wrong_time(reply, part, situation)
    if code.startswith("AUTH_") or reply.status in {401, 403}:
        return Stop(CredentialError(_credential_message(reply, code, situation)))
    if reply.status in _TRANSIENT or reply.status >= _SERVER_ERRORS:
        return _after_failure(reply, part, situation)
    return _after_verdict(reply, part, situation)


def _after_verdict(reply: Reply, part: RequestPart, situation: Situation) -> Answer:
    """The server has looked at the request: its rows, its size, or its whole."""
    if reply.status == _TOO_LARGE:
        return _after_too_large(reply, part)
    if reply.status in _REDIRECTS:
        hint = "redirects are never followed, because they would send the credentials elsewhere"
        return Stop(DeliveryError(describe(reply, f"an answer that cannot be used: {hint}")))
    refused = refuses_request(reply.body)
    settlement = settle(reply.body, len(part.items))
    if settlement is not None and not (refused and settlement.names_none):
        return Settle(settlement, request_id(reply.body))
    if refused or reply.status in _REFUSING:
        return _after_refusal(reply, part)
    if reply.status in _SUCCESSES:
        meaning = f"an answer that names no rows: {reply.unread or unusable(reply.body)}"
        return _retry(part, situation, describe(reply, meaning))
    return Stop(DeliveryError(describe(reply, "an answer that cannot be used: check api_url")))


def back_off(attempts: int, jitter: float) -> float:
    """Return the seconds to wait after failed attempts: exponential, with full jitter."""
    return jitter * min(_CAP_SECONDS, _BASE_SECONDS * 2.0 ** min(attempts, 16))


def _after_silence(reply: NoReply, part: RequestPart, situation: Situation) -> Answer:
    if not reply.timed_out:
        return _retry(part, situation, reply.cause)
    timed_out = msgspec.structs.replace(part, timed_out=len(part.items))
    return _retry(timed_out, situation, reply.cause, parts=halves(timed_out))


def _after_wrong_time(reply: Reply, part: RequestPart, situation: Situation) -> Answer:
    """Use the server's time, if the clock can be the reason.

    A clock that has worked, or was the server's own, is used for one more attempt: one name may
    have several servers, and if one of their clocks is wrong, switching between them would never
    end.
    """
    cause = describe(reply, "the timestamp is refused")
    if reply.clock < situation.clock:
        return _retry(part, situation, cause)
    server_ms = server_clock(reply)
    if server_ms is None:
        return _stop_for_clock(reply, "the timestamp is refused, and the reply has no time")
    server = server_ms / 1000
    if abs(server - reply.signed_ms / 1000) <= _TOLERANCE:
        return _stop_for_clock(reply, "the timestamp is refused, but it is the server's own time")
    served = situation.clock > 0 or situation.accepted_at is not None
    if served and not part.doubted:
        return _retry(msgspec.structs.replace(part, doubted=True), situation, cause)
    if abs(server - situation.machine) > _DAY:
        times = f"server {as_time(server)}, this machine {as_time(situation.machine)}"
        return _stop_for_clock(reply, f"the clocks are more than a day apart ({times})")
    follower = msgspec.structs.replace(part, doubted=False)
    return _retry(follower, situation, cause, server_ms=server_ms)


def _stop_for_clock(reply: Reply, meaning: str) -> Stop:
    return Stop(CredentialError(describe(reply, f"{meaning}: check this machine's clock")))


def _after_failure(reply: Reply, part: RequestPart, situation: Situation) -> Answer:
    cause = describe(reply, "the API asks to try again")
    server_error = reply.status >= _SERVER_ERRORS
    if server_error and (part.probing or situation.now - part.since >= situation.max_retry):
        return _probe(reply, part, situation)
    wait = retry_after(reply, situation.wall)
    return _retry(part, situation, cause, throttle=reply.status in _THROTTLING, wait=wait)


def _probe(reply: Reply, part: RequestPart, situation: Situation) -> Answer:
    """After `max_retry_seconds` of server errors, search for the row that the server fails on.

    Only acceptances of other rows show that it is a bad row and not an outage. So one is needed at
    each step: to divide, since the batch was first tried; to give up a row, since the search began.
    """
    accepted_at = situation.accepted_at
    gone = DeliveryError(describe(reply, "the API fails, and max_retry_seconds have passed"))
    if accepted_at is None or accepted_at < part.since or situation.failures >= _OUTAGE:
        return Stop(gone)
    cause = describe(reply, "the API fails on a part of this batch")
    if len(part.items) > 1:
        began = part.probing or situation.now
        return Again(halves(msgspec.structs.replace(part, probing=began, attempts=0)), cause)
    if accepted_at >= (part.probing or part.since):
        return _reject(reply, RowError("SERVER_ERROR", cause, ""))
    if part.postponed:
        return Stop(gone)
    return Again((msgspec.structs.replace(part, postponed=True),), cause, last=True)


def _after_too_large(reply: Reply, part: RequestPart) -> Answer:
    if len(part.items) > 1:
        return Again(
            halves(answered(part, part.items)),
            describe(reply, "the request is too large"),
            refused_size=True,
        )
    cause = describe(reply, "this item alone is too large for a request")
    return _reject(reply, RowError("TOO_LARGE", cause, ""))


def _after_refusal(reply: Reply, part: RequestPart) -> Answer:
    """Divide a request that was refused without naming a row, until each row is alone."""
    if len(part.items) > 1:
        return Again(
            halves(answered(part, part.items)), describe(reply, "a refusal that names no rows")
        )
    code = failure_code(reply.body) or f"HTTP_{reply.status}"
    message = failure_message(reply.body) or f"HTTP {reply.status}"
    return _reject(reply, RowError(code, message, ""), blind=True)


def _reject(reply: Reply, error: RowError, *, blind: bool = False) -> RejectItem:
    return RejectItem(error, blind, request_id(reply.body))


def _retry(
    part: RequestPart,
    situation: Situation,
    cause: str,
    *,
    parts: tuple[RequestPart, ...] = (),
    wait: float | None = None,
    **more: Any,
) -> Answer:
    """Send a part, or what it was divided into, again, if there is time.

    `Retry-After` never makes a wait shorter: the API may ask for 0 for ever.
    """
    left = part.since + situation.max_retry - situation.now
    if left <= 0:
        return Stop(DeliveryError(f"{cause}; max_retry_seconds have passed"))
    if wait is not None and wait > left:
        asked = f"the API asks to wait {wait:.0f} s, more than max_retry_seconds allow"
        return Stop(DeliveryError(f"{cause}; {asked}"))
    again = parts or (part,)
    return Again(
        tuple(msgspec.structs.replace(each, attempts=part.attempts + 1) for each in again),
        cause,
        after=min(max(back_off(part.attempts, situation.jitter), wait or 0.0), left),
        hold=wait or 0.0,
        **more,
    )


def _credential_message(reply: Reply, code: str, situation: Situation) -> str:
    names = "partner_client_id, partner_secret, store_client_id and store_token"
    if code == "AUTH_010":
        names = "partner_secret"
    if situation.accepted_at is None:
        names += ", and that the server expects this signature_prefix and signed_path_prefix"
    return describe(reply, f"the API does not accept the credentials: check {names}")
