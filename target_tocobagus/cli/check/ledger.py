"""Whether a run could open the ledger, and go on with what it remembers.

The ledger is only read, without its lock: a run may be under way.
"""

from __future__ import annotations

import shlex
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import msgspec

from target_tocobagus.cli.check.catalogue import Setup
from target_tocobagus.cli.check.page import not_tried
from target_tocobagus.cli.check.settings import INVALID
from target_tocobagus.cli.configuration import ledger_settings
from target_tocobagus.config.settings import Credentials
from target_tocobagus.core.errors import (
    ActionNeeded,
    ConfigurationError,
    LedgerRefused,
    TocobagusError,
)
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.model import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_tocobagus.cli.check.page import Finding
    from target_tocobagus.cli.configuration import Given
    from target_tocobagus.config.settings import Settings


def check_ledger(
    given: Given, mapping: Settings | None, configs: Sequence[str]
) -> Iterator[Finding]:
    """Say whether a run could use the ledger, or create it; nothing if none is set.

    Args:
        given: The configuration.
        mapping: Its settings for mapping; ``None`` if they are not valid.
        configs: Where it comes from, as the command was told.
    """
    if given.values.get("ledger") is None:
        return
    try:
        used = ledger_settings(given.values)
    except ConfigurationError:
        used = None
    if given.problems or used is None or used.ledger is None:
        yield not_tried("ledger", INVALID)
        return
    from target_tocobagus.ledger.database.database import place_of, read_url

    place, client_id = "ledger", str(given.values.get("store_client_id"))
    try:
        place = place_of(read_url(used.ledger))
        yield from _tried(used, place, client_id, mapping, configs)
    except TocobagusError as error:
        problem = str(error).removeprefix("ledger: ")
        yield Setup.LEDGER_UNUSABLE.finding(place=place, problem=problem)


def _tried(
    used: Settings, place: str, client_id: str, mapping: Settings | None, configs: Sequence[str]
) -> Iterator[Finding]:
    """Try a ledger, and say what is wrong with it, or else that nothing is.

    Raises:
        TocobagusError: A run could not open or create it.
    """
    from target_tocobagus.ledger.database.reading import store_key
    from target_tocobagus.ledger.inspection.trial import try_to_open

    tried = try_to_open(str(used.ledger), store_key(used.api_url, client_id))
    wrong = []
    if tried.holder is not None:
        wrong.append(Setup.LEDGER_BUSY.finding(place=place, holder=clean(tried.holder)))
    options = [text for each in configs for text in ("--config", each)]
    for stream, problem in _other_parts(used, client_id, mapping) if mapping else ():
        command = shlex.join(["tocobagus", "ledger", "forget", "--parts", stream, *options])
        wrong.append(Setup.LEDGER_OTHER_PARTS.finding(problem=problem, command=command))
    yield from wrong or [Setup.LEDGER_USABLE.finding(place=place, state=tried.state)]


def _other_parts(used: Settings, client_id: str, mapping: Settings) -> Iterator[tuple[str, str]]:
    """Begin to add up each stream whose parts are remembered, as a run does at its SCHEMA.

    Without `streams` no mapping adds up.

    Yields:
        Of each stream that would stop a run, its name and the run's error.
    """
    from target_tocobagus.completion.sums import Sums
    from target_tocobagus.ledger.database.reading import store_key
    from target_tocobagus.ledger.inspection.contents import streams_with_parts
    from target_tocobagus.ledger.opening import open_ledger
    from target_tocobagus.recognition.stream_router import StreamRouter

    remembered: Sequence[str] = ()
    with suppress(LedgerRefused):  # it is of an earlier version, which the next run changes
        remembered = streams_with_parts(str(used.ledger), store_key(used.api_url, client_id))
    if not remembered or mapping.streams is None:
        return
    try:
        router = StreamRouter(mapping)
    except ConfigurationError:
        return  # a finding of the mappings says so
    of_store = msgspec.structs.replace(used, credentials=Credentials("", "", client_id, ""))
    ledger = open_ledger(of_store, lambda: int(time.time() * 1000))  # it is only read
    if ledger is None:
        return
    with closing(ledger):
        sums = Sums(lambda: ledger.parts)
        for name in remembered:
            compiled = router.choose(name, {}).mapping
            if compiled is None or compiled.summing is None:
                continue
            try:
                sums.begin(Stream(name, entry=compiled.entry), compiled.summing)
            except ActionNeeded as error:
                yield name, str(error)
