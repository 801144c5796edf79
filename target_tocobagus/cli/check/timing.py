"""How far the server's clock is from this machine's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from target_tocobagus.cli.check.advice_on_answers import Answers
from target_tocobagus.cli.check.finding import not_tried
from target_tocobagus.core.model import Reply
from target_tocobagus.delivery.reply_fields import describe, server_clock

if TYPE_CHECKING:
    from target_tocobagus.cli.check.finding import Finding
    from target_tocobagus.cli.check.observed import Answer

ENOUGH_MS: Final = 30_000
"""A clock that is farther off drifts; the server allows ten times as much."""


class Offset(NamedTuple):
    """How far the server's clock is ahead.

    Attributes:
        ms: Negative where it is behind.
        margin_ms: How far this may be from the truth, either way.
    """

    ms: int
    margin_ms: int

    def __str__(self) -> str:
        """Say it as a clause."""
        margin = f"{max(self.margin_ms, 100) / 1000:.1f} s"
        if abs(self.ms) <= self.margin_ms:
            return f"this machine's, as far as can be told (within {margin})"
        way = "ahead of" if self.ms > 0 else "behind"
        return f"{abs(self.ms) / 1000:.1f} s {way} this machine's (within {margin})"


def offset(answer: Answer) -> Offset | None:
    """Compare the clocks: by the time in a refusal, else by the ``Date`` of the answer.

    The server looked at its clock between the question and the answer, so half of the time between
    them is doubt; a ``Date`` knows no parts of a second.
    """
    reply = answer.reply
    half = (answer.received_ms - answer.sent_ms) // 2
    here = answer.sent_ms + half
    exact = server_clock(Reply(reply.status, reply.body))
    if exact is not None:
        return Offset(exact - here, half + 1)
    date = server_clock(Reply(reply.status, None, reply.headers))
    return None if date is None else Offset(date + 500 - here, half + 500)


def timed(answer: Answer, *, accepted: bool) -> Finding:
    """Say how the clocks stand, by an answer that did not complain of the time."""
    found = offset(answer)
    if found is None:
        if accepted:
            return Answers.CLOCK_CLOSE_ENOUGH.finding()
        return not_tried("clock", "the answer does not tell the server's time")
    drifts = abs(found.ms) - found.margin_ms > ENOUGH_MS
    return (Answers.CLOCK_OFF if drifts else Answers.CLOCK_RIGHT).finding(offset=found)


def refused(answer: Answer, now: str) -> Finding:
    """Say how the clocks stand, by an answer that refuses the time.

    Args:
        answer: It.
        now: What this machine's clock says.
    """
    described = describe(answer.reply, "The server refuses the time of the request")
    found = offset(answer)
    if found is None:
        return Answers.CLOCK_UNKNOWN.finding(described=described, now=now)
    return Answers.CLOCK_REFUSED.finding(described=described, offset=found)


def refused_again(answer: Answer) -> Finding:
    """Say that the server refuses its own time."""
    described = describe(answer.reply, "The server refuses the time of the request")
    return Answers.CLOCK_STUBBORN.finding(described=described)
