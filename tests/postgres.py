"""A PostgreSQL of the tests' own, from the machine's binaries, gone when the tests are over."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST: Final = "127.0.0.1"
PASSWORD: Final = "MARKER-of-the-database"  # noqa: S105  # to be looked for in logs
USER: Final = "stock"
"""The user and, as in meltano.yml, the database."""

_PORTS_TO_TRY: Final = 5
_SECONDS: Final = 60


class Database(NamedTuple):
    """A database of a server that listens on a loopback port and asks for a password.

    Attributes:
        port: Of `HOST`.
        binaries: Where `psql` is.
    """

    port: int
    binaries: Path

    def execute(self, sql: str, database: str = USER) -> str:
        """Run statements and give what queries among them answer, a row a line.

        Raises:
            subprocess.CalledProcessError: One of them failed; psql has said why on stderr.
        """
        server = [f"--host={HOST}", f"--port={self.port}", f"--username={USER}"]
        done = subprocess.run(
            [self.binaries / "psql", "-XqAt", "--set=ON_ERROR_STOP=1", *server, database],
            env={**os.environ, "PGPASSWORD": PASSWORD},
            input=sql,
            text=True,
            check=True,
            stdout=subprocess.PIPE,
            timeout=_SECONDS,
        )
        return done.stdout

    def url(self, database: str = USER) -> str:
        """Name a database as SQLAlchemy does, with the password."""
        return f"postgresql+psycopg://{USER}:{PASSWORD}@{HOST}:{self.port}/{database}"

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Give what a query answers."""
        wrapped = f"SELECT coalesce(json_agg(q), '[]') FROM ({query}) q"  # noqa: S608  # a test's own
        rows: list[dict[str, Any]] = json.loads(self.execute(wrapped))
        return rows


@contextmanager
def running_postgres() -> Iterator[Database]:
    """Run a server with an empty database on a free port, its files and sockets in a folder.

    Yields:
        The database.

    Raises:
        FileNotFoundError: The machine has no PostgreSQL.
        RuntimeError: It did not start; the text is its log.
    """
    binaries = _binaries()
    # Not in pytest's own folder: only its owner may enter that, and PostgreSQL refuses to be root.
    # A short name, for the path of a socket may have no more than 107 bytes.
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = _Server(binaries, Path(folder))
        server.create()
        database = server.start()
        try:
            database.execute(f"CREATE DATABASE {USER}", "postgres")
            yield database
        finally:
            server.stop()


class _Server:
    """The files of a server, and the user they belong to where the tests are root's."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._log = folder / "log"
        self._user = _unprivileged() if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)

    def create(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)  # only its owner may enter the folder
        self._run("initdb", f"--username={USER}", f"--pwfile={password}", "--auth=scram-sha-256")
        with (self._folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(f"listen_addresses = '{HOST}'\n")
            settings.write(f"unix_socket_directories = '{self._folder}'\n")
            settings.write("fsync = off\n")

    def start(self) -> Database:
        for _ in range(_PORTS_TO_TRY):
            port = _free_port()
            try:
                self._run("pg_ctl", f"--log={self._log}", f"--options=-p {port}", "--wait", "start")
            except subprocess.CalledProcessError:
                continue  # somebody may have taken the port meanwhile
            return Database(port, self._binaries)
        raise RuntimeError(self._log.read_text())

    def stop(self) -> None:
        self._run("pg_ctl", "--mode=immediate", "--wait", "stop")

    def _run(self, binary: str, *options: str) -> None:
        subprocess.run(
            [self._binaries / binary, f"--pgdata={self._folder / 'data'}", *options],
            user=self._user,
            cwd=self._folder,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdout=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=True,
        )


def _binaries() -> Path:
    """Find the newest server; Debian's are not in PATH.

    Raises:
        FileNotFoundError: There is none.
    """
    if packaged := list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        return max(packaged, key=lambda path: int(path.parts[-3])).parent
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    message = "there is no PostgreSQL here; on Debian or Ubuntu: sudo apt-get install postgresql"
    raise FileNotFoundError(message)


def _unprivileged() -> str:
    """Name the user that a packaged PostgreSQL has, or else one that every system has."""
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
