"""Writes rejected rows: to the log always, and to a file if one is set.

The file is a Singer stream: each line is the RECORD as it came, with one more key, after its
SCHEMA. So piping it back sends only the rejected rows again. Whole lines are appended; a line that
a crash has torn is cut off when the file is next opened.

Invariants:
- The file ends with a whole line: a line that a full disk took only in part is cut off again.
- The first failure is final. After a failed fsync the kernel may drop unwritten data, and the next
  fsync may succeed; so nothing more is written, and nothing more counts as synced.
- Rows count as synced only if the file is still at its path and has its length: a file that was
  moved, removed, truncated or appended to by another program ends the run.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec

from target_tocobagus.core.errors import OutputError
from target_tocobagus.core.foreign_text import quoted, reason
from target_tocobagus.report.log_stream import drain_log, patience
from target_tocobagus.report.rejects_file import open_rejects
from target_tocobagus.state.checkpoints import OWN_KEY

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier, Rejection

logger = logging.getLogger("target-tocobagus.rejects")
_LOGGED_BESIDE_FILE: Final = 100
_NAMED: Final = 10
"""How many rows a log line names."""
_MOVED: Final = (
    "rejects_path was moved, removed, truncated or written to by another program during the run;"
    " rows that are not covered by a STATE come again: do not change the file during a run"
)


class Rejects:
    """Writes rejected rows; only one thread at a time may call `write`, `sync` and `close`."""

    def __init__(
        self,
        path: str | None,
        *,
        input_file: os.stat_result | None = None,
        most_logged: int | None = None,
    ) -> None:
        """Open the file, if there is one, for this run alone.

        Args:
            path: The file; ``None`` for the log alone.
            input_file: What the run reads from, which must not be the same file.
            most_logged: How many rows are logged without a file, if not all; the ledger has them.

        Raises:
            ConfigurationError: It cannot be opened, or does not hold rejected rows.
            OutputError: Another run is writing to it now.
        """
        self._path = path or ""
        self._file = None if path is None else open_rejects(path, input_file)
        self._end = 0 if self._file is None else os.fstat(self._file).st_size
        self._synced = self._end
        self._confirmed = self._end
        self._problem = ""
        self._schemas: dict[str, bytes] = {}
        self._most_logged = most_logged if path is None else _LOGGED_BESIDE_FILE
        self._logged = 0
        self._unlogged: Counter[str] = Counter()

    def write(self, rejection: Rejection) -> None:
        """Write one rejection; it is on disk only after `sync`.

        Raises:
            OutputError: The file cannot be written, or was changed.
        """
        self._log(rejection)
        if self._file is None or not rejection.line:
            return
        lines = b""
        stream = rejection.stream
        if self._schemas.get(stream.name) != stream.schema_line:
            self._schemas[stream.name] = stream.schema_line
            lines = stream.schema_line + b"\n"
        self._append(self._file, lines + _record_line(rejection) + b"\n")

    def sync(self) -> None:
        """Make sure that written rows survive a crash of the machine, and are in the file.

        Without a file, wait until the log is written.

        Raises:
            OutputError: The disk fails, or the file was changed.
        """
        if self._file is None:
            drain_log()
            return
        self._refuse_after_failure()
        if self._end == self._synced:
            return
        try:
            os.fsync(self._file)
        except OSError as error:
            self._fail(_unwritable(error))
        try:
            self._check(self._file)
        except OutputError:
            self._take_back(self._file)
            raise
        self._synced = self._end

    @property
    def is_confirmed(self) -> bool:
        """Whether `confirm` has found everything that was synced in place."""
        return self._confirmed == self._synced

    def confirm(self) -> None:
        """Check that the file is still at its path and has its length; in any thread.

        Raises:
            OutputError: It was moved, removed or truncated.
        """
        if self._file is not None:
            synced = self._synced
            self._check(self._file, may_grow=True)
            self._confirmed = synced

    def close(self) -> None:
        """Close the file, and log how many rows the log has left out.

        Raises:
            OutputError: The disk fails, or the file was changed.
        """
        if self._unlogged:
            counts = ", ".join(f"{code} {count}" for code, count in self._unlogged.most_common())
            where = "the ledger" if self._file is None else "rejects_path"
            logger.warning("Further rejected rows, in %s only: %s", where, counts)
            self._unlogged.clear()
        if self._file is None:
            return
        try:
            if not self._problem:
                self.sync()
                self._check(self._file)
        finally:
            file, self._file = self._file, None
            os.close(file)

    def _log(self, rejection: Rejection) -> None:
        if self._most_logged is None:
            with patience():
                logger.warning("Rejected %s", describe(rejection))
        elif self._logged < self._most_logged:
            self._logged += 1
            logger.warning("Rejected %s", describe(rejection))
        else:
            self._unlogged[rejection.code] += len(rejection.updates)

    def _append(self, file: int, data: bytes) -> None:
        """Append whole lines, or nothing."""
        self._refuse_after_failure()
        if self._end == self._synced:
            self._check(file)
        rest = data
        try:
            while rest:
                rest = rest[os.write(file, rest) :]
        except OSError as error:
            _cut(file, self._end)
            self._fail(_unwritable(error))
        self._end += len(data)

    def _check(self, file: int, *, may_grow: bool = False) -> None:
        """Check the file; it `may_grow` meanwhile if this is not the thread that appends."""
        end = self._end  # before looking: it may grow in between
        try:
            mine, there = os.fstat(file), os.stat(self._path)  # noqa: PTH116  # as the settings have it
        except OSError:
            self._fail(_MOVED)
        grown = mine.st_size > end and not may_grow
        if grown or mine.st_size < end or not os.path.samestat(mine, there):
            self._fail(_MOVED)

    def _take_back(self, file: int) -> None:
        """After a truncation, cut off rows appended since: their SCHEMA may be missing."""
        size = os.fstat(file).st_size
        if size < self._end:
            _cut(file, max(0, size - (self._end - self._synced)))

    def _refuse_after_failure(self) -> None:
        if self._problem:
            raise OutputError(self._problem)

    def _fail(self, problem: str) -> NoReturn:
        self._problem = self._problem or problem
        raise OutputError(problem)


def describe(rejection: Rejection) -> str:
    """Describe in a line which row was rejected, and why."""
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
    """Add our key to the RECORD message; its values stay as they came, byte for byte."""
    own = _annotation(rejection)
    try:
        message = msgspec.json.decode(rejection.line, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        # Only a lenient reader accepts this line (NaN): put the key before its last brace.
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


def _cut(file: int, end: int) -> None:
    with suppress(OSError):  # an earlier error is reported
        if os.fstat(file).st_size > end:
            os.ftruncate(file, end)


def _unwritable(error: OSError) -> str:
    return f"rejects_path cannot be written ({reason(error)}); the rows there may be incomplete"
