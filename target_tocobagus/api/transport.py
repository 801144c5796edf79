"""What a run depends on beside its settings: transport, the server's clock, jitter."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from target_tocobagus.core.model import NoReply, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.config.settings import Settings


class Dependencies(NamedTuple):
    """What a run depends on beside its settings.

    Attributes:
        jitter: Returns numbers from 0 to 1, to spread retries.
        state_seconds: The least time between two STATEs.
    """

    clock: Any
    send: Callable[[bytes], Reply | NoReply]
    jitter: Callable[[], float] = random.random
    state_seconds: float = 1.0


def outside(settings: Settings) -> Dependencies:
    """Make them for the API, or for a dry run, in which every row counts as sent."""
    from target_tocobagus.api.client import Client, Clock

    clock = Clock()
    if settings.dry_run or settings.credentials is None:
        return Dependencies(clock, _pretend)
    return Dependencies(clock, Client(settings, settings.credentials, clock).send)


def _pretend(body: bytes) -> Reply:
    """Answer as the API would if it accepted every row; the batch id says that it is a dry run."""
    rows = [{"rowIndex": index} for index in range(len(msgspec.json.decode(body)["items"]))]
    return Reply(200, {"data": {"acceptedRows": rows, "batchId": "of a dry run, not sent"}})
