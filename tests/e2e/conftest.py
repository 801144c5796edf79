"""What the end-to-end tests share: a sandbox, and the command configured for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from target_tocobagus.sandbox.testing import running

# The tests are no package; what they share beside fixtures is found by its own name.
sys.path.insert(0, str(Path(__file__).parent))

from e2e_command import Command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_tocobagus.sandbox.testing import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The API's stand-in on a port of its own."""
    with running() as handle:
        yield handle


@pytest.fixture
def command(tmp_path: Path, sandbox: Sandbox) -> Iterator[Command]:
    """The command, configured for the sandbox."""
    api = {"api_url": sandbox.api_url, **sandbox.credentials}
    runner = Command(tmp_path, api)
    yield runner
    runner.close()
