"""Decides whether STATE may go out, and up to which position; pure.

Invariants:
- No STATE covers a row without an outcome, or a rejected row that is not written down.
- No STATE goes out while more rows are rejected than the settings allow: they must come again.
- No STATE goes out at the end of a run that rejected many rows and accepted none.
- No STATE covers a record while no stream has a mapping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_tocobagus.config.settings import Settings

_ENOUGH: Final = 100
"""The percentage is checked from this many updates on."""


def exceeded_limit(accepted: int, rejected: int, settings: Settings) -> str | None:
    """Name the setting whose limit the rejected updates exceed, if there is one."""
    rows, percent = settings.max_rejected_rows, settings.max_rejected_percent
    if rows is not None and rejected > rows:
        return "max_rejected_rows"
    judged = accepted + rejected
    if percent is not None and judged >= _ENOUGH and rejected * 100 > percent * judged:
        return "max_rejected_percent"
    return None


def is_open(limit: str | None, *, ending: bool, fruitless: bool) -> bool:
    """Tell whether any STATE may go out.

    Args:
        limit: The setting that the rejections exceed.
        ending: No further row is sent.
        fruitless: Many updates were rejected and none accepted.
    """
    return limit is None and not (ending and fruitless)


def first_held(lows: Iterable[int | None], *, position: int, maps_nothing: bool) -> int | None:
    """Find the lowest position that STATE must not cover; ``None`` if it may cover all.

    Args:
        lows: The lowest positions that wait, are in flight, are rejected and held, or belong to a
            stream that lacks a column; ``None`` for each of these without a position.
        position: The last record's; 0 before the first.
        maps_nothing: No record of a stream with a mapping has come.
    """
    if maps_nothing and position:
        return 1
    return min([low for low in lows if low is not None], default=None)
