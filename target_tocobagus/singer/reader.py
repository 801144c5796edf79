"""Reads the tap: bytes to lines, lines to messages, messages to their handlers.

The SDK's hook for this is a message reader with its own `process_lines`. Two things are different
here. Reading also waits for the wake-up pipe, so that a signal or a fatal error ends a run whose
tap is silent. And a line only has to be a message in JSON; its schema is checked later, if at all.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn

from target_tocobagus.core.errors import InputError
from target_tocobagus.core.foreign_text import blanked, clean, quoted
from target_tocobagus.core.json_lines import decode_line
from target_tocobagus.singer.extracted_times import note_times
from target_tocobagus.singer.fast_path import FastPath
from target_tocobagus.singer.input_lines import (
    BOM,
    LineTooLongError,
    descriptor_of,
    encoding_of,
    hint,
    read_lines,
)
from target_tocobagus.singer.sdk import GenericSingerReader, InvalidInputLine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_tocobagus.pipeline.run import Pipeline

logger = logging.getLogger("target-tocobagus.reading")

_SHOWN: Final = 100
_LOOKED_AT: Final = 10_000
_REQUIRED: Final[dict[str, set[str]]] = {
    "SCHEMA": {"stream", "schema"},
    "RECORD": {"stream", "record"},
    "BATCH": {"stream", "encoding", "manifest"},
    "STATE": {"value"},
    "ACTIVATE_VERSION": set(),
}
"""The keys that a message of each type must have."""


class MessageReader(GenericSingerReader[bytes]):
    """Reads Singer messages for one run.

    Attributes:
        fast_path: Reads the lines that do not need the general way.
        handlers: What handles each type of message, in place of the SDK's callbacks.
        line: The line that is being handled, without its end.
    """

    fast_path_type: type[FastPath] = FastPath
    handlers: Mapping[str, Callable[[dict[str, Any]], None]]

    def __init__(self, open_run: Callable[[IO[bytes] | IO[str]], Pipeline]) -> None:
        """Read for a run, which `open_run` opens once its input is known; it sets `handlers`."""
        super().__init__()
        self._open_run = open_run
        self._unknown: set[str] = set()
        self._schemas: dict[str, bytes] = {}
        self._current_schemas: set[bytes] = set()
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
        callbacks: dict[str, Callable[[dict[str, Any]], None]],  # noqa: ARG002  # see `handlers`
    ) -> Counter[str]:
        """Read to the end of the input, or until the run must stop.

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
        pipeline = self._open_run(source)
        self.fast_path = self.fast_path_type(pipeline)
        try:
            self._read_all(source, pipeline)
        except Exception as error:
            if (first := pipeline.end_after(error)) is error:
                raise
            raise first from None
        return self._counts

    def _read_all(self, source: IO[bytes] | IO[str], pipeline: Pipeline) -> None:
        try:
            for lines in read_lines(source, pipeline.wait_for_input):
                note_times(lines, pipeline.position, pipeline.totals.freshness.note)
                self._read_chunk(lines)
                pipeline.service()
        except LineTooLongError as error:
            message = f"Line {self.number + 1} of the input cannot be read: {error}"
            raise InputError(message) from None

    def _read_chunk(self, lines: Sequence[bytes]) -> None:
        """Read lines by the fast path, and each one that it refuses in the general way."""
        place = 0
        while place < len(lines):
            if self.fast_path.latest is not None:
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
            line = line.removeprefix(BOM)
        if not line or line.isspace():
            return
        self.line = line
        if line in self._current_schemas:
            self._counts["SCHEMA"] += 1
            return
        message = self.deserialize_json(line)
        kind = message.get("type")
        if not isinstance(kind, str) or kind not in _REQUIRED:
            self._ignore(kind)
            return
        required = _REQUIRED[kind]
        if "stream" in required and not isinstance(message.get("stream", ""), str):
            self._complain("is not a Singer message: its stream has no name")
        if not required <= message.keys():
            missing = " and ".join(sorted(required - message.keys()))
            text = f"is not a valid Singer message: missing {missing}"
            raise InvalidInputLine(self.about_line(text))
        self.handlers[kind](message)
        self._counts[kind] += 1
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
