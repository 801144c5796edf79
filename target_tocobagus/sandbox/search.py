"""Finds stock by text, in steps, so that a million levels do not hold up the requests."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from target_tocobagus.sandbox.state import Levels, Product, World, shown_levels

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
    shown, found = [], 0
    for index, held in enumerate(world.held()):
        if index % _STEP == 0:
            await asyncio.sleep(0)
        matches = list(_matches(*held, text.casefold()))
        found += len(matches)
        shown += matches[: max(0, limit - len(shown))]
    return {"levels": world.levels, "found": found, "shown": shown}


def _matches(product: Product, levels: Levels, wanted: str) -> Iterator[dict[str, Any]]:
    if wanted in product[2].casefold():
        yield from shown_levels(product, levels)
        return
    at = {place: stock for place, stock in levels.items() if wanted in (place or "").casefold()}
    yield from shown_levels(product, at)
