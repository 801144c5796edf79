"""The option `--config`, and what is in the files that it names, as a run reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from target_tocobagus.singer.env import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_tocobagus.config.settings import Settings

_OF_LEDGER: Final = ("api_url", "ledger", "resend_hours", "history_days")


class Source(click.Path):
    """An existing file of settings, or ``ENV``."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take ``ENV`` as it is."""
        return value if value == ENVIRONMENT else super().convert(value, param, ctx)


config_option: Final = click.option(
    "--config",
    "configs",
    required=True,
    multiple=True,
    type=Source(exists=True, dir_okay=False),
    help="Settings of target-tocobagus: a JSON file, or ENV for the environment.",
)


class Given(NamedTuple):
    """A configuration before it is validated.

    Attributes:
        source: Where it comes from, for a sentence.
        problems: Why some of it could not be read.
    """

    source: str
    values: dict[str, Any]
    problems: tuple[str, ...]


def read(sources: Sequence[str]) -> Given:
    """Read files and the environment, as the target does.

    A later file overrides an earlier one, and the environment overrides files.
    """
    from target_tocobagus.config.settings import read_file
    from target_tocobagus.core.errors import ConfigurationError

    values: dict[str, Any] = {}
    problems: list[str] = []
    for source in sorted(sources, key=lambda source: source == ENVIRONMENT):
        try:
            is_file = source != ENVIRONMENT
            values |= read_file(Path(source)) if is_file else _read_environment()
        except ConfigurationError as error:  # noqa: PERF203  # all problems at once
            problems += error.problems
    names = ["the environment" if source == ENVIRONMENT else source for source in sources]
    return Given(" and ".join(names), values, tuple(problems))


def _read_environment() -> dict[str, Any]:
    """Read it as the target does; the SDK, which takes half of a start, is imported only for it."""
    from target_tocobagus.target import TargetTocobagus

    return TargetTocobagus.read_environment()


def ledger_and_api(values: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the settings `ledger` and `api_url`, which say where a store's memory is.

    jsonschema, whose import takes longer than a question to a ledger, only says what is wrong.

    Raises:
        ConfigurationError: They are not valid.
    """
    from target_tocobagus.config.settings import SCHEMA
    from target_tocobagus.config.validation import url_problems

    ledger, url = values.get("ledger"), values.get("api_url")
    url = SCHEMA["properties"]["api_url"]["default"] if url is None else url
    texts = isinstance(ledger, str) and ledger and isinstance(url, str)
    if not texts or any(url_problems(url)):
        used = ledger_settings(values)
        ledger, url = used.ledger, used.api_url
    return ledger, url


def ledger_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings of the ledger, whatever the others are.

    Raises:
        ConfigurationError: They are not valid.
    """
    from target_tocobagus.config.settings import parse_settings

    own = {name: values[name] for name in _OF_LEDGER if name in values}
    return parse_settings({**own, "dry_run": True})
