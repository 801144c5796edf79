"""A document's commands, and the clone that its reader would paste them into."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from target_tocobagus.core import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.local_sandbox import Sandbox

ROOT: Final = Path(__file__).parents[2]
SANDBOX: Final = "127.0.0.1:8080"
"""Where documents and examples say that the sandbox is."""

_BLOCK: Final = re.compile(
    r"^```(\w+(?: \w+)*)\n(.*?)^```$|^#+ ([^\n]+)$", re.MULTILINE | re.DOTALL
)
_NOT_CLONED: Final = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")
_SETTINGS: Final = re.compile(r"(TARGET_TOCOBAGUS|TAP|MELTANO)_.*|LOGLEVEL|VIRTUAL_ENV|FORCE_COLOR")
_SECONDS: Final = 60


class Section(NamedTuple):
    """A heading, and what stands below it before the next one.

    Attributes:
        title: The heading's text; empty for what stands before the first.
        blocks: The fenced blocks, each with what stands behind its opening fence.
    """

    title: str
    blocks: list[tuple[str, str]]


def sections(document: Path) -> list[Section]:
    """Divide a Markdown file at its headings, of whatever depth."""
    found = [Section("", [])]
    for match in _BLOCK.finditer(document.read_text("utf-8")):
        language, text, title = match.groups()
        if title is None:
            found[-1].blocks.append((language, text))
        else:
            found.append(Section(title, []))
    return found


def blocks(document: Path, language: str = "sh", heading: str = "") -> list[str]:
    """Give the fenced blocks of a language.

    Args:
        document: A Markdown file.
        language: What stands behind the opening fence.
        heading: Only those below it; without one, all.
    """
    return [
        text
        for section in sections(document)
        for named, text in section.blocks
        if named == language and heading in ("", section.title)
    ]


def failure_codes() -> set[int]:
    """Give the exit codes of the program's errors, those of signals apart."""
    return {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type)
        and issubclass(error, errors.TocobagusError)
        and error is not errors.Stopped
    }


def environment() -> dict[str, str]:
    """Give the environment without a developer's settings, and with no proxy before loopback."""
    kept = {name: value for name, value in os.environ.items() if not _SETTINGS.fullmatch(name)}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def clone(folder: Path) -> Path:
    """Copy what a clone holds, hidden files apart, into a new folder, and give that."""
    return Path(shutil.copytree(ROOT, folder, ignore=_NOT_CLONED))


class Reader:
    """Somebody who has cloned the project, has run `make demo`, and pastes commands.

    The commands of `.venv` are those that are tested, and where the documents say that the sandbox
    is stands the test's own. A test can put further commands into `bin`, a tap for example.

    Attributes:
        clone: The folder that the commands run in.
        bin: Its `.venv/bin`.
    """

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.clone = clone(folder)
        self.bin = self.clone / ".venv" / "bin"
        self.bin.mkdir(parents=True)
        for name in ("target-tocobagus", "tocobagus"):
            (self.bin / name).symlink_to(Path(sysconfig.get_path("scripts")) / name)
        self._sandbox = urlsplit(sandbox.url).netloc
        examples = (self.clone / "examples").rglob("*")
        for example in filter(Path.is_file, examples):
            example.write_text(self.here(example.read_text("utf-8")), "utf-8")

    def here(self, text: str) -> str:
        """Put the test's own sandbox into a text."""
        return text.replace(SANDBOX, self._sandbox)

    def paste(
        self, text: str, interpreter: str = "bash", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run commands in the clone, up to the first that fails, and give what came of it."""
        return subprocess.run(
            [interpreter, "-e", "-c", self.here(text)],
            cwd=self.clone,
            env=environment() if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
