"""Of several errors the first is the one to be reported: what fails after it often follows from it.

The later ones are logged when they come, so that the first, which is logged by the command at the
very end, stands last.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from target_tocobagus.core.errors import TocobagusError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

logger = logging.getLogger("target-tocobagus")


def run_all(steps: Sequence[Callable[[], object]], first: BaseException | None = None) -> None:
    """Run each step, whatever became of those before it.

    Args:
        steps: In their order.
        first: What failed before, and will be reported by the caller.

    Raises:
        Exception: The first that a step raised, unless something had failed before.
    """
    raised: Exception | None = None
    for step in steps:
        error = _error_of(step)
        if error is not None and first is None and raised is None:
            raised = error
        elif error is not None:
            log_later(error, first or raised)
    if raised is not None:
        raise raised


def _error_of(step: Callable[[], object]) -> Exception | None:
    try:
        step()
    except Exception as error:  # noqa: BLE001  # the caller raises it, or logs it
        return error
    return None


def log_later(error: Exception, first: BaseException | None) -> None:
    """Log an error that came after the first one, unless it says the same."""
    if str(error) == str(first):
        return
    foreseen = isinstance(error, TocobagusError)
    logger.error("%s", error, exc_info=None if foreseen else error)
