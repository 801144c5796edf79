"""The settings in the environment: read for `--config=ENV`, and compared if they are not read.

The SDK's own reader is not used: it fails on some values with a traceback that shows them, reads
every text but "true" as false (so `dry_run=ture` would send), and looks for a `.env` in the folders
above its own files. Invariants:

- A variable that is empty counts as not set.
- No message shows a value.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.config.validation import nearest
from target_tocobagus.core.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENVIRONMENT: Final = "ENV"
"""In place of a configuration file: the settings are read from the environment."""

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_OF_THE_SDK: Final = frozenset({"loglevel"})
"""Variables with the same prefix that the SDK reads beside settings."""


def read_variables(
    prefix: str, properties: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Read the settings: texts as they are, integers, booleans, and the rest as JSON.

    Args:
        prefix: The text before a setting's name in capitals.
        properties: The settings' schemas, by name.
        environment: The variables.

    Returns:
        The values of the variables that are set, by setting; and the problems of those that cannot
        be read.
    """
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for key, schema in properties.items():
        variable = variable_of(prefix, key)
        if text := environment.get(variable):
            try:
                values[key] = _read(text, schema.get("type", []))
            except ValueError as error:
                problems[key] = f"{key}: the environment variable {variable} must be {error}"
    return values, problems


def variable_of(prefix: str, key: str) -> str:
    """Name a setting's variable."""
    return f"{prefix}{key.upper()}"


def _read(text: str, kinds: Any) -> Any:
    """Read a value.

    Raises:
        ValueError: Its text says which type the value must have.
    """
    if "boolean" in kinds:
        return _boolean(text.strip().lower())
    wanted = "an integer" if "integer" in kinds else "JSON"
    try:
        if "integer" in kinds:
            return int(text)
        return json.loads(text) if {"array", "object"}.intersection(kinds) else text
    except (ValueError, RecursionError):
        raise ValueError(wanted) from None


def _boolean(text: str) -> bool:
    if text not in _TRUE | _FALSE:
        message = "true or false"
        raise ValueError(message)
    return text in _TRUE


def unknown_variables(
    prefix: str, properties: Mapping[str, Any], environment: Mapping[str, str]
) -> Iterator[str]:
    """Name each variable with our prefix that is not read, and the one that was probably meant.

    Meltano's extras, and the variables of inherited plugins, have one more underscore.
    """
    known = {variable_of(prefix, key) for key in (*properties, *_OF_THE_SDK)}
    for variable, text in environment.items():
        key = variable[len(prefix) :].lower()
        ours = variable.upper().startswith(prefix) and not key.startswith("_")
        if text and ours and variable not in known:
            near = nearest(key, properties)
            hint = f"; did you mean {variable_of(prefix, near)}?" if near else ""
            yield f"Environment variable {quoted(variable)} is not a setting and is ignored{hint}"


def unread_variables(
    prefix: str,
    properties: Mapping[str, Any],
    environment: Mapping[str, str],
    config: Mapping[str, Any],
) -> Iterator[str]:
    """Name the variables that are not read, and differ from the configuration in force."""
    values, problems = read_variables(prefix, properties, environment)
    differing = [
        variable_of(prefix, key)
        for key, schema in properties.items()
        if key in problems or (key in values and values[key] != _in_force(key, schema, config))
    ]
    if differing:
        yield (
            f"Set in the environment, but not read without --config=ENV: {', '.join(differing)};"
            " the configuration has other values"
        )


def _in_force(key: str, schema: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    value = config.get(key)
    return schema.get("default") if value is None else value
