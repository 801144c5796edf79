"""The settings in the environment: read for `--config=ENV`, and looked at where they are not read.

The SDK's own reader is not used: it stumbles over some values with a traceback that shows them,
takes every text that is not true for false (and so would send what `dry_run=ture` says), and looks
for a `.env` in the folders above its own files. Invariants:

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

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_OF_THE_SDK: Final = frozenset({"loglevel"})
"""What the SDK reads beside settings, behind the same prefix."""


def read_variables(
    prefix: str, properties: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Read the settings: texts as they are, integers, booleans, and the rest as JSON.

    Args:
        prefix: What precedes a setting's name, in capitals, in a variable's.
        properties: The settings' schemas, by name.
        environment: The variables.

    Returns:
        The values, by setting, of the variables that are set; and what is wrong with those that
        cannot be read.
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
        ValueError: Its text says what the value must be.
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
    """Say of each variable with our prefix that is not read which one was probably meant.

    Meltano's extras have an underscore more, as have the variables of a plugin that inherits.
    """
    known = {variable_of(prefix, key) for key in (*properties, *_OF_THE_SDK)}
    for variable, text in environment.items():
        key = variable[len(prefix) :].lower()
        ours = variable.upper().startswith(prefix) and not key.startswith("_")
        if text and ours and variable not in known:
            near = nearest(key, properties)
            hint = f"; did you mean {variable_of(prefix, near)}?" if near else ""
            yield f"The environment variable {quoted(variable)} is not a setting: ignored{hint}"


def unread_variables(
    prefix: str,
    properties: Mapping[str, Any],
    environment: Mapping[str, str],
    config: Mapping[str, Any],
) -> Iterator[str]:
    """Name the variables that nobody asked to read, and that say something else than is in force.

    Args:
        prefix: As for `read_variables`.
        properties: As for `read_variables`.
        environment: As for `read_variables`.
        config: What is in force, by setting; what is not in it has its default.
    """
    values, problems = read_variables(prefix, properties, environment)
    differing = [
        variable_of(prefix, key)
        for key, schema in properties.items()
        if key in problems or (key in values and values[key] != _in_force(key, schema, config))
    ]
    if differing:
        yield (
            f"Set in the environment, but not read without --config=ENV: {', '.join(differing)};"
            " the configuration in force says otherwise"
        )


def _in_force(key: str, schema: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    value = config.get(key)
    return schema.get("default") if value is None else value
