"""An update of stock, answered row by row."""

import hashlib
from typing import Any

import msgspec

from target_tocobagus.sandbox.catalogue import Catalogue
from target_tocobagus.sandbox.items import BadRow, Item, read_item
from target_tocobagus.sandbox.scenario import Fault, Reject

_NO_FAULT = Fault()


class Outcome(msgspec.Struct, frozen=True):
    """What became of the rows of one request.

    Attributes:
        applied: The items that count, in the order of their rows.
        accepted: ``acceptedRows`` of the answer.
        errors: ``errors`` of the answer.
    """

    applied: list[Item]
    accepted: list[dict[str, Any]]
    errors: list[dict[str, Any]]


def judge(rows: list[Any], catalogue: Catalogue, fault: Fault | None) -> Outcome:
    """Decide every row by itself.

    Args:
        rows: The items as they were sent.
        catalogue: What exists.
        fault: What the scenario refuses beyond that.
    """
    outcome = Outcome([], [], [])
    for index, row in enumerate(rows):
        verdict = _verdict(index, row, catalogue, fault or _NO_FAULT)
        if isinstance(verdict, BadRow):
            outcome.errors.append(_error(index, verdict))
        else:
            outcome.applied.append(verdict)
            outcome.accepted.append(_accepted(index, verdict))
    return outcome


def _verdict(index: int, row: Any, catalogue: Catalogue, fault: Fault) -> Item | BadRow:
    item = read_item(row)
    if isinstance(item, BadRow):
        return item
    if objection := catalogue.objection(item):
        return objection
    several = fault.reject_multi_warehouse if len(item.levels) > 1 else None
    for reject in (*fault.reject, several) if several else fault.reject:
        if reject.covers(index, item.identifier):
            return _refused(reject, item)
    return item


def _refused(reject: Reject, item: Item) -> BadRow:
    return BadRow(reject.code, reject.message, reject.reason, item.kind, item.identifier)


def _error(index: int, row: BadRow) -> dict[str, Any]:
    error = {"code": row.code, "message": row.message, "rowIndex": index}
    if row.identifier is not None:
        error[row.kind] = row.identifier
    return {**error, "details": {"context": {"reason": row.reason}}}


def _accepted(index: int, item: Item) -> dict[str, Any]:
    """Give an accepted row.

    The ids are the platform's own and not those that were sent: so it is in the documentation's
    example, and only ``rowIndex`` can identify a row. They are made from the identifier, so that
    the same product has the same ids in each answer.
    """
    digest = hashlib.blake2b(item.identifier.encode(), digest_size=32).hexdigest()
    row = {
        "rowIndex": index,
        "target": "variant",
        "id": _uuid(digest[:32]),
        "externalId": _uuid(digest[32:]),
    }
    if item.kind == "sku":
        row["sku"] = item.identifier
    return row


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
