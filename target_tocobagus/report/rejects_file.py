"""Opens the file of rejected rows: for one run at a time, and only if it is ours."""

from __future__ import annotations

import fcntl
import mmap
import os
import stat
from typing import Final

from target_tocobagus.core.errors import ConfigurationError, OutputError, TocobagusError
from target_tocobagus.core.json_lines import decode_line
from target_tocobagus.state.checkpoints import OWN_KEY

_HEAD_BYTES: Final = 16 << 20
"""More than the size of a SCHEMA and a RECORD."""

_SCHEMA_MARK: Final = b'"SCHEMA"'
_OWN_MARK: Final = b'"%b"' % OWN_KEY.encode()


def open_rejects(path: str, input_file: os.stat_result | None) -> int:
    """Open it for this run alone, and create it if it is missing.

    Args:
        path: Where it is.
        input_file: What the run reads from, which must not be the same file.

    Returns:
        Its descriptor, for appending.

    Raises:
        ConfigurationError: It cannot be opened, or does not hold rejected rows.
        OutputError: Another run is writing to it now.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        problem = f"rejects_path: cannot be opened ({error.strerror})"
        raise ConfigurationError([problem]) from error
    try:
        _claim(file, input_file)
    except TocobagusError:
        os.close(file)
        raise
    return file


def _claim(file: int, input_file: os.stat_result | None) -> None:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise ConfigurationError(["rejects_path: is not a regular file"])
    if input_file is not None and os.path.samestat(os.fstat(file), input_file):
        raise ConfigurationError(["rejects_path: is the file that this run reads from"])
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        message = "rejects_path: another run is writing to it"
        raise OutputError(message) from error
    if not holds_rejects(file):
        raise ConfigurationError(["rejects_path: the file exists and does not hold rejected rows"])
    _cut_torn_line(file)


def holds_rejects(file: int) -> bool:
    """Whether a file is empty, or begins like one of rejected rows.

    Only our own file may be changed: it begins with a SCHEMA, then a RECORD with our key or, after
    a crash, another SCHEMA. A torn line can only be checked to be the beginning of an object.
    """
    head = os.pread(file, _HEAD_BYTES, 0)
    first, *others = head.split(b"\n", 2)
    return _may_be(first, _SCHEMA_MARK, torn=not others) and (
        not others or _may_be(others[0], _OWN_MARK, _SCHEMA_MARK, torn=len(others) == 1)
    )


def _may_be(line: bytes, *marks: bytes, torn: bool) -> bool:
    """Whether a line has one of the marks, or is torn and might have had one."""
    if any(mark in line for mark in marks):
        return True
    return torn and (not line or (line.startswith(b"{") and not _is_whole(line)))


def _is_whole(line: bytes) -> bool:
    try:
        decode_line(line)
    except ValueError:
        return False
    return True


def _cut_torn_line(file: int) -> None:
    """Cut off an incomplete last line, which a crash has left."""
    if (end := os.fstat(file).st_size) > 0:
        with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as content:
            keep = content.rfind(b"\n") + 1
        if keep < end:
            os.ftruncate(file, keep)
