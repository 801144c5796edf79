"""The settings as a run would read and judge them; and of a bad configuration, what is good of it.

One wrong setting should not hide what else is wrong, so a configuration that as a whole is refused
is read again in parts: what the mappings need, and what a connection needs.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from target_tocobagus.cli.check import ENVIRONMENT
from target_tocobagus.cli.check.advice_on_setup import Setup
from target_tocobagus.config.settings import parse_settings
from target_tocobagus.config.validation import CREDENTIALS, unknown_settings
from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.plural import counted
from target_tocobagus.target import TargetTocobagus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from target_tocobagus.cli.check.finding import Finding
    from target_tocobagus.config.settings import Settings

_CONNECTION: Final = (
    "api_url",
    "signature_prefix",
    "signed_path_prefix",
    "request_timeout_seconds",
)


class Given(NamedTuple):
    """What a configuration holds, before anybody judges it.

    Attributes:
        source: Where it comes from, for a sentence.
        problems: What kept some of it from being read.
    """

    source: str
    values: dict[str, Any]
    problems: tuple[str, ...]


class Configuration(NamedTuple):
    """What is good of a configuration.

    Attributes:
        finding: What is to be said of it.
        mapping: Settings to map by, their credentials left out; ``None`` where they are no good.
        connection: Settings to connect by; without credentials where those are no good, and
            ``None`` where nothing is.
    """

    finding: Finding
    mapping: Settings | None
    connection: Settings | None


def read(sources: Sequence[str]) -> Given:
    """Read files and the environment, as the target does.

    Of two files the later wins, and the environment wins over files.

    Args:
        sources: Names of files, or ``ENV``.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for source in sources:
        if source != ENVIRONMENT:
            found = _object_in(Path(source))
            values |= found if isinstance(found, dict) else {}
            problems += [found] if isinstance(found, str) else []
    if ENVIRONMENT in sources:
        try:
            values |= TargetTocobagus.read_environment()
        except ConfigurationError as error:
            problems += error.problems
    names = ["the environment" if source == ENVIRONMENT else source for source in sources]
    return Given(" and ".join(names), values, tuple(problems))


def judge(given: Given) -> Configuration:
    """Judge a configuration as the target does before it starts.

    Of one that could not be read, nothing is good: what is missing might name another server.
    """
    schema: dict[str, Any] = TargetTocobagus.config_jsonschema
    TargetTocobagus.append_builtin_config(schema)
    finding = _finding(given, schema)
    if given.problems:
        return Configuration(finding, None, None)
    values = given.values
    credentials, reach = _of(values, CREDENTIALS), _of(values, _CONNECTION)
    rest = _of(values, values.keys() - credentials.keys() - reach.keys())
    mapping = _parsed({**rest, "dry_run": True}, schema)
    connection = _parsed({**credentials, **reach}, schema)
    if connection is None:
        connection = _parsed({**reach, "dry_run": True}, schema)
    return Configuration(finding, mapping, connection)


def _of(values: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}


def _object_in(path: Path) -> dict[str, Any] | str:
    """Read a file; or say why that cannot be done, without showing what stands in it."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    except json.JSONDecodeError as error:
        return f"{path} is no JSON (line {error.lineno}, column {error.colno}: {error.msg})"
    except (ValueError, RecursionError):
        return f"{path} is no JSON"
    return found if isinstance(found, dict) else f"{path} is no JSON object"


def _parsed(values: dict[str, Any], schema: dict[str, Any]) -> Settings | None:
    try:
        return parse_settings(values, schema)
    except ConfigurationError:
        return None


def _finding(given: Given, schema: dict[str, Any]) -> Finding:
    source, values, problems = given
    if not problems:
        try:
            parse_settings(values, schema)
        except ConfigurationError as error:
            problems = error.problems
    if problems:
        return Setup.SETTINGS_INVALID.finding(source=source, points=problems)
    if doubts := tuple(_doubts(values, schema)):
        return Setup.SETTINGS_DOUBTFUL.finding(source=source, points=doubts)
    return Setup.SETTINGS_VALID.finding(source=source, count=counted(len(values), "setting"))


def _doubts(values: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    yield from unknown_settings(values, schema["properties"])
    if values.get("dry_run"):
        yield "dry_run is set, so it would send nothing"


def rejects_path(given: Given) -> Path | None:
    """Give the file of rejected rows, if one is set.

    Raises:
        ConfigurationError: What is set cannot be read, or is no name.
    """
    path = given.values.get("rejects_path")
    if given.problems or not isinstance(path, (str, NoneType)) or path == "":
        raise ConfigurationError(["rejects_path: cannot be read"])
    return None if path is None else Path(path)
