"""The environment of a command that a test starts."""

from __future__ import annotations

import os
import re
from typing import Final

UNWANTED: Final = re.compile(
    r"(?i)(TARGET_TOCOBAGUS_.*|LOGLEVEL|.*_proxy|.*_CA_BUNDLE|SSL_CERT.*|NO_COLOR|FORCE_COLOR|TERM)"
)
"""Variables that would configure the command."""


def clean_environment() -> dict[str, str]:
    """Give this process's environment without what would configure the command."""
    return {name: value for name, value in os.environ.items() if not UNWANTED.fullmatch(name)}
