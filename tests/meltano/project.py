"""The Meltano project that this repository ships, installed in a copy and run as users run it."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import yaml

from tests.docs.documents import clone, environment
from tests.postgres import HOST, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.local_sandbox import Sandbox
    from tests.postgres import Database

_SECONDS: Final = 300


class Project:
    """A copy of the project with its plugins installed.

    Attributes:
        folder: Where it is.
        logs: Where Meltano keeps the logs of runs.
        env: What each command of Meltano's gets: a talkative log, and no word to the world.
    """

    def __init__(self, meltano: Path, folder: Path) -> None:
        """Copy the project into a folder, and install the plugins of its meltano.yml.

        Args:
            meltano: The command.
            folder: For the project and its logs.
        """
        self.folder = clone(folder / "project")
        self.logs = folder / "logs"
        commands = self.folder / ".venv" / "bin"
        commands.mkdir(parents=True)
        (commands / "meltano").symlink_to(meltano)
        self.env = {
            **environment(),
            "PATH": os.pathsep.join([str(commands), os.environ["PATH"]]),
            "XDG_STATE_HOME": str(self.logs),
            "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
            "MELTANO_CLI_LOG_LEVEL": "debug",
        }
        ended(self.start(["meltano", "install"], self.env))

    def start(self, command: list[str], env: Mapping[str, str]) -> subprocess.Popen[str]:
        """Begin a command in the project's folder."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, env=env, stdout=pipe, stderr=pipe, text=True
        )

    @contextmanager
    def with_more(self, text: str) -> Iterator[None]:
        """Add the plugins and jobs of a part of YAML to meltano.yml, and take them away again."""
        path = self.folder / "meltano.yml"
        before = path.read_text("utf-8")
        project = yaml.safe_load(before)
        _merge(project, yaml.safe_load(text))
        path.write_text(yaml.safe_dump(project, sort_keys=False), "utf-8")
        try:
            yield
        finally:
            path.write_text(before, "utf-8")


def _merge(whole: dict[str, Any], part: dict[str, Any]) -> None:
    for name, value in part.items():
        if isinstance(value, dict):
            _merge(whole[name], value)
        else:
            whole[name] += value


def ended(process: subprocess.Popen[str], code: int = 0) -> tuple[str, str]:
    """Wait for the end of a command.

    Returns:
        What it wrote to stdout and to stderr.

    Raises:
        AssertionError: It ended with another code; the text is its log.
    """
    with process:
        try:
            out, log = process.communicate(timeout=_SECONDS)
        except BaseException:
            process.kill()
            raise
    assert process.returncode == code, log
    return out, log


class Shop:
    """A user of the project: a database, a store, and a STATE of his own.

    Attributes:
        folder: Where Meltano's own database is, which holds the STATE.
        secrets: What no output may hold.
        env: Addresses and secrets, as a user gives them to Meltano.
    """

    def __init__(
        self, project: Project, database: Database, sandbox: Sandbox, folder: Path
    ) -> None:
        self.project = project
        self.folder = folder
        own = shutil.copy(project.folder / ".meltano" / "meltano.db", folder)
        given = sandbox.credentials
        self.secrets = [PASSWORD, given["partner_secret"], given["store_token"]]
        self.env = {
            "MELTANO_DATABASE_URI": f"sqlite:///{own}",
            "TAP_POSTGRES_HOST": HOST,
            "TAP_POSTGRES_PORT": str(database.port),
            "TAP_POSTGRES_PASSWORD": PASSWORD,
            **settings(api_url=sandbox.api_url, **given),
        }

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Begin a command of Meltano's, with more in its environment."""
        return self._start(["meltano", *arguments], env)

    def end(self, process: subprocess.Popen[str], code: int = 0) -> tuple[str, str]:
        """Wait for a command's end; see `ended`. It has told no secret."""
        said = ended(process, code)
        assert not self._tells_a_secret("".join(said).encode())
        return said

    def run(self, *arguments: str, code: int = 0, **env: str) -> tuple[str, str]:
        """Run a command of Meltano's to its end; see `end`."""
        return self.end(self.start(*arguments, **env), code)

    def paste(self, text: str) -> str:
        """Run commands of a document, up to the first that fails, and give their stdout."""
        return self.end(self._start(["bash", "-e", "-c", text]))[0]

    def cron(self, command: str) -> None:
        """Run a command as cron does, with next to no environment; the rest is in .env."""
        dotenv = self.project.folder / ".env"
        dotenv.write_text("".join(f"{name}='{value}'\n" for name, value in self.env.items()))
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder)}
        try:
            self.end(self.project.start(["sh", "-c", command], env))
        finally:
            dotenv.unlink()

    def files_with_secrets(self) -> list[Path]:
        """Look through what Meltano has written: files of runs, logs, its database."""
        folders = (self.project.folder / ".meltano" / "run", self.project.logs, self.folder)
        files = [path for each in folders for path in each.rglob("*") if path.is_file()]
        assert files
        return [path for path in files if self._tells_a_secret(path.read_bytes())]

    def _start(
        self, command: list[str], env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        return self.project.start(command, {**self.project.env, **self.env, **(env or {})})

    def _tells_a_secret(self, data: bytes) -> bool:
        return any(secret.encode() in data for secret in self.secrets)


def settings(plugin: str = "target-tocobagus", **values: str) -> dict[str, str]:
    """Write a plugin's settings as Meltano reads them from the environment."""
    prefix = plugin.upper().replace("-", "_")
    return {f"{prefix}_{name.upper()}": value for name, value in values.items()}
