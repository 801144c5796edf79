"""A delivery whose every attempt waits until the test answers it, in the API's place."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.api.client import Clock
from target_tocobagus.core.model import Level, NoReply, Reply, Stream
from target_tocobagus.delivery.books import Books
from target_tocobagus.delivery.reply_handler import ReplyHandler
from target_tocobagus.delivery.scheduler import Scheduler
from target_tocobagus.delivery.shared import Shared
from target_tocobagus.delivery.throttle import Throttle
from target_tocobagus.delivery.worker import Workers
from target_tocobagus.window.buffer import RowBuffer
from target_tocobagus.window.window import Window
from tests.delivery.book import Book
from tests.delivery.scripted_api import Row, read_rows
from tests.delivery.scripted_run import make_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_tocobagus.core.model import Identifier

PATIENCE: Final = 10.0
"""Seconds after which what should have come is given up."""
SILENCE: Final = 0.1
"""Seconds of nothing that count as proof that nothing comes."""

_STREAM: Final = Stream("stock")


class Attempt:
    """A request that has arrived and waits for its answer.

    Attributes:
        rows: What it holds.
        at: When it arrived, by the monotonic clock.
    """

    def __init__(self, body: bytes) -> None:
        self.rows: list[Row] = read_rows(body)
        self.size = len(body)
        self.at = time.monotonic()
        self.reply: Reply | NoReply | None = None
        self._answered = threading.Event()

    @property
    def skus(self) -> list[str]:
        """The identifiers in it, in their order."""
        return [identifier[1] for identifier, _ in self.rows]

    def answer(self, reply: Reply | NoReply) -> None:
        """Let it have its answer."""
        self.reply = reply
        self._answered.set()

    def accept(self) -> None:
        """Take all of its rows on."""
        self.answer(accepting(len(self.rows)))

    def wait(self) -> Reply | NoReply:
        """Wait for the answer."""
        assert self._answered.wait(PATIENCE)
        assert self.reply
        return self.reply


class Desk(Book):
    """A delivery and its API.

    Attributes:
        attempts: All that have arrived, oldest first.
        told: How often the main thread was woken.
    """

    def __init__(
        self,
        *,
        max_retry: float = 60.0,
        jitter: float = 0.0,
        answer: Callable[[Attempt], None] | None = None,
        **settings: Any,
    ) -> None:
        """Start the workers.

        Args:
            max_retry: How long a batch may be tried, in seconds.
            jitter: What stands for chance in back-offs; 0 makes them none.
            answer: Answers each attempt at once; without it the test does, when it likes.
            settings: Those of the configuration that matter here.
        """
        super().__init__()
        self.attempts: list[Attempt] = []
        self.told = 0
        self.window = Window()
        configured = make_settings(**{"batch_wait_seconds": 60, **settings})
        self.throttle = Throttle(configured)
        self.shared = Shared(self.window, self.throttle, self.outcomes, self.totals, self._tell)
        self._answer = answer
        self._arrival = threading.Condition()
        self._position = 0
        self.scheduler = Scheduler(self.shared)
        self.scheduler.set_silence(on=True)
        handler = ReplyHandler(self.shared, Clock(), max_retry, lambda: jitter)
        before = set(threading.enumerate())
        Workers(self.shared, self.scheduler, handler, self._send, Books()).start(
            configured.max_in_flight
        )
        self.workers = [thread for thread in threading.enumerate() if thread not in before]

    def put(self, *skus: str, stock: int | None = None, place: str | None = None) -> None:
        """Hand in a row for each SKU."""
        rows = []
        for sku in skus:
            self._position += 1
            quantity = self._position if stock is None else stock
            identifier: Identifier = ("sku", sku)
            rows.append((identifier, place, Level(quantity, self._position, _STREAM)))
        self.totals.updates += len(rows)
        with self.shared.lock:
            self.scheduler.put(RowBuffer(rows))

    def next(self) -> Attempt:
        """Wait for the next attempt."""
        return self.gather(1)[0]

    def gather(self, count: int) -> list[Attempt]:
        """Wait for so many attempts more than those that were gathered before."""
        with self._arrival:
            wanted = self._gathered + count
            arrived = self._arrival.wait_for(lambda: len(self.attempts) >= wanted, PATIENCE)
            assert arrived, f"{len(self.attempts)} of {wanted} attempts came"
            found = self.attempts[self._gathered : wanted]
            self._gathered = wanted
        return found

    _gathered = 0

    def expect_silence(self, seconds: float = SILENCE) -> None:
        """Check that no further attempt arrives."""
        time.sleep(seconds)
        with self._arrival:
            assert len(self.attempts) == self._gathered, self.attempts[-1].skus

    def accept_until_settled(self) -> None:
        """Say that no more rows come, accept whatever arrives, and wait for the end."""
        self.scheduler.close()
        for attempt in self._until_settled():
            if attempt.reply is None:
                attempt.accept()
        assert self.shared.error is None

    def _until_settled(self) -> Iterator[Attempt]:
        until = time.monotonic() + PATIENCE
        while not self.shared.settled and self.shared.error is None:
            assert time.monotonic() < until, "not settled in time"
            yield from list(self.attempts)
            time.sleep(0.001)

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds."""
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until, "this never came to be"
            time.sleep(0.001)

    def _send(self, body: bytes) -> Reply | NoReply:
        attempt = Attempt(body)
        with self._arrival:
            self.attempts.append(attempt)
            self._arrival.notify_all()
        if self._answer is not None:
            self._answer(attempt)
        return attempt.wait()

    def _tell(self) -> None:
        self.told += 1


def accepting(rows: int) -> Reply:
    """Make the answer that takes so many rows on."""
    entries = [{"rowIndex": index} for index in range(rows)]
    data = {"acceptedRows": entries, "errors": [], "batchId": "b"}
    return Reply(200, {"success": True, "data": data})


def refusing(status: int, code: str = "", retry_after: int | None = None) -> Reply:
    """Make an answer that refuses the request as a whole."""
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    body = {"success": False, "requestId": "r", "error": {"code": code or f"SBX_{status}"}}
    return Reply(status, body, headers)


def at_once(reply: Reply) -> Reply:
    """Let an answer have come while its thread was still busy with the request."""
    return msgspec.structs.replace(reply, seconds=0.001, busy=0.001)


def names(prefix: str, count: int) -> list[str]:
    """Make SKUs."""
    return [f"{prefix}{number:03}" for number in range(count)]
