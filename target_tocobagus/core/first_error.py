"""Of several errors the first is reported, because later ones often follow from it.

Later errors are logged when they come. The first is logged by the command at the very end, so it is
the last line. The exit code is that of the first, but 2 if any of them needs a person: after 1 a
scheduler may start another run, which would fail in the same way.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from target_tocobagus.core.errors import ActionNeeded, TocobagusError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger("target-tocobagus")


def run_all(steps: Sequence[Callable[[], object]], first: BaseException | None = None) -> None:
    """Run each step, even if an earlier one fails.

    Args:
        steps: In order.
        first: An earlier error, which the caller will report.

    Raises:
        Exception: The first error of a step, unless there was an earlier one.
    """
    raised: Exception | None = None
    for step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001, PERF203  # raised below, or logged
            if first or raised:
                log_later(error, first or raised)
            else:
                raised = error
    if raised is not None:
        raise raised


def log_later(error: Exception, first: Any) -> None:
    """Log an error that came after the first one, unless its text is the same.

    Args:
        error: The later one; if it needs a person, the first gets exit code 2, unless it is a
            signal.
        first: The one to be reported, or ``None``.
    """
    needs_person = getattr(error, "exit_code", 1) == ActionNeeded.exit_code
    if needs_person and first is not None and getattr(first, "exit_code", 1) == 1:
        first.exit_code = ActionNeeded.exit_code
    if str(error) == str(first):
        return
    foreseen = isinstance(error, TocobagusError)
    logger.error("%s", error, exc_info=None if foreseen else error)
