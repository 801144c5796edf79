"""The server's clock, which a scenario may set wrong."""

import time
from datetime import datetime, timezone
from email.utils import formatdate


class Clock:
    """The time as this server believes it."""

    def __init__(self, skew_ms: int = 0) -> None:
        """Set the clock.

        Args:
            skew_ms: How far it is ahead of the machine's; negative when it is behind.
        """
        self._skew_ms = skew_ms

    def now_ms(self) -> int:
        """Give milliseconds since the epoch."""
        return time.time_ns() // 1_000_000 + self._skew_ms


def iso(at_ms: int) -> str:
    """Write a time as the API does in its bodies: ``2026-01-27T14:31:43.182Z`` (documented)."""
    moment = datetime.fromtimestamp(at_ms / 1000, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def http_date(at_ms: int) -> str:
    """Write a time as HTTP's ``Date`` and ``Retry-After`` headers do."""
    return formatdate(at_ms / 1000, usegmt=True)
