"""Finds stock by text, in steps, so that a million levels do not hold up the requests."""

import asyncio
from itertools import islice
from typing import Any, Final

from target_tocobagus.sandbox.state import Levels, World, shown_levels

_STEP: Final = 2000


async def find_stock(world: World, text: str, limit: int) -> dict[str, Any]:
    """Find the levels whose item or warehouse contains a text, in whatever case.

    Returns:
        ``levels``, how many there are; ``found``, how many of them have the text; ``shown``, the
        first `limit` of these, as in ``World.stock``.
    """
    if not text:
        shown = list(islice(world.stock(), limit))
        return {"levels": world.levels, "found": world.levels, "shown": shown}
    wanted, shown, found = text.casefold(), list[dict[str, Any]](), 0
    for index, (product, levels) in enumerate(world.held()):
        if index % _STEP == 0:
            await asyncio.sleep(0)
        fits = levels if wanted in product[2].casefold() else _at(levels, wanted)
        found += len(fits)
        if len(shown) < limit:
            shown.extend(islice(shown_levels(product, fits), limit - len(shown)))
    return {"levels": world.levels, "found": found, "shown": shown}


def _at(levels: Levels, wanted: str) -> Levels:
    """Return the levels at warehouses whose name contains the text."""
    return {at: stock for at, stock in levels.items() if at and wanted in at.casefold()}
