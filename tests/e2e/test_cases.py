"""The small inputs of `data/cases` have the outcome that is written beside each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.command import Command, Ended
    from tests.local_sandbox import Sandbox

CASES: Final = Path(__file__).parents[1] / "data" / "cases"
NAMES: Final = sorted(path.parent.name for path in CASES.glob("*/case.json"))

_RECORD: Final = re.compile(r"^(?=\d{4}-\d\d-\d\d )", re.MULTILINE)
"""Where a record of the log begins; its further lines have no time."""
_WARNING: Final = re.compile(r"\S+ \S+ \| (WARNING|ERROR|CRITICAL)\b")


class Poison(msgspec.Struct, forbid_unknown_fields=True):
    """Items for which the API refuses the whole request, and its answer."""

    keys: list[str]
    status: int
    body: Any


class Api(msgspec.Struct, forbid_unknown_fields=True):
    """What the store does not list, and what it refuses as a whole."""

    unknown: list[str] = []
    poison: Poison | None = None

    def scenario(self) -> dict[str, Any]:
        """Give the sandbox's scenario."""
        return {"rules": [*self._rules()]}

    def _rules(self) -> Iterator[dict[str, Any]]:
        if self.poison:
            answer = {"status": self.poison.status, "body": self.poison.body}
            yield {"when": {"identifiers": self.poison.keys}, "fault": answer}
        if self.unknown:
            told = {"code": "INV_001", "message": "Invalid SKU", "reason": "Product SKU not found"}
            yield {"fault": {"reject": [{"identifiers": self.unknown, **told}]}}


class Expect(msgspec.Struct, forbid_unknown_fields=True):
    """What must hold at the end of the run; None: the case does not say."""

    rc: int
    stock: dict[str, int] | None = None
    stock_only: list[str] | None = None
    absent: list[str] = []
    min_stock: int = 0
    states: bool | None = None
    last_state: int | None = None
    log: list[str] = []
    warn: list[str] = []
    nolog: list[str] = []
    maxline: int | None = None


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """One `case.json`; its README says what each key means."""

    why: str
    config: dict[str, Any]
    expect: Expect
    env: dict[str, str] = {}
    args: list[str] = []
    api: Api = msgspec.field(default_factory=Api)


@pytest.mark.parametrize("name", NAMES)
def test_each_case_has_its_outcome(name: str, command: Command, sandbox: Sandbox) -> None:
    """Exit code, stock, STATE and log are as `case.json` says, and no secret is told."""
    case = msgspec.json.decode((CASES / name / "case.json").read_bytes(), type=Case)
    sandbox.set_scenario(case.api.scenario())
    config = command.write_config(**{"streams": None, **case.config})
    tapped = (CASES / name / "input.singer").read_bytes()
    ended = command.run(tapped, arguments=["--config", str(config), *case.args], env=case.env)

    assert ended.code == case.expect.rc, f"{case.why}\n{ended.stderr}"
    check_stock(case.expect, levels_of(sandbox))
    check_states(case.expect, ended)
    check_log(case.expect, ended.stderr)
    for setting in ("partner_secret", "store_token"):
        assert sandbox.credentials[setting] not in ended.stderr + str(ended.stdout)


def test_no_folder_of_the_cases_is_passed_over() -> None:
    """There are cases, and each folder is one."""
    assert NAMES == sorted(path.name for path in CASES.iterdir() if path.is_dir()) != []


def levels_of(sandbox: Sandbox) -> dict[str, int]:
    """Give all that the API holds, by `kind:identifier` or `kind:identifier@warehouse`."""
    return {
        f"{kind}:{identifier}" + ("" if warehouse is None else f"@{warehouse}"): stock
        for (kind, identifier), levels in sandbox.stock().items()
        for warehouse, stock in levels.items()
    }


def check_stock(expect: Expect, held: dict[str, int]) -> None:
    """Compare what the API holds with what it should hold."""
    if expect.stock is not None:
        assert held == expect.stock
    if expect.stock_only is not None:
        assert held.keys() <= set(expect.stock_only)
    assert held.keys().isdisjoint(expect.absent)
    assert len(held) >= expect.min_stock


def check_states(expect: Expect, ended: Ended) -> None:
    """See whether a STATE came out, and which one was the last."""
    if expect.states is not None:
        assert bool(ended.states) == expect.states, ended.stdout
    if expect.last_state is not None:
        (bookmark,) = ended.states[-1]["bookmarks"].values()
        assert bookmark["n"] == expect.last_state


def check_log(expect: Expect, log: str) -> None:
    """See what the log says, and what it does not say."""
    warnings = [text for text in _RECORD.split(log) if _WARNING.match(text)]
    assert [text for text in expect.log if text not in log] == [], log
    assert [text for text in expect.warn if text not in "".join(warnings)] == [], log
    assert [text for text in expect.nolog if text in log] == [], log
    if expect.maxline is not None:
        assert max(map(len, log.splitlines()), default=0) <= expect.maxline
