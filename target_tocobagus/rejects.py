"""Rejected rows, written down: to the log always, to a file where one is set.

The file is a Singer stream: each line is the RECORD as it came, with one key more, after the SCHEMA
that it came under. So piping it back sends the rejected rows again, and only those. It is appended
to; a line is written whole, and one that a crash has torn is cut off when the file is next opened.
"""

from __future__ import annotations

import fcntl
import logging
import os
import stat
from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.checkpointing import OWN_KEY
from target_tocobagus.decoding import decode_line
from target_tocobagus.errors import ConfigurationError, OutputError, TocobagusError
from target_tocobagus.foreign_text import quoted

if TYPE_CHECKING:
    from target_tocobagus.model import Identifier, Rejection

logger = logging.getLogger("target-tocobagus.rejects")
_LOGGED_BESIDE_FILE: Final = 100
_NAMED: Final = 10
"""Rows that one line of the log names."""
_TAIL_BYTES: Final = 1 << 16
_HEAD_BYTES: Final = 16 << 20
"""More than a SCHEMA and a RECORD take."""

_SCHEMA_MARK: Final = b'"SCHEMA"'
_OWN_MARK: Final = b'"%b"' % OWN_KEY.encode()


class Rejects:
    """Where rejected rows go; the caller keeps threads apart."""

    def __init__(self, path: str | None, *, input_file: os.stat_result | None = None) -> None:
        """Open the file, if there is one, for this run alone.

        Args:
            path: The file; ``None`` for the log alone.
            input_file: What the run reads from, which must not be the same file.

        Raises:
            ConfigurationError: It cannot be opened, or holds something else.
            OutputError: Another run is writing to it, and will not for ever.
        """
        self._file = None if path is None else _open(path, input_file)
        self._schemas: dict[str, bytes] = {}
        self._unsynced = False
        self._logged = 0
        self._unlogged: Counter[str] = Counter()

    def write(self, rejection: Rejection) -> None:
        """Write one rejection down; on disk it is only after `sync`.

        Raises:
            OutputError: The file cannot be written.
        """
        self._log(rejection)
        if self._file is None or not rejection.line:
            return
        lines = b""
        stream = rejection.stream
        if self._schemas.get(stream.name) != stream.schema_line:
            self._schemas[stream.name] = stream.schema_line
            lines = stream.schema_line + b"\n"
        self._append(lines + _record_line(rejection) + b"\n")

    def sync(self) -> None:
        """Make sure that what was written outlives a crash of the machine.

        Raises:
            OutputError: The disk does not take it.
        """
        if self._file is None or not self._unsynced:
            return
        # First, so that a line which another thread writes meanwhile is not taken for synced.
        self._unsynced = False
        try:
            os.fsync(self._file)
        except OSError as error:
            raise OutputError(_unwritable(error)) from error

    def close(self) -> None:
        """Close the file, and say how many rows the log has left out."""
        if self._unlogged:
            counts = ", ".join(f"{code} {count}" for code, count in self._unlogged.most_common())
            logger.warning("Further rejected rows, in rejects_path only: %s", counts)
        if self._file is not None:
            self.sync()
            os.close(self._file)
            self._file = None

    def _log(self, rejection: Rejection) -> None:
        if self._file is not None and self._logged >= _LOGGED_BESIDE_FILE:
            self._unlogged[rejection.code] += len(rejection.updates)
            return
        self._logged += 1
        logger.warning("Rejected %s", describe(rejection))

    def _append(self, data: bytes) -> None:
        assert self._file is not None  # noqa: S101  # for the type checker: write() has looked
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            raise OutputError(_unwritable(error)) from error
        self._unsynced = True


def describe(rejection: Rejection) -> str:
    """Say in a line which row it was, and why it was rejected."""
    pairs = [pair for pair in dict.fromkeys(rejection.updates) if pair[0] is not None]
    places = [
        f"{identifier[0]} {quoted(identifier[1])}" + (f" at {quoted(location)}" if location else "")
        for identifier, location in pairs[:_NAMED]
        if identifier is not None
    ]
    places += [f"{len(pairs) - _NAMED} more"] if len(pairs) > _NAMED else []
    values = ", ".join(f"{key} {value}" for key, value in rejection.values)
    record = f"a record of {quoted(rejection.stream.name)}" + (f" ({values})" if values else "")
    what = ", ".join(places) or record
    why = ": ".join(part for part in (rejection.message, rejection.reason) if part)
    return f"{what}: {rejection.code} {why}".rstrip()


def _record_line(rejection: Rejection) -> bytes:
    """Put our key into the RECORD message, leaving its values as they came, byte for byte."""
    own = _annotation(rejection)
    try:
        message = msgspec.json.decode(rejection.line, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # A line that only a lenient reader takes (NaN): put the key before its last brace.
        return rejection.line.rstrip()[:-1] + b"," + msgspec.json.encode({OWN_KEY: own})[1:]
    return msgspec.json.encode({**message, OWN_KEY: own})


def _annotation(rejection: Rejection) -> dict[str, Any]:
    first = next((identifier for identifier, _ in rejection.updates if identifier), None)
    own: dict[str, Any] = {
        "code": rejection.code,
        "message": rejection.message,
        "reason": rejection.reason,
        "identifier": _named(first),
        "updates": [
            {"identifier": _named(identifier), "warehouse": location}
            for identifier, location in rejection.updates
        ],
    }
    if rejection.batch_id:
        own["batchId"] = rejection.batch_id
    if rejection.request_id:
        own["requestId"] = rejection.request_id
    return {**own, "at": datetime.now(timezone.utc).isoformat(timespec="milliseconds")}


def _named(identifier: Identifier | None) -> dict[str, str] | None:
    return None if identifier is None else {identifier[0]: identifier[1]}


def _open(path: str, input_file: os.stat_result | None) -> int:
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
        raise ConfigurationError(["rejects_path: is no regular file"])
    if input_file is not None and os.path.samestat(os.fstat(file), input_file):
        raise ConfigurationError(["rejects_path: is the file that this run reads from"])
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        message = "rejects_path: another run is writing to it"
        raise OutputError(message) from error
    if not holds_rejects(file):
        raise ConfigurationError(["rejects_path: the file there holds something else"])
    _cut_torn_line(file)


def holds_rejects(file: int) -> bool:
    """Whether a file begins as one of rejected rows does, or is empty.

    What is cut off, or appended to, must be ours: a SCHEMA, and behind it a RECORD with our key or,
    where a crash came between, another SCHEMA. Of a line that was torn only this can be asked: it
    is the beginning of an object, and no whole one of another kind.
    """
    head = os.pread(file, _HEAD_BYTES, 0)
    first, *others = head.split(b"\n", 2)
    return _may_be(first, _SCHEMA_MARK, torn=not others) and (
        not others or _may_be(others[0], _OWN_MARK, _SCHEMA_MARK, torn=len(others) == 1)
    )


def _may_be(line: bytes, *marks: bytes, torn: bool) -> bool:
    """Whether a line has one of the marks; a torn one may yet come to have it."""
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
    """Cut off what follows the last line's end: a crash came between two bytes of it."""
    end = os.lseek(file, 0, os.SEEK_END)
    keep = end
    while keep:
        start = max(0, keep - _TAIL_BYTES)
        found = os.pread(file, keep - start, start).rfind(b"\n")
        if found >= 0:
            keep = start + found + 1
            break
        keep = start
    if keep < end:
        os.ftruncate(file, keep)


def _unwritable(error: OSError) -> str:
    return f"rejects_path cannot be written ({error.strerror}); the rows there may be incomplete"
