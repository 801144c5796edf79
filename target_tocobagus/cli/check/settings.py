"""Reads and checks the settings as a run does, including the file that rejects_path names.

One wrong setting should not hide other problems. So an invalid configuration is read again in
parts: the settings for the mappings, and those for a connection.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from tempfile import TemporaryFile
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.cli.check.catalogue import Setup
from target_tocobagus.cli.check.page import not_tried
from target_tocobagus.config.settings import parse_settings
from target_tocobagus.config.validation import CREDENTIALS, doubts
from target_tocobagus.core.errors import ConfigurationError
from target_tocobagus.core.foreign_text import reason
from target_tocobagus.core.plural import counted
from target_tocobagus.report.metrics import problem_of
from target_tocobagus.report.rejects_file import holds_rejects

if TYPE_CHECKING:
    from target_tocobagus.cli.check.page import Finding
    from target_tocobagus.cli.configuration import Given
    from target_tocobagus.config.settings import Settings

INVALID: Final = "the settings are not valid"
_CONNECTION: Final = (
    "api_url",
    "signature_prefix",
    "signed_path_prefix",
    "request_timeout_seconds",
)


def judge(given: Given) -> tuple[Finding, Settings | None, Settings | None]:
    """Check a configuration as the target does before it starts.

    If some of it could not be read, none of it is used: the missing part might name another server.

    Returns:
        The finding; the settings for mapping, without credentials, ``None`` if they are invalid;
        and the settings for a connection, without credentials if those are invalid, ``None`` if the
        others are.
    """
    from target_tocobagus.target import TargetTocobagus

    schema: dict[str, Any] = TargetTocobagus.config_jsonschema
    TargetTocobagus.append_builtin_config(schema)
    finding = _finding(given, schema)
    if given.problems:
        return finding, None, None
    values = given.values
    reach: dict[str, Any] = {name: values[name] for name in _CONNECTION if name in values}
    credentials: dict[str, Any] = {name: values[name] for name in CREDENTIALS if name in values}
    own = {*_CONNECTION, *CREDENTIALS}
    rest = {name: value for name, value in values.items() if name not in own}
    mapping = _parsed({**rest, "dry_run": True}, schema)
    connection = _parsed({**credentials, **reach}, schema)
    return finding, mapping, connection or _parsed({**reach, "dry_run": True}, schema)


def _parsed(values: dict[str, Any], schema: dict[str, Any]) -> Settings | None:
    try:
        return parse_settings(values, schema)
    except ConfigurationError:
        return None


def _finding(given: Given, schema: dict[str, Any]) -> Finding:
    source, values, problems = given
    if not problems:
        try:
            path = parse_settings(values, schema).metrics_path
            problems = (problem,) if path and (problem := problem_of(path)) else ()
        except ConfigurationError as error:
            problems = error.problems
    if problems:
        return Setup.SETTINGS_INVALID.finding(source=source, points=problems)
    doubtful = [*doubts(values, schema["properties"])]
    if values.get("dry_run"):
        doubtful.append("dry_run is set, so it would send nothing")
    if doubtful:
        return Setup.SETTINGS_DOUBTFUL.finding(source=source, points=tuple(doubtful))
    return Setup.SETTINGS_VALID.finding(source=source, count=counted(len(values), "setting"))


def check_rejects(given: Given) -> Finding:
    """Say whether a run could append to the file that rejects_path names, or create it.

    No file is created under its own name: a run that starts meanwhile might open it before this
    check removes it. A relative path is resolved by the working directory.
    """
    path = given.values.get("rejects_path")
    if given.problems or not isinstance(path, (str, NoneType)) or path == "":
        return not_tried("rejects", INVALID)
    if path is None:
        return Setup.REJECTS_UNSET.finding()
    whole = Path(path).absolute()
    try:
        try:
            if not stat.S_ISREG(whole.stat().st_mode):
                return Setup.REJECTS_UNUSABLE.finding(path=whole, problem="is not a regular file")
            return _existing_rejects(whole)
        except FileNotFoundError:
            return _new_rejects(whole)
    except (OSError, ValueError) as error:  # a ValueError means a name that no file can have
        problem = f"cannot be written ({reason(error)})"
        return Setup.REJECTS_UNUSABLE.finding(path=whole, problem=problem)


def _new_rejects(path: Path) -> Finding:
    """Create a file without a name beside it; a link is followed to where it leads."""
    with TemporaryFile(dir=Path(os.path.realpath(path)).parent) as file:
        file.write(b"\n")
    state = "does not exist yet, and can be created"
    return Setup.REJECTS_USABLE.finding(path=path, state=state)


def _existing_rejects(path: Path) -> Finding:
    """Open it as a run does, and leave it unchanged."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    try:
        # Shared, and released at once: it is refused only while a run holds the file.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if holds_rejects(file):
            return Setup.REJECTS_USABLE.finding(path=path, state="can be appended to")
        problem = "exists and does not hold rejected rows"
        return Setup.REJECTS_UNUSABLE.finding(path=path, problem=problem)
    except OSError:
        return Setup.REJECTS_BUSY.finding(path=path)
    finally:
        os.close(file)
