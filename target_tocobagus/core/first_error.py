"""Of several errors the first is the one to be reported: what fails after it often follows from it.

The later ones are logged when they come, so that the first, which is logged by the command at the
very end, is the last line. The exit code is that of the first; but it is 2 where any of them needs
a person: another run, which a scheduler may start after 1, would meet that one again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from target_tocobagus.core.errors import ActionNeeded, TocobagusError

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


def log_later(error: Exception, first: Any) -> None:
    """Log an error that came after the first one, unless it says the same.

    Args:
        error: The later one; if it needs a person, the first now does, unless that is a signal.
        first: The one to be reported; ``None`` for none.
    """
    needs_person = getattr(error, "exit_code", 1) == ActionNeeded.exit_code
    if needs_person and first is not None and getattr(first, "exit_code", 1) == 1:
        first.exit_code = ActionNeeded.exit_code
    if str(error) == str(first):
        return
    foreseen = isinstance(error, TocobagusError)
    logger.error("%s", error, exc_info=None if foreseen else error)
