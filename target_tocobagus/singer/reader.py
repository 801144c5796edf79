"""Reads the tap: bytes to lines, lines to messages, messages to their handlers.

The SDK's hook for this is a message reader with its own `process_lines`. Two things are different
here. Reading also waits for the wake-up pipe, so that a signal or a fatal error ends a run whose
tap is silent. And a line only has to be a message in JSON; its schema is checked later, if at all.
"""

from __future__ import annotations

import fcntl
import io
import logging
import os
import sys
from collections import Counter
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn

from target_tocobagus.core.errors import InputError
from target_tocobagus.core.foreign_text import blanked, clean, quoted
from target_tocobagus.core.json_lines import decode_line
from target_tocobagus.singer.fast_path import FastPath
from target_tocobagus.singer.input_hints import encoding_of, hint
from target_tocobagus.singer.line_cutter import LineCutter, LineTooLongError
from target_tocobagus.singer.sdk import GenericSingerReader, InvalidInputLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from target_tocobagus.pipeline.run import Pipeline

logger = logging.getLogger("target-tocobagus.reading")

_CHUNK_BYTES: Final = 1 << 18
_LINES_AT_ONCE: Final = 200
_BOM: Final = b"\xef\xbb\xbf"
_SHOWN: Final = 100
_LOOKED_AT: Final = 10_000
_OF_A_STREAM: Final = frozenset({"SCHEMA", "RECORD", "BATCH"})
"""Types of messages that need a stream; of all others the stream is ignored."""


class MessageReader(GenericSingerReader[bytes]):
    """Reads Singer messages for one run.

    Attributes:
        fast_path_type: The class of `fast_path`.
        line: The line that is being handled, without its end.
        number: Its number, from 1.
        fast_path: Reads the lines that do not need the general way.
    """

    fast_path_type: type[FastPath] = FastPath

    def __init__(self, open_run: Callable[[IO[bytes] | IO[str]], Pipeline]) -> None:
        """Read for a run, which `open_run` opens once its input is known."""
        super().__init__()
        self._open_run = open_run
        self._unknown: set[str] = set()
        self._schemas: dict[str, bytes] = {}
        self._current_schemas: set[bytes] = set()
        self._callbacks: dict[str, Callable[[dict[str, Any]], None]] = {}
        self._counts: Counter[str] = Counter()
        self.line = b""
        self.number = 0

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input.

        Raises:
            InputError: The process was started without one.
        """
        if sys.stdin is None:
            message = "standard input is closed"
            raise InputError(message)
        return sys.stdin.buffer

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Decode a line to a message.

        Raises:
            InputError: It is not a JSON object.
        """
        try:
            message = decode_line(line)
        except ValueError as error:
            self._complain("is not JSON", error)
        if not isinstance(message, dict):
            self._complain("is not a Singer message")
        return message

    def process_lines(
        self,
        file_input: IO[bytes] | IO[str] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        """Read to the end of the input, or until the run must stop.

        Args:
            file_input: What to read; standard input if it is `None`.
            callbacks: What handles each type of message.

        Returns:
            How many messages of each type there were.

        Raises:
            InputError: A line is not a Singer message; what came before it has been settled.
            TocobagusError: The run must stop; what was in flight has been given time to settle.
        """
        source = file_input or self.default_input
        descriptor = descriptor_of(source)
        if descriptor is not None and os.isatty(descriptor):
            logger.warning("Waiting for a tap's messages on this terminal; Ctrl-D ends the input")
        self._callbacks = callbacks
        self._pipeline = self._open_run(source)
        self.fast_path = self.fast_path_type(self._pipeline)
        try:
            self._read_all(source)
        except Exception as error:
            if (first := self._pipeline.end_after(error)) is error:
                raise
            raise first from None
        return self._counts

    def _read_all(self, source: IO[bytes] | IO[str]) -> None:
        for lines in self._chunks(source):
            self._read_chunk(lines)
            self._pipeline.service()

    def _read_chunk(self, lines: Sequence[bytes]) -> None:
        """Read lines by the fast path, and each one that it refuses in the general way."""
        place = 0
        while place < len(lines):
            reached = self.fast_path.read(lines, place)
            self.number += reached - place
            self._counts["RECORD"] += reached - place
            place = reached
            if place < len(lines):
                self.number += 1
                self._handle(lines[place])
                place += 1

    def _handle(self, line: bytes) -> None:
        if self.number == 1:
            line = line.removeprefix(_BOM)
        if not line or line.isspace():
            return
        self.line = line
        if line in self._current_schemas:
            self._counts["SCHEMA"] += 1
            return
        message = self.deserialize_json(line)
        kind = message.get("type")
        handle = self._callbacks.get(kind) if isinstance(kind, str) else None
        if handle is None:
            self._ignore(kind)
            return
        if kind in _OF_A_STREAM and not isinstance(message.get("stream", ""), str):
            self._complain("is not a Singer message: its stream has no name")
        handle(message)
        self._counts[str(kind)] += 1
        if kind == "SCHEMA":
            self._remember_schema(message["stream"], line)

    def _remember_schema(self, stream: str, line: bytes) -> None:
        """Keep a stream's last SCHEMA, so that the same line need not be decoded again."""
        self._current_schemas.discard(self._schemas.get(stream, b""))
        self._schemas[stream] = line
        self._current_schemas.add(line)

    def _ignore(self, kind: Any) -> None:
        if not isinstance(kind, str):
            self._complain("is not a Singer message: it has no type")
        if kind not in self._unknown:
            self._unknown.add(kind)
            logger.warning("Messages of the unknown type %s are ignored", quoted(kind))

    def assert_line_requires(  # type: ignore[override]  # the SDK's needs no line, and calls it so
        self, line_dict: dict[str, Any], requires: set[str]
    ) -> None:
        """Ask for the keys that a message, or the schema in it, must have.

        Raises:
            InvalidInputLine: One is not there.
        """
        if missing := sorted(requires - line_dict.keys()):
            what = f"is not a valid Singer message: missing {' and '.join(missing)}"
            raise InvalidInputLine(self.about_line(what))

    def about_line(self, what: str) -> str:
        """Describe a problem of the current line, with its number and its beginning.

        The line may be anything: secrets are blanked out, and control characters escaped.
        """
        begins = self.line[:_LOOKED_AT]
        start = blanked(begins.decode(encoding_of(begins), "replace"))
        bare = start.replace("\0", "")  # NULs of UTF-32, or of UTF-16 in the middle of a line
        start = start if blanked(bare) == bare else bare
        return f"Line {self.number} of the input {what}. It begins: {clean(start, _SHOWN)}"

    def _complain(self, what: str, cause: Exception | None = None) -> NoReturn:
        why = hint(self.line)
        raise InputError(self.about_line(f"{what} ({why})" if why else what)) from cause

    def _chunks(self, source: IO[bytes] | IO[str]) -> Iterator[Sequence[bytes]]:
        descriptor = descriptor_of(source)
        return self._read_lines(source) if descriptor is None else self._read_bytes(descriptor)

    def _read_bytes(self, descriptor: int) -> Iterator[Sequence[bytes]]:
        """Read what is available, and keep an incomplete last line for the next time."""
        _widen(descriptor)
        cutter = LineCutter()
        while True:
            self._pipeline.wait_for_input(descriptor)
            if not (chunk := _read(descriptor)):
                break
            try:
                lines = cutter.cut(chunk)
            except LineTooLongError as error:
                message = f"Line {self.number + 1} of the input cannot be read: {error}"
                raise InputError(message) from None
            if lines:
                yield lines
        if last := cutter.rest():
            yield last

    @staticmethod
    def _read_lines(source: IO[bytes] | IO[str]) -> Iterator[Sequence[bytes]]:
        """Read a source that has no descriptor to wait for, such as a `StringIO`."""
        lines: list[bytes] = []
        for line in source:
            text = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
            lines.append(text.rstrip(b"\n"))
            if len(lines) >= _LINES_AT_ONCE:
                yield lines
                lines = []
        yield lines


def descriptor_of(source: IO[bytes] | IO[str]) -> int | None:
    """Find the file descriptor to wait for; `None` if a source has none."""
    try:
        return source.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return None


def _widen(descriptor: int) -> None:
    """Enlarge a pipe to what is read at once, so that tap and target switch less often.

    Only Linux can (fcntl(2), F_SETPIPE_SZ), and it may refuse.
    """
    with suppress(AttributeError, OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _CHUNK_BYTES)


def _read(descriptor: int) -> bytes:
    return os.read(descriptor, _CHUNK_BYTES)
