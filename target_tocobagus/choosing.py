"""Which mapping a stream gets: the user's, a recognised one, or none.

The user's mappings are compiled before the first record, so that a mistake in any of them is found
before anything is sent. Recognition needs the schema, and so comes with it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

import msgspec

from target_tocobagus.errors import ConfigurationError
from target_tocobagus.foreign_text import quoted
from target_tocobagus.mapping import CompiledMapping, compile_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_tocobagus.mapping.recognition import Recognised
    from target_tocobagus.settings import Settings, StreamMapping

_GLOB: Final = frozenset("*?[")


class Choice(msgspec.Struct, frozen=True):
    """What a stream gets.

    Attributes:
        mapping: ``None`` where the stream is ignored.
        remark: What the log should say, once: how it was recognised, or why it is ignored.
        named: The user named this very stream, and so vouches for its columns.
    """

    mapping: CompiledMapping | None
    remark: str = ""
    named: bool = False


class Chooser:
    """Chooses for one run, and remembers what was recognised."""

    def __init__(self, settings: Settings) -> None:
        """Compile the user's mappings.

        Raises:
            ConfigurationError: With every problem of every mapping.
        """
        self._policy = settings.policy
        self._recognised: dict[str, Recognised] = {}
        self._configured: list[tuple[StreamMapping, CompiledMapping]] | None = None
        if settings.streams is not None:
            self._configured = self._compile(settings.streams)

    def choose(self, stream: str, schema: Mapping[str, Any]) -> Choice:
        """Choose for a stream under a schema.

        Raises:
            ConfigurationError: Only the user can tell where its stock stands.
        """
        if self._configured is None:
            return self._recognise(stream, schema)
        for mapping, compiled in self._configured:
            if fnmatchcase(stream, mapping.stream):
                _check_location(mapping, stream, schema)
                return Choice(compiled, named=not _GLOB.intersection(mapping.stream))
        return Choice(None, f"Stream {quoted(stream)} is ignored: no mapping in streams names it")

    def doubts(self) -> list[str]:
        """Say what is allowed in the user's mappings and may yet go wrong."""
        return [
            f"mapping of stream {quoted(mapping.stream)}: falls back from"
            f" {' to '.join(compiled.kinds)};"
            " one product under two kinds of identifier cannot be kept in order"
            for mapping, compiled in self._configured or ()
            if len(compiled.kinds) > 1 and not mapping.native
        ]

    def _compile(
        self, mappings: tuple[StreamMapping, ...]
    ) -> list[tuple[StreamMapping, CompiledMapping]]:
        compiled: list[tuple[StreamMapping, CompiledMapping]] = []
        problems: list[str] = []
        for mapping in mappings:
            try:
                compiled.append((mapping, compile_mapping(mapping, self._policy)))
            except ConfigurationError as error:  # noqa: PERF203  # all problems at once
                problems += error.problems
        if problems:
            raise ConfigurationError(problems)
        return compiled

    def _recognise(self, stream: str, schema: Mapping[str, Any]) -> Choice:
        from target_tocobagus.mapping import recognition

        found = recognition.recognise(stream, schema)
        if isinstance(found, recognition.NotStock):
            return Choice(None, f"Stream {quoted(stream)} is ignored: {found.reason}")
        if isinstance(found, recognition.Ambiguous):
            raise ConfigurationError([found.message])
        self._recognised[stream] = found
        if problem := recognition.mixed_scopes(self._recognised.values()):
            raise ConfigurationError([problem])
        return Choice(compile_mapping(found.mapping, self._policy), _describe(stream, found))


def _describe(stream: str, found: Recognised) -> str:
    from target_tocobagus.mapping.recognition import as_yaml_lines

    lines = as_yaml_lines(found.written or found.mapping).rstrip()
    remark = f"\n{found.remark}" if found.remark else ""
    return (
        f"Stream {quoted(stream)} is recognised ({found.source}), as if you had written:\n"
        f"{lines}{remark}"
    )


def _check_location(mapping: StreamMapping, stream: str, schema: Mapping[str, Any]) -> None:
    """Refuse to send one place's stock as all of it."""
    from target_tocobagus.mapping.recognition import location_columns

    placed = mapping.warehouse or mapping.warehouse_columns or mapping.levels
    if placed or mapping.warehouses or mapping.split or mapping.no_warehouse:
        return
    if columns := location_columns(schema):
        names = ", ".join(map(quoted, columns))
        problem = (
            f"mapping of stream {quoted(stream)}: warehouse: is not set, but the stream has"
            f" {names}, so a row"
            " may be the stock of one place only; set warehouse to that column, or to null if"
            " each row is the stock of all places"
        )
        raise ConfigurationError([problem])
