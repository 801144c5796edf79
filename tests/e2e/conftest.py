"""What the end-to-end tests share: the command, configured for a sandbox."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.e2e.command import Command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.local_sandbox import Sandbox


@pytest.fixture
def signals() -> Iterator[None]:
    """Give the signals back that a target in this process takes."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


@pytest.fixture
def command(tmp_path: Path, sandbox: Sandbox) -> Iterator[Command]:
    """The command, configured for the sandbox."""
    api = {"api_url": sandbox.api_url, **sandbox.credentials}
    runner = Command(tmp_path, api)
    yield runner
    runner.close()
