"""What an answer means for each item of a part: settled, in doubt, or to be sent again; pure.

The ledger records it, and then `reply_handler` carries it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.core.model import NoReply
from target_tocobagus.delivery.reply_fields import failure_code, refuses_request
from target_tocobagus.delivery.request_part import RequestPart, answered, one_by_one
from target_tocobagus.delivery.retry import Answer, RejectItem, Settle
from target_tocobagus.delivery.settle import FailedItem, RowError

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier, Reply
    from target_tocobagus.window.pending import Item

_KNOWN: Final = frozenset({400, 401, 403, 413, 422, 425, 429})
"""With one of these a request was not applied."""
_TIMED_OUT: Final = 408
_SERVER_ERRORS: Final = 500
_UNACCOUNTED: Final = RowError("UNACCOUNTED", "the API's answer does not say what became of it", "")


class Verdict(msgspec.Struct):
    """What becomes of the items of a part.

    Attributes:
        refused: Items that it has refused, or left out twice.
        again: Parts to be sent again at once, because of what the answer says of their rows.
        unknown: Items that this attempt may or may not have changed.
        blind: The reply did not name the refused item; it was alone in the request.
    """

    decision: Answer
    accepted: list[Item] = []
    refused: list[FailedItem] = []
    again: list[RequestPart] = []
    unknown: list[Identifier] = []
    blind: bool = False
    request_id: str = ""
    batch_id: str | None = None


def judge(decision: Answer, reply: Reply | NoReply, part: RequestPart) -> Verdict:
    """Apply a decision to the items of the part."""
    if isinstance(decision, Settle):
        return _of_rows(decision, part)
    verdict = Verdict(decision)
    if may_be_applied(reply):
        verdict.unknown = [item.identifier for item in part.items]
    if isinstance(decision, RejectItem):
        verdict.request_id, verdict.blind = decision.request_id, decision.blind
        _refuse(part.items[0], decision.error, part, verdict)
    return verdict


def may_be_applied(reply: Reply | NoReply) -> bool:
    """Whether the API may have applied a request, or may still do so, without saying so by row.

    It surely has not, if nothing was sent, or if it refused the request itself.
    """
    if isinstance(reply, NoReply):
        return reply.sent
    if failure_code(reply.body).startswith("AUTH_") or reply.status in _KNOWN:
        return False
    is_late = reply.status == _TIMED_OUT or reply.status >= _SERVER_ERRORS
    return is_late or not refuses_request(reply.body)


def _of_rows(decision: Settle, part: RequestPart) -> Verdict:
    settlement = decision.settlement
    verdict = Verdict(decision, request_id=decision.request_id, batch_id=settlement.batch_id)
    verdict.accepted = [part.items[index] for index in settlement.accepted]
    forgotten = tuple([part.items[index] for index in settlement.unaccounted])
    verdict.unknown = [item.identifier for item in forgotten]
    if forgotten and not part.forgotten:
        verdict.again.append(answered(part, forgotten, forgotten=True))
    for index, error in settlement.refused:
        _refuse(part.items[index], error, part, verdict)
    for item in forgotten if part.forgotten else ():
        verdict.refused.append(FailedItem(item, _UNACCOUNTED, decision.request_id))
    return verdict


def _refuse(item: Item, error: RowError, part: RequestPart, verdict: Verdict) -> None:
    """Refuse an item; if it has several warehouses, try each of them first."""
    divisible = len(item.levels) > 1 and not error.is_unlisted
    if divisible and not part.single and not part.retest:
        verdict.again += one_by_one(item, part)
    else:
        failed = FailedItem(item, error, verdict.request_id, verdict.batch_id)
        verdict.refused.append(failed)
