"""The mappings, compiled and tried on the files that a tap has written, or on its catalog."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from target_tocobagus.cli.check.catalogue import Setup
from target_tocobagus.cli.map.advisor import Advisor
from target_tocobagus.cli.map.survey import Survey
from target_tocobagus.cli.map.text import (
    listed_causes,
    said_of_stream,
    sentence,
    summed_up,
    warned_of_stream,
)
from target_tocobagus.cli.spreadsheet.stream import opened
from target_tocobagus.cli.spreadsheet.table import TableError, find_table
from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.plural import counted
from target_tocobagus.recognition.stream_router import StreamRouter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from target_tocobagus.cli.check.page import Diagnosis, Finding
    from target_tocobagus.cli.map.stream_view import StreamView
    from target_tocobagus.config.settings import Settings

_HINT: Final = "--stream FILE or --catalog FILE shows how a tap's records are mapped."
_SHOWN_CAUSES: Final = 3


def check_mappings(
    settings: Settings, files: Sequence[Path], configs: Sequence[str]
) -> Iterator[Finding]:
    """Compile the mappings, and try them on files."""
    try:
        doubts = StreamRouter(settings).doubts()
    except ConfigurationError as error:
        yield Setup.MAPPINGS_INVALID.finding(points=error.problems)
        return
    yield _compiled(settings, doubts, "" if files else _HINT)
    unused: list[set[str]] = []
    for file in files:
        finding, left_out = _tried(file, settings, configs)
        unused.append(left_out)
        yield finding
    if left := sorted(set.intersection(*unused)) if unused else []:
        yield Setup.MAPPING_UNUSED.finding(points=tuple(map(sentence, left)))


def _compiled(settings: Settings, doubts: Sequence[str], hint: str) -> Finding:
    if doubts:
        return Setup.MAPPINGS_DOUBTFUL.finding(points=tuple(map(sentence, doubts)))
    state = " is not set: a run sends the streams that it recognises"
    if settings.streams is not None:
        state = f": {counted(len(settings.streams), 'mapping')}, all valid"
    return Setup.MAPPINGS_VALID.finding(state=state, hint=hint)


def _tried(file: Path, settings: Settings, configs: Sequence[str]) -> tuple[Finding, set[str]]:
    """Read a file with the mappings.

    Returns:
        What a run would do with it; and messages about mappings that none of its streams uses.
    """
    advisor = Advisor(settings, drafts=False)
    survey = Survey(advisor, 1, settings.policy.warehouse_map)
    try:
        table = find_table(file)
    except TableError as error:
        return Setup.FILE_EMPTY.finding(file=file, points=(f"It {error}.",)), set()
    with opened(file, table) as source:
        survey.read(source, unselected=False)
    views, told = list(survey.streams.values()), set(advisor.remarks())
    unused = told if advisor.examines else set()
    remarks = [*survey.remarks(), *sorted(told - unused)]
    meaning = _meaning(survey, clash=bool(advisor.clash), remarks=bool(remarks))
    options = ["--config", configs[-1]] if configs else []  # the command takes one file
    options = ["--all"] if meaning is Setup.FILE_UNMAPPED else options
    command = shlex.join(["tocobagus", "map", str(file), *options])
    points = (*map(sentence, remarks), *map(_said, views))
    return meaning.finding(file=file, points=points, command=command), unused


def _meaning(survey: Survey, *, clash: bool, remarks: bool) -> Diagnosis:
    views = survey.streams.values()
    if not views:
        return Setup.FILE_EMPTY
    if clash or any(view.fails or view.advice.standing == "proposed" for view in views):
        return Setup.FILE_FAILS  # a question ends a run, too
    if survey.ends_run:
        return Setup.FILE_BROKEN
    if all(view.advice.mapping is None for view in views):
        return Setup.FILE_UNMAPPED
    return Setup.FILE_DOUBTFUL if remarks or any(map(_is_doubtful, views)) else Setup.FILE_MAPPED


def _is_doubtful(view: StreamView) -> bool:
    maps_nothing = view.advice.compiled is not None and view.records and not view.mapped
    return bool(view.missing or view.looks_like_parts or maps_nothing) or any(
        cause.what for cause in view.causes.values()
    )


def _said(view: StreamView) -> str:
    """Describe the result for a stream in a few sentences."""
    said = [*said_of_stream(view), *warned_of_stream(view)]
    if view.records and view.advice.compiled is not None:
        said.append(f"{summed_up(view)}.")
        said += map(sentence, list(listed_causes(view))[:_SHOWN_CAUSES])
    return f"{view.name}: {' '.join(said) or 'a mapping matches it.'}"
