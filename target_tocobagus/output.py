"""The door to stdout, where Meltano takes each line for a STATE."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from target_tocobagus.errors import OutputError


def write_line(text: str) -> None:
    """Write a line to stdout, and make sure that it is out.

    Raises:
        OutputError: Its reader is gone.
    """
    if sys.stdout is None:
        message = "STATE cannot be written: standard output is closed"
        raise OutputError(message)
    try:
        # JSON is UTF-8, whatever the encoding that the environment has chosen for texts.
        if (output := getattr(sys.stdout, "buffer", None)) is None:
            sys.stdout.write(f"{text}\n")
        else:
            output.write(f"{text}\n".encode())
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        # Or the interpreter would try to flush it once more, and complain, when it ends.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # until the end
        reason = error.strerror if isinstance(error, OSError) else None
        if reason is None or isinstance(error, BrokenPipeError):
            reason = "whoever read it is gone"
        message = f"STATE cannot be written: {reason}"
        raise OutputError(message) from error
