"""What the threads share, the lock that guards it, and whether the run is over.

The lock guards memory only: nobody sends, logs or writes while holding it.

Three conditions share it, so that notify() wakes the right kind of waiter: `idle` for workers
without a batch, `slots` for those that wait for permission to send again, `pauses` for those that
wait out a back-off.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.core.errors import TocobagusError
    from target_tocobagus.delivery.outcomes import Outcomes
    from target_tocobagus.delivery.throttle import Throttle
    from target_tocobagus.report.totals import Totals
    from target_tocobagus.window.window import Window


class Shared:
    """The window, the throttle, the outcomes and the totals of a run.

    Attributes:
        lock: Hold it to read or change what is shared.
        notify_main: Called when something has changed that the main thread may wait for.
        error: The first fatal error; then nothing more is sent.
        enough: While more items than this can be sent, the main thread need not be woken.
        over: No further request begins.
        ignores_replies: The totals are final.
    """

    def __init__(
        self,
        window: Window,
        throttle: Throttle,
        outcomes: Outcomes,
        totals: Totals,
        notify_main: Callable[[], None],
    ) -> None:
        self.window = window
        self.throttle = throttle
        self.outcomes = outcomes
        self.totals = totals
        self.notify_main = notify_main
        self.lock = threading.Lock()
        self.idle = threading.Condition(self.lock)
        self.slots = threading.Condition(self.lock)
        self.pauses = threading.Condition(self.lock)
        self.error: TocobagusError | None = None
        self.enough: float = math.inf
        self.over = False
        self.ignores_replies = False

    @property
    def settled(self) -> bool:
        """Whether nothing waits and nothing is in flight, judged under the lock."""
        with self.lock:
            return self.window.idle

    @property
    def quiet(self) -> bool:
        """Whether no request is in flight, judged under the lock."""
        with self.lock:
            return self.throttle.active == 0

    def abandon(self) -> None:
        """Begin no further request and end all waits; requests in flight may still settle."""
        with self.lock:
            self.over = True
            for condition in (self.idle, self.slots, self.pauses):
                condition.notify_all()

    def fail(self, error: TocobagusError) -> None:
        """Send nothing more; of several errors the first counts."""
        with self.lock:
            self.error = self.error or error
        self.abandon()
        self.notify_main()

    def ignore_late_replies(self) -> None:
        """Ignore replies from now on; the totals are final."""
        with self.lock:
            self.ignores_replies = True
