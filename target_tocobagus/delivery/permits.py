"""A worker's permission to send: got, used, and given back with the reply.

Invariants:
- No request starts after a fatal error.
- Each permission is given back exactly once.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from target_tocobagus.core.errors import TocobagusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sized

    from target_tocobagus.core.model import NoReply, Reply
    from target_tocobagus.delivery.scheduler import Scheduler
    from target_tocobagus.delivery.shared import Shared
    from target_tocobagus.window.pending import Item
    from target_tocobagus.window.window import Lease


class Abandoned(Exception):  # noqa: N818  # not an error: it ends a worker
    """The run is over; the rows that this worker holds stay unsettled."""


class Permits:
    """What workers ask before a request, and tell after it."""

    def __init__(self, shared: Shared, scheduler: Scheduler) -> None:
        self._shared = shared
        self._throttle = shared.throttle
        self._scheduler = scheduler

    def fits(self, size: int, items: Iterable[Item]) -> bool:
        """Whether a body of this size may be sent; learn from one that is too large."""
        with self._shared.lock:
            fits = size <= self._throttle.most_bytes
            if not fits:
                self._throttle.learn_levels(sum([len(item.levels) for item in items]), size)
        return fits

    @contextmanager
    def kept_if_used(self, lease: Lease) -> Iterator[None]:
        """Give the permission back if nothing of the batch needs a request, or choosing raises."""
        try:
            yield
        except BaseException:
            with self._shared.lock:
                self._throttle.end()
            raise
        if not lease.items:
            with self._shared.lock:
                self._throttle.give_back()
                self._shared.slots.notify()
                self._scheduler.wake(time.monotonic())
            self._shared.notify_main()

    @contextmanager
    def sending(self, size: int, *, again: bool) -> Iterator[None]:
        """Count a request, and give its permission back if anything raises before it is settled.

        Args:
            size: Bytes of its body.
            again: Its rows were sent before.

        Raises:
            Abandoned: The run is over.
        """
        shared, totals = self._shared, self._shared.totals
        with shared.lock:
            if shared.over:
                self._throttle.end()
                raise Abandoned
            totals.requests += 1
            totals.retries += again
            totals.sent_bytes += size
        try:
            yield
        except BaseException:
            with shared.lock:
                self._throttle.end()
            raise

    @contextmanager
    def settling(self, reply: Reply | NoReply, left: Sized) -> Iterator[None]:
        """Hold the lock while a reply is handled; then wake the threads that wait for its outcomes.

        Args:
            reply: The reply.
            left: What this worker has to send again. If that is nothing, it looks for a batch
                itself: another one would be woken in vain.

        Raises:
            Abandoned: Replies are ignored now.
        """
        shared = self._shared
        with shared.lock:
            self._throttle.end()
            self._throttle.answered(reply)
            if shared.ignores_replies:
                raise Abandoned
            try:
                yield
            except TocobagusError as error:
                # Before the lock is released, so that no other worker begins a request in between.
                shared.error = shared.error or error
                shared.over = True
                raise
            shared.slots.notify()
            if left:
                self._scheduler.wake(time.monotonic())
        shared.notify_main()

    def await_slot(self) -> None:
        """Wait for permission to send something again.

        Raises:
            Abandoned: The run is over.
        """
        shared, throttle = self._shared, self._throttle
        with shared.lock:
            throttle.claims += 1
            try:
                while not shared.over:
                    wait = throttle.begin(time.monotonic())
                    if wait == 0:
                        return
                    shared.slots.wait(wait)
            finally:
                throttle.claims -= 1
                shared.slots.notify()  # an acceptance may have made room for more than one
                shared.idle.notify()
        raise Abandoned

    def pause(self, seconds: float) -> None:
        """Wait, unless the run is over."""
        shared = self._shared
        until = time.monotonic() + seconds
        with shared.lock:
            while not shared.over and (left := until - time.monotonic()) > 0:
                shared.pauses.wait(left)
