"""Which mapping a stream would have, and what its user should know about it.

With `streams`, it is the mapping that a run chooses; without, the one that it recognises, or else a
draft.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from target_tocobagus.config.settings import StreamMapping, parse_settings
from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.mapping import CompiledMapping, compile_mapping
from target_tocobagus.recognition.known_taps import Beside, looked_up
from target_tocobagus.recognition.recognise import (
    NotStock,
    Question,
    Recognised,
    Recognition,
    mixed_scopes,
    recognise,
    start_from,
)
from target_tocobagus.recognition.stream_router import StreamRouter
from target_tocobagus.recognition.yaml_lines import as_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_tocobagus.config.settings import Settings
    from target_tocobagus.mapping.looking_up import PairReader

Standing: TypeAlias = Literal["configured", "recognised", "proposed", "drafted", "ignored"]


class Advice(msgspec.Struct, frozen=True):
    """The advice for a stream.

    Attributes:
        standing: Where its mapping comes from; "ignored" if it has none.
        remark: The reason for the mapping, or what a person must decide; without the final stop.
        run: What a run without `streams` does with the stream, if it is recognised or a question.
        mapping: Complete or not.
        compiled: Maps its records; None if the mapping is not complete.
        comments: By the mapping's key, the comment of its line.
        problems: Errors that end a run, or what the mapping still lacks.
        named: The user named this stream exactly, so its columns are required.
    """

    standing: Standing
    remark: str = ""
    run: str = ""
    mapping: StreamMapping | None = None
    compiled: CompiledMapping | None = None
    comments: dict[str, str] = {}
    problems: tuple[str, ...] = ()
    named: bool = False


class Advisor:
    """Finds the mapping of each stream of a file.

    Attributes:
        examines: It uses the mappings that a user wrote; otherwise it recognises.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        drafts: bool,
        needs_columns: bool = True,
        is_table: bool = False,
    ) -> None:
        """Compile the user's mappings, if there are any.

        Args:
            settings: The configuration.
            drafts: Also draft mappings for streams that do not look like stock.
            needs_columns: A column that is not in a stream would make a run fail.
            is_table: Its only stream is a table, which is meant to be stock.

        Raises:
            ConfigurationError: A mapping cannot be used, whatever the stream.
        """
        self._router = StreamRouter(settings)
        self._settings = settings
        self._drafts = drafts
        self._needs_columns = needs_columns
        self._is_table = is_table
        self._used: list[StreamMapping] = []
        self._recognised: dict[str, Recognised] = {}
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self.examines = settings.streams is not None

    def advise(
        self,
        stream: str,
        schema: Mapping[str, Any],
        keys: Sequence[str] = (),
        records: Sequence[Any] = (),
    ) -> Advice:
        """Choose a stream's mapping, by its SCHEMA, its key and, for a draft, its first records."""
        if self.examines:
            return self._examine(stream, schema, keys)
        self._schemas[stream] = schema
        beside = Beside(self._schemas, self._settings.ledger is not None)
        found = recognise(stream, schema, keys, records, beside)
        self._recognised.pop(stream, None)
        if isinstance(found, Recognised):
            self._recognised[stream] = found
        if isinstance(found, NotStock) and not self._drafts:
            by = looked_up().get(stream)
            return Advice("ignored", f"{by!r} may look its records up" if by else found.reason)
        start = start_from(found, stream, schema, records, is_stock=self._is_table)
        return self._propose(found, start)

    @property
    def lookups(self) -> list[PairReader]:
        """What the user's mappings look up."""
        return [each.pairs for each in self._router.looking_up if each.pairs is not None]

    @property
    def clash(self) -> str:
        """Why a run stops because recognised streams cannot be sent together; empty if not."""
        problem, _, _ = (mixed_scopes(self._recognised.values()) or "").partition("\n")
        return problem.removesuffix(":")

    def remarks(self) -> Iterator[str]:
        """Name the user's mappings that no stream uses; or say why a run stops."""
        if self.clash:
            yield f"A run without `streams` stops here: {self.clash}"
        yield from self._router.mistyped()
        for number, mapping in enumerate(self._settings.streams or ()):
            if not any(mapping is used for used in self._used):
                yield f"streams[{number}] ({mapping.stream!r}) is not used by any stream here"

    def _examine(self, stream: str, schema: Mapping[str, Any], keys: Sequence[str]) -> Advice:
        """Choose among the user's mappings, as a run does."""
        mapping = self._router.written(stream)
        try:
            choice = self._router.choose(stream, schema, keys)
        except ConfigurationError as error:
            choice, problems = None, _problems(error, stream)
        if mapping is None and stream in self._router.looked_up:
            return Advice("ignored", "its records are the pairs of a lookup")
        if mapping is None:
            return Advice("ignored", "no entry of `streams` matches it")
        self._used.append(mapping)
        if choice is None:
            return Advice("configured", mapping=mapping, problems=problems)
        named = choice.named and self._needs_columns
        return Advice("configured", mapping=mapping, compiled=choice.mapping, named=named)

    def _propose(self, found: Recognition, mapping: StreamMapping) -> Advice:
        """Offer a mapping; a strange column's name may not be allowed in the settings."""
        config = as_config(mapping)
        try:
            if config is not None:
                parse_settings({"dry_run": True, "ledger": "ledger.db", "streams": [config]})
        except ConfigurationError as error:
            return Advice("ignored", f"{found.reason}; no mapping can describe it: {error}")
        compiled = None
        problems: tuple[str, ...] = ()
        try:
            compiled = compile_mapping(mapping, self._settings.policy)
        except ConfigurationError as error:
            problems = _problems(error, mapping.stream)
        standing, run = _plan(found)
        comments = found.remarks if isinstance(found, Question) else {}
        return Advice(standing, found.reason, run, mapping, compiled, comments, problems)


def _plan(found: Recognition) -> tuple[Standing, str]:
    """Say what a run without `streams` does with the stream."""
    if isinstance(found, Question):
        return "proposed", (
            "A run without `streams` does not send it, and ends with this question if it recognises"
            " no other stream: decide, and configure it"
        )
    if isinstance(found, NotStock):
        return "drafted", ""
    plan = "A run without `streams` uses this mapping"
    if found.written:
        plan = "A run without `streams` sends the items as they are; this mapping comes closest"
    elif found.mapping.native:
        plan = "Only a run without `streams` sends them; no mapping can describe them"
    return "recognised", plan


def _problems(error: ConfigurationError, stream: str) -> tuple[str, ...]:
    """Return the problems without the stream's name, which is shown above them."""
    place = f"mapping of stream {stream!r}: "
    return tuple(problem.removeprefix(place) for problem in error.problems)
