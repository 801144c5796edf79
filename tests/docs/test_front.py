"""What a newcomer reads is true: the README's commands, files, exit codes, and the changelog."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from target_tocobagus import __version__
from target_tocobagus.config.settings import parse_settings
from target_tocobagus.core import errors
from target_tocobagus.mapping import compile_mapping
from tests.docs.documents import failure_codes
from tests.local_sandbox import running

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text("utf-8")
CONTRIBUTING: Final = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
CHANGELOG: Final = (ROOT / "CHANGELOG.md").read_text("utf-8")
EXAMPLES: Final = sorted((ROOT / "examples").glob("*.json"))
IN_CLONE: Final = pytest.mark.skipif(
    not (ROOT / ".github").is_dir(), reason="an sdist does not hold it"
)


def read(path: Path) -> dict[str, Any]:
    """Read an example's configuration."""
    config: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return config


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_every_make_target_that_is_named_exists(text: str) -> None:
    """`make` knows each target that a document names."""
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = set(re.findall(r"\bmake (?:[A-Z]+=\S+ )?([a-z]+)(?=\s|`)", text))

    assert named & {"test", "lint"}
    assert named <= set(targets)


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
@pytest.mark.usefixtures("sources")
def test_every_file_that_is_named_exists(text: str) -> None:
    """Links, and paths that look like files of this project, lead somewhere."""
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    paths = re.findall(r"\b(?:tests|examples|target_tocobagus)/[\w./+-]*\w", text)

    for path in {*links, *paths}:
        assert (ROOT / path).exists(), path


def test_the_pipe_of_the_readme_works(tmp_path: Path) -> None:
    """The README's own command, with the sandbox's port put in, ends well and gives a STATE."""
    found = re.search(r"^cat (\S+) \| \S+/target-tocobagus --config (\S+)$", README, re.MULTILINE)
    assert found
    stream, config = (ROOT / name for name in found.groups())
    with running() as sandbox:
        own = tmp_path / "config.json"
        own.write_text(json.dumps({**read(config), "api_url": sandbox.api_url}))
        command = [sys.executable, "-m", "target_tocobagus", "--config", str(own)]
        with stream.open("rb") as lines:
            done = subprocess.run(command, stdin=lines, capture_output=True, check=True)

        assert sandbox.stock()[("sku", "KOPI-ARB-250")] == {"wh_jakarta": 12, "wh_surabaya": 0}
    assert json.loads(done.stdout.splitlines()[-1])["tocobagus"]["batches"] == 1


def test_the_readme_tells_the_exit_codes() -> None:
    """What it says of failures and signals is what the errors carry."""
    told = re.search(
        r"exit\s+code is (\d+) if .*? (\d+) for a failure .*?, (\d+) if .*?,"
        r"\s+(\d+)\s+after SIGTERM, (\d+) after SIGINT and\s+(\d+)\s+after SIGHUP",
        README,
        re.DOTALL,
    )

    assert told
    assert tuple(map(int, told.groups())) == (
        0,
        *sorted(failure_codes()),
        errors.Stopped(signal.SIGTERM).exit_code,
        errors.Stopped(signal.SIGINT).exit_code,
        errors.Stopped(signal.SIGHUP).exit_code,
    )


def test_the_readme_names_every_example() -> None:
    """Each file of examples/ is named, and each that is named is there."""
    assert sorted(set(re.findall(r"\(examples/(\w+\.json)\)", README))) == [
        path.name for path in EXAMPLES
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_valid_configuration(path: Path) -> None:
    """It parses, its mappings compile, and its credentials are the sandbox's."""
    config = read(path)
    settings = parse_settings(config)

    assert settings.streams
    for mapping in settings.streams:
        compile_mapping(mapping, settings.policy)
    with running() as sandbox:
        assert sandbox.credentials.items() <= config.items()


def test_the_changelog_begins_with_this_version() -> None:
    """The newest entry is the version's, with a date or "Unreleased", and one sentence a line."""
    headings = re.findall(r"^## \[(.+?)\] - (.+)$", CHANGELOG, re.MULTILINE)
    version, date = headings[0]

    assert version == __version__
    assert re.fullmatch(r"Unreleased|\d{4}-\d\d-\d\d", date)
    for line in re.findall(r"^- (.*)$", CHANGELOG, re.MULTILINE):
        assert re.fullmatch(r"[^.]+(\.\w[^.]*)*\.", line), line


@IN_CLONE
def test_ci_runs_the_command_of_the_readme() -> None:
    """`.ci/run` is `make test` in the clone that it stands in, and then the same for the wheel."""
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()

    assert "set -euo pipefail" in lines
    assert lines[-2:] == ["make test", "exec make wheel"]


@IN_CLONE
def test_actions_are_pinned_by_hash() -> None:
    """Each action is named by a full commit hash, the same in all workflows, with its version."""
    texts = [path.read_text("utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")]
    used = [re.findall(r"uses: (\S+)(.*)", text) for text in texts]
    flat = {pair for pairs in used for pair in pairs}

    assert flat
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action, _ in flat)
    assert all(re.fullmatch(r" # v\d+\.\d+\.\d+", comment) for _, comment in flat)
    assert len({action.partition("@")[0] for action, _ in flat}) == len(flat)


@IN_CLONE
def test_everything_feeds_one_job() -> None:
    """CI's last job needs all others, and no workflow may do anything that a job does not ask."""
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        assert yaml.safe_load(path.read_text("utf-8"))["permissions"] == {}, path.name
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]

    assert set(jobs.pop("passed")["needs"]) == set(jobs)
