"""Whether rejected rows could be written down, found out without writing any.

A run that starts meanwhile must not be disturbed: nothing is ever made under the file's own name,
for what this check then took away might be what the run had just opened.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from tempfile import TemporaryFile

from target_tocobagus.cli.check.advice_on_setup import Setup
from target_tocobagus.cli.check.finding import Finding  # noqa: TC001  # returned by all of it
from target_tocobagus.report.rejects import holds_rejects


def check_rejects(path: Path | None) -> Finding:
    """Say whether a run could append to the file, or make it.

    Args:
        path: The file; ``None`` where none is set. Relative paths are those of where this runs.
    """
    if path is None:
        return Setup.REJECTS_UNSET.finding()
    whole = path.absolute()
    try:
        found = whole.stat()
    except FileNotFoundError:
        return _could_be_made(whole)
    except (OSError, ValueError) as error:
        return _unwritable(whole, error)
    if not stat.S_ISREG(found.st_mode):
        return Setup.REJECTS_NO_FILE.finding(path=whole)
    return _could_be_appended_to(whole)


def _could_be_made(path: Path) -> Finding:
    """Make a file without a name beside it; a link that leads nowhere is made where it leads."""
    try:
        with TemporaryFile(dir=Path(os.path.realpath(path)).parent) as file:
            file.write(b"\n")
    except OSError as error:
        return _unwritable(path, error)
    return Setup.REJECTS_CREATABLE.finding(path=path)


def _could_be_appended_to(path: Path) -> Finding:
    """Open it as a run does, and leave it as it is."""
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except OSError as error:
        return _unwritable(path, error)
    try:
        # Shared, and given back at once: it is refused only while a run holds the file.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if not holds_rejects(file):
            return Setup.REJECTS_FOREIGN.finding(path=path)
    except OSError:
        return Setup.REJECTS_BUSY.finding(path=path)
    finally:
        os.close(file)
    return Setup.REJECTS_WRITABLE.finding(path=path)


def _unwritable(path: Path, error: OSError | ValueError) -> Finding:
    """Say why; a ValueError means a name that no file can have."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return Setup.REJECTS_UNWRITABLE.finding(path=path, reason=reason)
