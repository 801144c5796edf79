"""A run of the pipeline as the reader would drive it, from steps, with a witness beside it."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from target_tocobagus.api.transport import Dependencies
from target_tocobagus.config.settings import Settings, parse_settings
from target_tocobagus.core.errors import TocobagusError
from target_tocobagus.core.model import RecordError, Skipped, Stock, Stream
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.stages import wire
from target_tocobagus.pipeline.wakeup import WakeUp
from tests.delivery.scripted_api import Rules, ScriptedApi
from tests.delivery.witness import Witness, quantity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_tocobagus.core.model import Identifier, Outcome
    from tests.delivery.scripted_api import Act

CREDENTIALS = {
    "partner_client_id": "p",
    "partner_secret": "s",
    "store_client_id": "c",
    "store_token": "t",
    "api_url": "http://127.0.0.1:9/api/v1",
}
_STREAM = Stream("stock", b'{"type":"SCHEMA","stream":"stock","schema":{"properties":{}}}')
_JOIN_SECONDS = 10


class Say(NamedTuple):
    """A record of one item at some places (``None``: its global stock).

    Attributes:
        zero: Its quantities are 0; else each is unique.
        broadcast: All places get the same.
    """

    identifier: Identifier
    places: tuple[str | None, ...]
    zero: bool = False
    broadcast: bool = False


class Do(NamedTuple):
    """What is no row of stock: ``state``, ``service``, ``pause``, ``bad`` or ``skip``."""

    what: str


def make_settings(**changes: Any) -> Settings:
    """Make settings; the changes may be finer than a configuration allows (parts of seconds)."""
    return msgspec.structs.replace(parse_settings(CREDENTIALS), **changes)


class Run:
    """One run.

    Attributes:
        states: Positions of the STATEs that came out, in order.
        batch_ids: Those of the last STATE.
        error: What ended it, where it did not end by itself.
        padding: What each record holds beside its number.
    """

    padding = ""

    def __init__(self, settings: Settings, outside: Dependencies, witness: Witness) -> None:
        self.witness = witness
        self.states: list[int] = []
        self.batch_ids: list[str] = []
        self.error: TocobagusError | None = None
        self._path = settings.rejects_path
        self._read = 0
        self._strangers = set(threading.enumerate())
        self._wakeup = WakeUp()
        stages = wire(settings, self._wakeup, emit=self._hear, outside=outside)
        self.pipeline = Pipeline(stages)
        self.pipeline.maps_nothing = False

    def stop(self, number: int) -> None:
        """Do what the handler of a signal does."""
        self._wakeup.signal = number
        self._wakeup.wake()

    def abort(self, error: TocobagusError, unhanded: Say) -> None:
        """Stop as the reader does, with a row that was read and not handed to the workers."""
        self.say(unhanded)
        self.pipeline.abort(error)
        self._close()

    def play(
        self,
        steps: Iterable[Say | Do],
        before: Callable[[Say], None] = lambda _: None,
        ended: Callable[[], None] = lambda: None,
    ) -> Run:
        """Drive the run through steps to its end.

        Args:
            steps: What the tap says.
            before: Called with each row before it is handed in.
            ended: Called when the run is over, its workers perhaps not yet.
        """
        try:
            for step in steps:
                if isinstance(step, Say):
                    before(step)
                    self.say(step)
                else:
                    self._do(step.what)
            self.pipeline.finish()
        except TocobagusError as error:
            self.error = error
            self.pipeline.abort(error)
        finally:
            ended()
            self._close()
        self._read_rejects()
        return self

    def say(self, step: Say) -> None:
        """Hand in one record."""
        self.pipeline.position += 1
        at = self.pipeline.position
        outcomes: list[Outcome] = []
        for index, place in enumerate(step.places):
            quantity = 0 if step.zero else quantity_of(at, 0 if step.broadcast else index)
            self.witness.gives(step.identifier, place, quantity, at)
            outcomes.append(Stock(step.identifier, place, quantity, step.broadcast))
        self._take(outcomes)

    def _do(self, what: str) -> None:
        if what in {"service", "pause"}:
            self.pipeline.service()
            time.sleep(0.001 if what == "pause" else 0)
        elif what == "state":
            bookmark = msgspec.Raw(str(self.pipeline.position).encode())
            self.pipeline.checkpoint({"bookmark": bookmark})
        elif what == "skip":
            self.pipeline.position += 1
            self.witness.given += 1
            self._take([Skipped("nothing to send")])
        else:
            self.pipeline.position += 1
            at = self.pipeline.position
            self.witness.gives_unreadable(at)
            self._take([RecordError("BAD_QUANTITY", "unreadable", ("sku", "bad"))])

    def _take(self, outcomes: Sequence[Outcome]) -> None:
        record = {"n": self.pipeline.position, "padding": self.padding}
        line = json.dumps({"type": "RECORD", "record": record})
        self.pipeline.take(outcomes, _STREAM, line.encode())

    def _hear(self, line: str) -> None:
        self._read_rejects()
        value = json.loads(line)
        self.states.append(value["bookmark"])
        self.batch_ids = value["tocobagus"]["batchIds"]
        self.witness.hears_state(value["bookmark"])

    def _close(self) -> None:
        """Wait for the workers' ends, for they speak to the wake-up pipe, and close that."""
        for thread in set(threading.enumerate()) - self._strangers:
            if thread.name.startswith("worker-"):
                thread.join(_JOIN_SECONDS)
        self._wakeup.close()

    def _read_rejects(self) -> None:
        """Tell the witness what was written down since it was last read."""
        if self._path is None:
            return
        with open(self._path, "rb") as file:  # noqa: PTH123  # a path is text in the settings
            file.seek(self._read)
            text = file.read()
        end = text.rfind(b"\n") + 1
        self._read += end
        for line in text[:end].splitlines():
            message = json.loads(line)
            if message["type"] == "RECORD":
                at, keys = rejected_of(message)
                self.witness.rejects(keys, at)


def scripted(
    acts: Iterable[Act] = (), rules: Rules | None = None, **settings: Any
) -> tuple[Run, ScriptedApi]:
    """Open a run against an API in memory; a STATE that is safe goes out at once."""
    witness = Witness()
    api = ScriptedApi(list(acts), rules or Rules(), witness)
    outside = Dependencies(api.clock, api.send, jitter=lambda: 0.01, state_seconds=0.0)
    return Run(make_settings(**settings), outside, witness), api


def rejected_of(message: dict[str, Any]) -> tuple[int, list[tuple[Any, str | None]]]:
    """Read a line of rejects: the record's number, and the updates that were rejected."""
    keys = []
    for update in message["tocobagus"]["updates"]:
        named = update["identifier"]
        keys.append((next(iter(named.items())) if named else None, update["warehouse"]))
    return message["record"]["n"], keys
