"""Sends rows again that earlier runs have rejected, by the mapping of the day.

At the end of a good run the ledger gives the open rejections that were not tried for 20 hours, with
their messages. They go the general way of a record, through a second pass with totals of its own;
of each record only the level that was rejected is sent. A level that the mapping no longer yields
is not open any more.
"""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import chain
from typing import TYPE_CHECKING, Any

from target_tocobagus.completion.moved import read_moved
from target_tocobagus.core.errors import ConfigurationError, InputError, RunFailed
from target_tocobagus.core.json_lines import REFUSED
from target_tocobagus.core.model import KINDS, Part, Stock
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.singer.sdk import InvalidRecord
from target_tocobagus.state.checkpoints import OWN_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_tocobagus.core.model import Outcome, Place, Stream
    from target_tocobagus.ledger.levels.rejections import Due
    from target_tocobagus.pipeline.stages import Stages
    from target_tocobagus.report.totals import Totals
    from target_tocobagus.singer.messages import MessageHandler
    from target_tocobagus.singer.reader import MessageReader


class SecondPass(Pipeline):
    """Takes what is mapped again.

    Attributes:
        yielded: The levels that the records so far have yielded.
    """

    def __init__(self, stages: Stages) -> None:
        super().__init__(stages)
        self.yielded: set[Place] = set()

    def take(
        self, outcomes: Iterable[Outcome], stream: Stream, line: bytes, rejected_at: int = 0
    ) -> None:
        """Take in the outcomes of a record; see `Pipeline.take`."""
        outcomes = list(outcomes)
        names = self.completion.lookups.names_in(outcomes)
        rows = [each for each in outcomes if isinstance(each, Stock)]
        self.yielded |= {(row.identifier, row.location) for row in rows}
        self.yielded |= {(names.get(row.identifier, row.identifier), row.location) for row in rows}
        parts = [each for each in outcomes if isinstance(each, Part)]
        self.yielded |= {each for part in parts for each in part.again if each[0][0] not in KINDS}
        super().take(outcomes, stream, line, rejected_at)


def send_again(
    due: Iterator[list[Due]],
    reader: MessageReader,
    begin: Callable[[], tuple[SecondPass, MessageHandler]],
) -> Totals | None:
    """Send the rows that are due.

    Args:
        due: The rows, some at a time.
        reader: Decodes messages.
        begin: Begins the second pass; not called if nothing is due.

    Raises:
        TocobagusError: They cannot be sent now.
    """
    first = next(due, None)
    if first is None:
        return None
    second, handler = begin()
    failed: Exception | None = None
    try:
        for rows in chain([first], due):
            _map_again(rows, reader, second, handler)
            second.service()
    except Exception as error:  # noqa: BLE001  # `settle` raises it again
        failed = error
    second.settle(failed)
    return second.totals


def _map_again(
    rows: Iterable[Due], reader: MessageReader, second: SecondPass, handler: MessageHandler
) -> None:
    schema = ""
    for row in rows:
        second.yielded.clear()
        try:
            line = row.record.encode()
            message = reader.deserialize_json(line)
            level = (row.identifier, row.location)
            if moved := read_moved(message, row.schema.encode(), level):
                second.position += 1
                second.take([moved[0]], moved[1], line, row.opened_at)
                continue
            if row.schema != schema:
                schema, reader.line = row.schema, row.schema.encode()
                handler.schema(reader.deserialize_json(reader.line))
            handler.record(message | {OWN_KEY: _own(row)}, line)
        except (ConfigurationError, InputError, InvalidRecord, RunFailed, *REFUSED):
            schema = ""  # what it says cannot be used any more
        if (row.identifier, row.location) not in second.yielded:
            second.overtake(row.identifier, row.location)


def _own(row: Due) -> dict[str, Any]:
    """Say under our key which level of a record was rejected, and when."""
    kind, text = row.identifier
    moment = datetime.fromtimestamp(row.opened_at / 1000, timezone.utc)
    update = {"identifier": {kind: text}, "warehouse": row.location}
    return {"updates": [update], "at": moment.isoformat(timespec="milliseconds")}
