"""Sends levels that are gone from a stream as 0, on the order of an operator: all, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_tocobagus.config.settings import StockPolicy
from target_tocobagus.core.model import Level, Stock, Stream
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.stages import wire
from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Collection

    from target_tocobagus.api.transport import Dependencies
    from target_tocobagus.config.settings import Settings
    from target_tocobagus.core.model import Identifier, Place
    from target_tocobagus.ledger.levels.absent import AbsentLevel
    from target_tocobagus.pipeline.wakeup import WakeUp
    from target_tocobagus.report.totals import Totals


def send_zeros(
    settings: Settings,
    wakeup: WakeUp,
    stream: str,
    since: int,
    shown: Collection[Place],
    outside: Dependencies | None = None,
) -> Totals:
    """Send levels of a stream that were not named on a day or later as 0.

    They are looked for anew, under the lock of the store. They name no level: no row of the tap
    does. What is refused is logged, and not kept: there is no record to be mapped again.

    Args:
        settings: A checked configuration, with a ledger.
        wakeup: Where the main thread waits.
        stream: The stream.
        since: The day, in days since the epoch.
        shown: The levels that the operator has seen; no others are sent.
        outside: The API, its clock and jitter; by default those of the settings.

    Raises:
        StockOutsHeld: The guard would hold one of them; nothing was sent.
        TocobagusError: As a run.
    """
    settings = msgspec.structs.replace(settings, rejects_path=None, policy=StockPolicy())
    stages = wire(settings, wakeup, emit=lambda _: None, outside=outside)
    pipeline, ledger = Pipeline(stages), stages.ledger
    if ledger is None:
        raise AssertionError
    ledger.named_days.is_on = ledger.guard.sees_all = False
    try:
        found = ledger.absent(stream, since).in_stock
        levels = [each for each in found if (each.identifier, each.location) in shown]
        problem = ledger.refusal(_items(stream, levels))
        if problem is None and levels:
            ledger.doubt_sums()
        for level in levels if problem is None else ():
            pipeline.position += 1
            stock = Stock(level.identifier, level.location, 0)
            pipeline.take([stock], Stream(stream, entry=level.entry), b"")
    except Exception as error:
        if (first := pipeline.end_after(error)) is not error:
            raise first from None
        raise
    if problem is not None:
        pipeline.abort(problem)
        raise problem
    pipeline.finish()
    return pipeline.totals


def _items(stream: str, levels: Collection[AbsentLevel]) -> list[Item]:
    items: dict[Identifier, Item] = {}
    for each in levels:
        item = items.setdefault(each.identifier, Item(each.identifier, {}, 0))
        item.levels[each.location] = Level(0, 0, Stream(stream, entry=each.entry))
    return list(items.values())
