"""Reads when records were extracted, without a step for each record.

Taps write a ``time_extracted`` into each RECORD message. Mostly the lines that are read at once
were extracted within a second; then those between the first and the last need not be looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.json_lines import REFUSED
from target_tocobagus.core.versions import milliseconds_of, read_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SECOND_MS: Final = 1000


class _Head(msgspec.Struct, gc=False):
    type: Any = None
    time_extracted: Any = None


_decode: Final = msgspec.json.Decoder(_Head).decode


def note_times(
    lines: Sequence[bytes], position: int, note: Callable[[int, int | None], None]
) -> None:
    """Note the times of the records among lines.

    Args:
        lines: Of the input, in order.
        position: The number of the last record before them.
        note: Takes the number of a record, and the time, in ms since the epoch, that holds for it
            and those that follow; ``None`` if it has none.
    """
    first, last = _first_record(lines), _first_record(reversed(lines))
    if first is None or last is None:
        return
    began, ended = _milliseconds(first), _milliseconds(last)
    if began == ended or (began and ended and abs(ended - began) < _SECOND_MS):
        note(position + 1, began)
        return
    records = [head for head in map(_head, lines) if head.type == "RECORD"]
    for number, head in enumerate(records, position + 1):
        note(number, _milliseconds(head))


def _first_record(lines: Iterable[bytes]) -> _Head | None:
    return next((head for head in map(_head, lines) if head.type == "RECORD"), None)


def _head(line: bytes) -> _Head:
    if b"RECORD" not in line:  # of millions of blank lines, none is worth an exception
        return _Head()
    try:
        return _decode(line)
    except REFUSED:
        return _Head()


def _milliseconds(head: _Head) -> int | None:
    return milliseconds_of(read_version(head.time_extracted) or "", any_time=True)
