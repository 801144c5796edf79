"""The log for a person: short lines on a terminal, without control characters.

The texts in our own messages are cleaned where they come in. The SDK logs the names of streams as
they are, and names loggers after them. So every handler, also one of a user's set-up, cleans its
records, and blanks out secrets in the whole message.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import TYPE_CHECKING, Final

from target_tocobagus.core.foreign_text import blanked, clean

if TYPE_CHECKING:
    from collections.abc import Iterator

_OURS: Final = frozenset(f"target-tocobagus.{room}" for room in ("delivery", "reading", "rejects"))
"""Loggers whose arguments are clean already, and may be longer together."""
_SHORT: Final = logging.Formatter("{asctime} {levelname:7s} {message}", "%H:%M:%S", style="{")


def prepare() -> None:
    """Let every handler clean its records; shorten the lines on a terminal.

    A format of the user (`SINGER_SDK_LOG_CONFIG`) is kept, and so is the SDK's format in a pipe,
    where programs read it.
    """
    for handler in handlers():
        handler.addFilter(cleaned)
        if _is_on_terminal(handler) and "SINGER_SDK_LOG_CONFIG" not in os.environ:
            handler.setFormatter(_SHORT)


def handlers() -> Iterator[logging.Handler]:
    """Yield the handlers of all loggers."""
    for each in (logging.getLogger(), *logging.Logger.manager.loggerDict.values()):
        yield from getattr(each, "handlers", ())


def cleaned(record: logging.LogRecord) -> bool:
    """Clean a message's arguments, which may come from a tap; for `logging.Handler.addFilter`."""
    record.name = clean(record.name)
    if record.name not in _OURS and isinstance(record.args, tuple):
        record.args = tuple(clean(each) if isinstance(each, str) else each for each in record.args)
    if (shown := blanked(message := record.getMessage())) != message:
        record.msg, record.args = shown, ()
    if record.exc_info:
        trace = "".join(traceback.format_exception(*record.exc_info))
        if (shown := blanked(trace)) != trace:  # as text, whatever the formatter makes of errors
            record.msg, record.args = f"{record.getMessage()}\n{shown.rstrip()}", ()
            record.exc_info = record.exc_text = None
    return True


def _is_on_terminal(handler: logging.Handler) -> bool:
    stream = getattr(handler, "stream", None)
    return stream is not None and stream is sys.stderr and sys.stderr.isatty()
