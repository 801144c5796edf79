"""Chooses a stream's mapping: the user's, a recognised one, or none.

The user's mappings are compiled before the first record, so that a mistake in any of them is found
before anything is sent. Recognition needs the schema, so it happens at the SCHEMA.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.core.errors import ActionNeeded, ConfigurationError
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.plural import some_of
from target_tocobagus.mapping import CompiledMapping, compile_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from target_tocobagus.config.settings import Settings, StockPolicy, StreamMapping
    from target_tocobagus.recognition.questions import Questions, Sample
    from target_tocobagus.recognition.recognise import Recognised

_BRACKETS: Final = re.compile(r"(?<!\s)\[([^\]\s]{2,})\]")
_RANGES: Final = re.compile(r"!?(?:\w-\w)+")


class Route(msgspec.Struct, frozen=True):
    """The choice for a stream.

    Attributes:
        mapping: ``None`` if the stream is ignored.
        remark: For the log, once: how it was recognised, or why it is ignored.
        named: The user named this stream exactly, so its columns are required.
        sample: Its first records, if it is not recognised and may be a question.
        columns: The only columns that a record of the API's own items may have.
    """

    mapping: CompiledMapping | None
    remark: str = ""
    named: bool = False
    sample: Sample | None = None
    columns: frozenset[str] | None = None


class StreamRouter:
    """Chooses for one run.

    Attributes:
        questions: What recognition asks; ``None`` if `streams` is set.
    """

    def __init__(self, settings: Settings) -> None:
        """Compile the user's mappings.

        Raises:
            ConfigurationError: With all problems of all mappings.
        """
        self._policy = settings.policy
        self._unmapped: dict[str, None] = {}
        self._used: set[str] = set()
        self._entries = _compiled(settings.streams or (), settings.policy)
        self.questions: Questions | None = None
        if settings.streams is None:
            from target_tocobagus.recognition.questions import Questions

            self.questions = Questions(has_ledger=settings.ledger is not None)

    def choose(
        self, stream: str, schema: Mapping[str, Any], keys: Sequence[str] | None = None
    ) -> Route:
        """Choose for a stream under a schema.

        Raises:
            ConfigurationError: Only the user can say where its stock is.
        """
        if self.questions is not None:
            sample = self.questions.sample(stream, schema, keys or ())
            return self._recognise(self.questions, sample, schema)
        found = self._entry(stream)
        if found is None and stream in self.looked_up:
            return Route(None)
        if found is None:
            self._unmapped[stream] = None
            remark = f"Stream {quoted(stream)} is ignored: no entry of `streams` matches it"
            return Route(None, remark)
        mapping, compiled = found
        self._used.add(mapping.stream)
        _check_location(mapping, stream, schema)
        return Route(compiled, named=mapping.stream == stream)

    def check_first(
        self, stream: str, schema: Mapping[str, Any], record: Mapping[str, Any]
    ) -> None:
        """Look at what a stream's first record has beside its SCHEMA, as `choose` at that.

        Raises:
            ConfigurationError: Only the user can say where its stock is.
        """
        declared = schema.get("properties") or {}
        more = {
            name: value
            for name, value in record.items()
            if name not in declared and value is not None
        }
        if more and (found := self._entry(stream)) is not None:
            _check_location(found[0], stream, {}, [more])

    @property
    def looking_up(self) -> list[CompiledMapping]:
        """The user's mappings whose identifiers come from another stream."""
        return [compiled for _, compiled in self._entries if compiled.pairs is not None]

    @property
    def looked_up(self) -> set[str]:
        """The streams that the user's mappings look up."""
        return {each.pairs.stream for each in self.looking_up if each.pairs is not None}

    def doubts(self) -> list[str]:
        """List what may be a mistake in the user's mappings, though it is allowed."""
        counts = Counter(mapping.stream for mapping, _ in self._entries)
        repeated = [
            f"streams: of the entries for {quoted(name)} only the first is used"
            for name, count in counts.items()
            if count > 1
        ]
        fall_backs = [
            f"mapping of stream {quoted(mapping.stream)}: falls back from"
            f" {' to '.join(compiled.kinds)};"
            " one product under two kinds of identifier cannot be kept in order"
            for mapping, compiled in self._entries
            if len(compiled.kinds) > 1
        ]
        return repeated + fall_backs

    def written(self, stream: str) -> StreamMapping | None:
        """Return the user's mapping of a stream, as it was written."""
        found = self._entry(stream)
        return found[0] if found else None

    def mistyped(self) -> Iterator[str]:
        """Name the mappings without a stream, each with the stream of the nearest name."""
        streams = list(self._unmapped)
        for mapping, _ in self._entries:
            near = difflib.get_close_matches(mapping.stream, streams, n=1)
            if mapping.stream not in self._used and near:
                yield (
                    f"streams: no stream {quoted(mapping.stream)} came; the nearest name that came"
                    f" is {quoted(near[0])}, which is ignored"
                )

    def nothing_mapped(self) -> str:
        """Make the warning that no stream that came has a mapping."""
        why = "By this configuration no stream that came holds stock"
        if self._unmapped:
            streams = some_of([quoted(stream) for stream in self._unmapped])
            why = f"No entry of `streams` matches a stream that came ({streams})"
        return (
            f"{why}: nothing was sent, and no STATE goes out. `tocobagus map FILE` drafts a mapping"
            " for a recorded stream"
        )

    def _entry(self, stream: str) -> tuple[StreamMapping, CompiledMapping] | None:
        """Find the entry that has the stream's name, or else the first glob that fits."""
        exact = [each for each in self._entries if each[0].stream == stream]
        globs = [each for each in self._entries if _fits(stream, each[0].stream)]
        return next(iter(exact + globs), None)

    def _recognise(self, questions: Questions, sample: Sample, schema: Mapping[str, Any]) -> Route:
        from target_tocobagus.recognition import recognise as recognition
        from target_tocobagus.recognition.fields import columns

        recognised = questions.recognised
        stream, found = sample.stream, sample.found
        before = recognised.get(stream)
        if before is not None and not recognition.may_follow(before, found, schema):
            raise ActionNeeded(_changed(stream, before, schema))
        if isinstance(found, recognition.Recognised):
            questions.recognise(stream, found)
            if problem := recognition.mixed_scopes(recognised.values()):
                raise ConfigurationError([problem])
            only = frozenset(columns(schema)) if found.mapping.native else None
            compiled = compile_mapping(found.mapping, self._policy)
            return Route(compiled, _describe(stream, found), columns=only)
        remark = questions.ignored(sample) if schema.get("properties") else ""
        return Route(None, remark, sample=sample)


def _compiled(
    mappings: Iterable[StreamMapping], policy: StockPolicy
) -> list[tuple[StreamMapping, CompiledMapping]]:
    compiled: list[tuple[StreamMapping, CompiledMapping]] = []
    problems: list[str] = []
    for mapping in mappings:
        try:
            compiled.append((mapping, compile_mapping(mapping, policy)))
        except ConfigurationError as error:  # noqa: PERF203  # all problems at once
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return compiled


def _fits(stream: str, pattern: str) -> bool:
    """Whether a pattern is a glob that matches a stream.

    Brackets alone make a glob only if they are a set of two or more characters, and not after a
    space: a mapping for the sheet `Stok [A]` never matches the stream `Stok A`.
    """
    is_glob = "*" in pattern or "?" in pattern or any(map(_is_set, _BRACKETS.findall(pattern)))
    return is_glob and fnmatchcase(stream, pattern)


def _is_set(inner: str) -> bool:
    """Whether the text in brackets is a shell's set of characters: `ab`, `!x`, `0-9`."""
    return len(set(inner)) == len(inner) or _RANGES.fullmatch(inner) is not None


def _changed(stream: str, before: Recognised, schema: Mapping[str, Any]) -> str:
    """Make the error for a stream that was sent but is not recognised any more."""
    names = some_of([quoted(name) for name in schema.get("properties") or ()])
    return (
        f"stream {quoted(stream)} was recognised ({before.source}), and a later SCHEMA declares"
        f" other columns: {names}. Only you can tell what its rows hold now. Give the stream a"
        " mapping in streams; `tocobagus map FILE` drafts one"
    )


def _describe(stream: str, found: Recognised) -> str:
    from target_tocobagus.recognition.yaml_lines import as_yaml_lines

    lines = as_yaml_lines(found.closest).rstrip()
    remark = f"\n{found.remark}" if found.remark else ""
    return (
        f"Stream {quoted(stream)} is recognised ({found.source}) and sent as by this mapping:\n"
        f"{lines}{remark}"
    )


def _check_location(
    mapping: StreamMapping,
    stream: str,
    schema: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Fail if the stock of one location might be sent as global stock."""
    from target_tocobagus.recognition.recognise import location_columns

    if mapping.names_locations or mapping.levels or mapping.split or mapping.no_warehouse:
        return
    if columns := location_columns(schema, records):
        names = ", ".join(map(quoted, columns))
        problem = (
            f"mapping of stream {quoted(stream)}: warehouse: is not set, but the stream has"
            f" {names}, so a row may be the stock of one place only; set warehouse to that column,"
            " or to null if each row is the stock of all places"
        )
        raise ConfigurationError([problem])
