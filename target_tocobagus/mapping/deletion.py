"""The mark of a deleted record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from target_tocobagus.mapping.values import Entry

DELETED: Final = "_sdc_deleted_at"
"""The column in which a tap marks a deleted row."""


def is_deleted(record: Entry) -> bool:
    """Whether a tap marked a record as deleted; null, false and an empty text do not count.

    A tap without types writes false as a text, and a database without truth values as 0.
    """
    mark = record.get(DELETED)
    return mark is not None and str(mark).strip().lower() not in {"", "false", "0"}
