"""The JSON Schemas of what comes in and goes out: settings, items, replies.

They stand here and nowhere else; code and documents are held equal to them by tests.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Literal, cast


def load_schema(name: Literal["settings", "item", "reply"]) -> dict[str, Any]:
    """Read one of this package's schemas (JSON Schema, draft 2020-12)."""
    text = resources.files(__name__).joinpath(f"{name}.json").read_text("utf-8")
    return cast("dict[str, Any]", json.loads(text))
