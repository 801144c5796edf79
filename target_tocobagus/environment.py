"""The variables of `--config=ENV`, judged before the SDK reads them.

The SDK would stumble over some with a traceback that shows their values, and misread others: every
text that is not true it takes for false, and so would send what `dry_run=ture` says.
"""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BOOLEANS: Final = ("true", "1", "yes", "on", "false", "0", "no", "off", "")


def unreadable_variables(
    prefix: str, properties: Mapping[str, Any], environment: Mapping[str, str]
) -> Iterator[str]:
    """Say of each variable what it must be and is not, and never what it is.

    Args:
        prefix: What stands before a setting's name, in capitals, in a variable's.
        properties: The settings' schemas, by name.
        environment: The variables.
    """
    for key, schema in properties.items():
        variable = f"{prefix}{key.upper()}"
        wanted = _unreadable(environment.get(variable), schema.get("type", []))
        if wanted:
            yield f"{key}: the environment variable {variable} must be {wanted}"


def unknown_variables(
    prefix: str, properties: Mapping[str, Any], environment: Mapping[str, str]
) -> Iterator[str]:
    """Say of each variable of ours that nobody reads which one was probably meant.

    Meltano's extras have an underscore more, as have the variables of a plugin that inherits.
    """
    names = [f"{prefix}{key.upper()}" for key in properties]
    ours = [each for each in environment if each.startswith(prefix) and each not in names]
    for variable in ours:
        if not variable.startswith(f"{prefix}_"):
            near = difflib.get_close_matches(variable, names, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"The environment variable {variable} is no setting, and is ignored{hint}"


def _unreadable(text: str | None, kinds: Any) -> str | None:
    """Say what the text of a variable must be and is not; ``None`` where it can be read."""
    try:
        if text is None:
            return None
        if "boolean" in kinds:
            return None if text.lower() in _BOOLEANS else "true or false"
        if "integer" in kinds:
            int(text)
        elif {"array", "object"}.intersection(kinds):
            json.loads(text)
    except ValueError:
        return "an integer" if "integer" in kinds else "JSON"
    return None
