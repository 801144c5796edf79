"""``tocobagus map``: the mapping of each stream in a file, with a few records mapped beside it.

It shows what a run does: mappings are chosen, recognised, compiled and applied by the target's own
code.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click

from target_tocobagus.singer.env import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from target_tocobagus.cli.map.stream_view import StreamView
    from target_tocobagus.cli.spreadsheet.table import Table

STDIN: Final = "-"
MAKES_COLUMNS: Final = ("stream_maps", "flattening_enabled")
NOT_APPLIED: Final = ("stream_maps", "flattening_enabled", "validate_records")
"""Settings of the SDK that may change what a run makes of a record."""


@click.command(
    "map",
    short_help="Show the mapping of each stream in a file, or draft it.",
    context_settings={"show_default": True, "max_content_width": 100},
)
@click.argument("file", type=click.Path(allow_dash=True))
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings of target-tocobagus, or the list `streams` alone, to be checked: a file of JSON,"
    " or ENV for the environment.",
)
@click.option(
    "--records", default=5, type=click.IntRange(1), help="Records of a stream to show, and sums."
)
@click.option("--all", "everything", is_flag=True, help="Also draft mappings for other streams.")
@click.option(
    "--format",
    "form",
    default="page",
    type=click.Choice(["page", "yaml", "json"]),
    help="A page to read, or only the list of mappings.",
)
def map_command(
    file: str, config: Path | None, records: int, form: str, *, everything: bool
) -> None:
    """Show which mapping each stream in FILE has, or may start from, and what it does.

    FILE is a spreadsheet saved as CSV, what a Singer tap wrote, or its catalog; - is what a tap
    writes to stdin. Delimiter and encoding of CSV are found out, and the mapping is for tap-csv.

    A tap's output may be gzipped. FILE is mapped only as far as needed, and to its end for a
    mapping with combine: sum, to show the sums. An item that is looked up is shown by its
    identifier, if FILE has its pair.

    Without --config, it shows what a run without `streams` recognises. With --config, it shows what
    that configuration does with FILE, and the exit code is 1 if a run would fail because of a
    mapping. No credentials are needed, and nothing is sent.
    """
    from target_tocobagus.cli.map.advisor import Advisor
    from target_tocobagus.cli.map.survey import Survey
    from target_tocobagus.config.settings import parse_settings
    from target_tocobagus.config.validation import CREDENTIALS
    from target_tocobagus.core.errors import ConfigurationError

    given = _read_config(config) if config else {}
    kept = {name: value for name, value in given.items() if name not in CREDENTIALS}
    table, source = _opened(file)
    with source:
        try:
            settings = parse_settings({**kept, "dry_run": True})
            # Stream maps may make the columns that are needed.
            made = any(given.get(name) for name in MAKES_COLUMNS)
            is_table = table is not None
            drafts = everything or is_table
            advisor = Advisor(settings, drafts=drafts, needs_columns=not made, is_table=is_table)
        except ConfigurationError as error:
            raise _unusable(error.problems) from error
        survey = Survey(advisor, records, settings.policy.warehouse_map)
        survey.read(source, unselected=everything)
    views = list(survey.streams.values())
    remarks = [*_said_of_settings(given), *survey.remarks(), *advisor.remarks()]
    if table and table.remark:
        remarks.insert(0, table.remark)
    if not views:
        raise _no_streams(file, remarks)
    hints = not advisor.examines
    if form == "page":
        _show_page(file, table, views, remarks, hints=hints)
    else:
        _write_list(form, views, [table.described, *remarks] if table else remarks)
    _raise_verdict(views, "; --all drafts a mapping for each" if hints and not everything else "")


def _read_config(path: Path) -> dict[str, Any]:
    """Read settings; a list is used as `streams`."""
    from target_tocobagus.config.settings import read_file
    from target_tocobagus.core.errors import ConfigurationError

    try:
        if str(path) == ENVIRONMENT:
            from target_tocobagus.target import TargetTocobagus

            return TargetTocobagus.read_environment()
        given = read_file(path, may_be_streams=True)
        # The list alone says nothing of a ledger, and none is opened here.
        return {**given, "ledger": "ledger.db"} if set(given) == {"streams"} else given
    except ConfigurationError as error:
        raise _unusable(error.problems) from error


def _unusable(problems: Iterable[str]) -> click.ClickException:
    return click.ClickException("\n".join(f"--config: {problem}" for problem in problems))


def _said_of_settings(given: Mapping[str, Any]) -> Iterator[str]:
    """Name misspelt settings, and those that only a run applies."""
    from target_tocobagus.config.settings import SCHEMA
    from target_tocobagus.config.validation import doubts

    known: dict[str, Any] = {"properties": dict(SCHEMA["properties"])}
    if not given.keys() <= known["properties"].keys():
        from target_tocobagus.target import TargetTocobagus

        TargetTocobagus.append_builtin_config(known)
        yield from doubts(given, known["properties"])
    for name in NOT_APPLIED:
        if given.get(name):
            yield (
                f"{name} is not applied here: a run may get other records, or reject some;"
                " `tocobagus demo FILE --config FILE` shows what it sends"
            )


def _no_streams(file: str, remarks: Iterable[str]) -> click.ClickException:
    from target_tocobagus.cli.map.text import sentence

    found = "".join(f"\n{sentence(remark)}" for remark in remarks)
    csv = " CSV is read from a file only." if file == STDIN else ""
    message = f"{_called(file)} has no SCHEMA message, and is not a catalog.{csv}{found}"
    return click.ClickException(message)


def _opened(file: str) -> tuple[Table | None, IO[bytes]]:
    """Open a file; a table is opened as what tap-csv would write."""
    from target_tocobagus.cli.spreadsheet.stream import opened, table_in

    if file == STDIN:
        return None, sys.stdin.buffer
    try:
        table = table_in(Path(file))
        return table, opened(Path(file), table)
    except OSError as error:
        message = f"{_called(file)} cannot be read: {error.strerror}"
        raise click.ClickException(message) from error


def _called(file: str) -> str:
    return "stdin" if file == STDIN else click.format_filename(file)


def _show_page(
    file: str,
    table: Table | None,
    views: Sequence[StreamView],
    remarks: Iterable[str],
    *,
    hints: bool,
) -> None:
    from target_tocobagus.cli.map.page import Page
    from target_tocobagus.cli.spreadsheet.stream import tap_lines
    from target_tocobagus.core.plural import counted

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    title = f"{_called(file)}: {counted(len(views), 'stream')}"
    title += f"\n{table.described}" if table else ""
    page = Page()
    page.show(title, remarks, views)
    if table:
        page.lines("tap-csv reads the file with this config", tap_lines(table))
    page.hints(_hints(views, hints=hints))


def _hints(views: Iterable[StreamView], *, hints: bool) -> Iterator[str]:
    """Say what to do next; without a configuration also how to write one."""
    standings = {view.advice.standing for view in views}
    if standings - {"ignored"}:
        if hints:
            yield "The mappings go under `config: streams:` of target-tocobagus in meltano.yml."
            yield "--format json writes the list for a config file; --config FILE checks one."
        yield "`tocobagus check --config FILE --stream FILE` tries the whole configuration."
    if hints and "ignored" in standings:
        yield "--all also drafts mappings for the ignored streams."


def _write_list(form: str, views: Sequence[StreamView], remarks: Sequence[str]) -> None:
    from target_tocobagus.cli.map.text import as_json, as_notes, as_yaml

    if form == "yaml":
        text = as_yaml(views, remarks)
    else:
        text = as_json(views)
        for line in as_notes(views, remarks):
            click.echo(line, err=True)
    # UTF-8 whatever the terminal's encoding: this is for a file.
    click.echo(text.encode(), nl=False)


def _raise_verdict(views: Sequence[StreamView], hint: str) -> None:
    """End with 1 if no stream has a mapping, or if a run would fail because of one."""
    if any(view.fails for view in views):
        message = "a run would fail: see the remarks on the mappings"
        raise click.ClickException(message)
    if all(view.advice.mapping is None for view in views):
        message = f"no stream here has a mapping{hint}"
        raise click.ClickException(message)
