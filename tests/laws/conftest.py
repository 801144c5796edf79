"""The ledgers that the histories of a law share; each history has stores of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def file(empty_file: Path) -> Iterator[str]:
    """One in a file."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # faster than a disk
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        path = Path(folder) / "ledger.db"
        path.write_bytes(empty_file.read_bytes())
        yield str(path)


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> str:
    """One in PostgreSQL."""
    postgres = request.getfixturevalue("postgres")
    name = request.module.__name__.rpartition(".")[2]
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE template")
    url: str = postgres.url(name)
    return url
