"""Which mapping a stream would have, and what its user should know of it.

With `streams` configured that is what a run chooses; without, what it recognises, and where it
recognises nothing, what a person may start from.
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
    """What is known of a stream by its columns.

    Attributes:
        standing: Where its mapping comes from; "ignored" where it is not to be had.
        remark: What it rests on, or what a person has to decide; sentences without the last stop.
        run: What a run without `streams` does with the stream, where that is its own to say.
        mapping: Complete or not.
        compiled: What maps its records; None where the mapping is not complete.
        comments: By the mapping's key, what to say behind its line.
        problems: For what a run ends, or what the mapping still lacks.
        named: The user named this very stream, and so vouches for its columns.
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
    """Find who advises under a configuration.

    Args:
        settings: The configuration.
        drafts: Draft a mapping also for what is not taken for stock.

    Raises:
        ConfigurationError: A mapping cannot be used, whatever the stream.
    """
    if settings.streams is None:
        return Recogniser(settings.policy, drafts=drafts)
    return Examiner(settings, settings.streams)


class Examiner:
    """Shows what a run makes of streams by the mappings that its user wrote.

    Attributes:
        examines: By mappings that its user wrote.
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
        """Choose for a stream as a run does, by its SCHEMA and its key."""
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
        """Name the mappings that no stream has, and the stream that may be meant."""
        yield from self._chooser.mistyped()
        for number, mapping in enumerate(self._mappings):
            if not any(mapping is used for used in self._used):
                yield f"streams[{number}] ({mapping.stream!r}) is not used by any stream here"


class Recogniser:
    """Shows what a run without `streams` recognises, and what may be written where it does not."""

    examines = False

    def __init__(self, policy: StockPolicy, *, drafts: bool) -> None:
        """Map by a policy."""
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
        """Recognise, or propose, by the SCHEMA, the key and the first records."""
        found = recognise(stream, schema, keys, records)
        self._recognised.pop(stream, None)
        if isinstance(found, Recognised):
            self._recognised[stream] = found
        if isinstance(found, NotStock) and not self._drafts:
            return Advice("ignored", found.reason)
        return self._complete(found, start_from(found, stream, schema, records))

    def remarks(self) -> Iterator[str]:
        """Say whether the recognised streams go together."""
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
    """Hold a mapping to the settings' schema, which it may not fit by a strange column's name.

    Raises:
        ConfigurationError: It does not.
    """
    if config := as_config(mapping):
        parse_settings({"dry_run": True, "streams": [config]})


def _compiled(
    mapping: StreamMapping, policy: StockPolicy
) -> tuple[CompiledMapping | None, tuple[str, ...]]:
    """Compile what may not be complete; or say what it lacks, without the stream's name."""
    try:
        return compile_mapping(mapping, policy), ()
    except ConfigurationError as error:
        return None, _problems(error, mapping.stream)


def _problems(error: ConfigurationError, stream: str) -> tuple[str, ...]:
    """Give the problems without the stream's name, which is above them."""
    place = f"mapping of stream {stream!r}: "
    return tuple(problem.removeprefix(place) for problem in error.problems)
