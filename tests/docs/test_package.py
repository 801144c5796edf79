"""What is shipped holds what it should, and what is imported is what is needed."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tarfile
import textwrap
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

import target_tocobagus
from tests.docs.documents import blocks
from tests.mutants import stale, unreadable

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "target_tocobagus"
MADE: Final = re.compile(r"/__pycache__/|/target_tocobagus/(.+/)?\.")
"""What running the code and its checks leaves among the sources."""

PRINT_MODULES: Final = "import json, sys; print(json.dumps(sorted(sys.modules)))"

pytestmark = pytest.mark.usefixtures("sources")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Each file of the package is in it, data included, and no other but the metadata."""
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and not MADE.search(path.as_posix())
    }

    inside = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert inside == wanted
    assert "target_tocobagus/py.typed" in inside
    assert {name.partition("/")[2] for name in names - inside} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }


def test_the_sdist_holds_what_a_packager_needs(tmp_path: Path) -> None:
    """All that is kept in the repository, hidden files apart: tests and docs included."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    kept = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=False)
    if kept.returncode:
        pytest.skip("this is no clone")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {name for name in kept.stdout.splitlines() if not name.startswith(".")}
    assert inside == {*wanted, "PKG-INFO", ".gitignore"}


def test_what_is_imported_is_declared() -> None:
    """Each package that a module imports is a dependency; SQLAlchemy imports the driver itself."""
    names = {
        name.partition(".")[0]
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in imported(node)
    }
    declared = {
        re.split(r"[^\w-]", requirement)[0].replace("-", "_")
        for requirement in metadata.requires("target-tocobagus") or ()
    }

    assert names - sys.stdlib_module_names - {PACKAGE.name} == declared - {"psycopg"}


def imported(node: ast.AST) -> list[str]:
    """Name the modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def modules_after(statement: str) -> set[str]:
    """Import something in a fresh interpreter and give all that it has imported."""
    command = [sys.executable, "-c", f"{statement}; {PRINT_MODULES}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        (
            "import target_tocobagus.target",
            {
                *("jmespath", "rich", "sqlalchemy", "starlette", "uvicorn", "yaml"),
                *("target_tocobagus.cli", "target_tocobagus.sandbox"),
                *("target_tocobagus.api.client", "target_tocobagus.recognition.recognise"),
            },
        ),
        (
            "import target_tocobagus.cli",
            {"requests", "rich", "singer_sdk", "starlette", "uvicorn"},
        ),
    ],
)
def test_what_is_seldom_needed_is_not_imported(statement: str, unwanted: set[str]) -> None:
    """A run starts without what only some runs use."""
    assert modules_after(statement).isdisjoint(unwanted)


def test_the_list_of_rooms_is_the_folder() -> None:
    """The package opens with it, CONTRIBUTING repeats it, and it names all that is there."""
    docstring = target_tocobagus.__doc__ or ""
    (listed,) = re.findall(r"(?:^    .+\n)+", docstring, re.MULTILINE)
    names = re.findall(r"^    ([\w.]+)", listed, re.MULTILINE)
    there = {path.name for path in PACKAGE.iterdir()} - {"__init__.py", "__pycache__", "py.typed"}

    assert sorted(names) == sorted(there)
    assert textwrap.dedent(listed) in blocks(ROOT / "CONTRIBUTING.md", "text")


ROOMS: Final = sorted(
    path.parent for path in PACKAGE.rglob("__init__.py") if "migrations" not in path.parts
)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(PACKAGE)))
def test_each_room_says_what_is_in_it(room: Path) -> None:
    """Its docstring names each file and folder, and lists none that is not there."""
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    there = {path.stem for path in room.iterdir() if not path.name.startswith("__")} - {"py"}
    listed = set(re.findall(r"^    (\w+)(?:\.py|/)?  ", docstring, re.MULTILINE)) - {"__main__"}

    assert listed <= there
    assert there <= (listed or set(re.findall(r"\w+", docstring)))  # some tell it in sentences


def test_each_mutant_finds_what_it_quotes() -> None:
    """A line that a mutant breaks, and a test that must fail then, change together with it."""
    assert stale() == []
    assert unreadable() == []
