"""Which mapping a stream would have, and what its user should know about it.

With `streams`, it is the mapping that a run chooses; without, the one that it recognises, or else a
draft.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from target_tocobagus.config.settings import StreamMapping, parse_settings
from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.mapping import CompiledMapping, compile_mapping
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

    from target_tocobagus.config.settings import Settings, StockPolicy

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


def advisor_for(settings: Settings, *, drafts: bool) -> Advisor:
    """Make the advisor for a configuration.

    Args:
        settings: The configuration.
        drafts: Also draft mappings for streams that do not look like stock.

    Raises:
        ConfigurationError: A mapping cannot be used, whatever the stream.
    """
    if settings.streams is None:
        return Recogniser(settings.policy, drafts=drafts)
    return Examiner(settings, settings.streams)


class Examiner:
    """Advises by the mappings that a user wrote.

    Attributes:
        examines: It uses mappings that a user wrote.
    """

    examines = True

    def __init__(self, settings: Settings, mappings: tuple[StreamMapping, ...]) -> None:
        """Compile the mappings.

        Raises:
            ConfigurationError: One of them cannot be used.
        """
        self._chooser = StreamRouter(settings)
        self._mappings = mappings
        self._used: list[StreamMapping] = []

    def advise(
        self,
        stream: str,
        schema: Mapping[str, Any],
        keys: Sequence[str] = (),
        records: Sequence[Any] = (),  # noqa: ARG002  # as the Recogniser has it
    ) -> Advice:
        """Choose a stream's mapping as a run does, by its SCHEMA and its key."""
        mapping = self._chooser.written(stream)
        if mapping is None:
            self._chooser.choose(stream, schema, keys)
            return Advice("ignored", "no entry of `streams` matches it")
        self._used.append(mapping)
        try:
            choice = self._chooser.choose(stream, schema, keys)
        except ConfigurationError as error:
            problems = _problems(error, stream)
            return Advice("configured", mapping=mapping, problems=problems)
        return Advice("configured", mapping=mapping, compiled=choice.mapping, named=choice.named)

    def remarks(self) -> Iterator[str]:
        """Name the mappings that no stream uses, and the stream that may be meant."""
        yield from self._chooser.mistyped()
        for number, mapping in enumerate(self._mappings):
            if not any(mapping is used for used in self._used):
                yield f"streams[{number}] ({mapping.stream!r}) is not used by any stream here"


class Recogniser:
    """Advises as a run without `streams` recognises, with drafts for other streams."""

    examines = False

    def __init__(self, policy: StockPolicy, *, drafts: bool) -> None:
        self._policy = policy
        self._drafts = drafts
        self._recognised: dict[str, Recognised] = {}

    def advise(
        self,
        stream: str,
        schema: Mapping[str, Any],
        keys: Sequence[str] = (),
        records: Sequence[Any] = (),
    ) -> Advice:
        """Recognise a stream, or draft a mapping, by the SCHEMA, the key and the first records."""
        found = recognise(stream, schema, keys, records)
        self._recognised.pop(stream, None)
        if isinstance(found, Recognised):
            self._recognised[stream] = found
        if isinstance(found, NotStock) and not self._drafts:
            return Advice("ignored", found.reason)
        return self._complete(found, start_from(found, stream, schema, records))

    def remarks(self) -> Iterator[str]:
        """Say if the recognised streams cannot be sent together."""
        problem = mixed_scopes(self._recognised.values())
        if problem:
            first, _, _ = problem.partition("\n")
            yield f"A run without `streams` stops here: {first.removesuffix(':')}"

    def _complete(self, found: Recognition, mapping: StreamMapping) -> Advice:
        try:
            _check(mapping)
        except ConfigurationError as error:
            return Advice("ignored", f"{found.reason}; no mapping can describe it: {error}")
        compiled, problems = _compiled(mapping, self._policy)
        return Advice(
            _STANDINGS[type(found)],
            found.reason,
            _said_of_run(found),
            mapping,
            compiled,
            found.remarks if isinstance(found, Question) else {},
            problems,
        )


Advisor: TypeAlias = Examiner | Recogniser
_STANDINGS: Final[dict[type[Any], Standing]] = {
    Recognised: "recognised",
    Question: "proposed",
    NotStock: "drafted",
}


def _said_of_run(found: Recognition) -> str:
    if isinstance(found, Question):
        return (
            "A run without `streams` does not send it, and ends with this question if it recognises"
            " no other stream: decide, and configure it"
        )
    if isinstance(found, NotStock):
        return ""
    if found.written:
        return "A run without `streams` sends the items as they are; this mapping comes closest"
    if found.mapping.native:
        return "Only a run without `streams` sends them; no mapping can describe them"
    return "A run without `streams` uses this mapping"


def _check(mapping: StreamMapping) -> None:
    """Check a mapping by the settings' schema; a strange column's name may not be allowed.

    Raises:
        ConfigurationError: It is not allowed.
    """
    if config := as_config(mapping):
        parse_settings({"dry_run": True, "streams": [config]})


def _compiled(
    mapping: StreamMapping, policy: StockPolicy
) -> tuple[CompiledMapping | None, tuple[str, ...]]:
    """Compile a mapping that may not be complete; or return what it lacks."""
    try:
        return compile_mapping(mapping, policy), ()
    except ConfigurationError as error:
        return None, _problems(error, mapping.stream)


def _problems(error: ConfigurationError, stream: str) -> tuple[str, ...]:
    """Return the problems without the stream's name, which is shown above them."""
    place = f"mapping of stream {stream!r}: "
    return tuple(problem.removeprefix(place) for problem in error.problems)
