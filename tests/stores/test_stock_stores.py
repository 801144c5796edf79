"""The list of stores that both orchestrators' examples read."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest
from stock_stores import Store, StoresError, read

from tests.docs.documents import ROOT

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE: Final = ROOT / "examples" / "stores" / "stores.yml"
LISTED: Final = """\
tap: {command: [tap], config: {a: 1, b: 1}, credentials: source}
target: {stock_buffer: 1}
partners:
- partner: one
  credentials: of_one
  at_once: 4
  requests_per_minute: 10
  limit_is_for: partner
  stores:
  - store: jakarta
    credentials: of_jakarta
  - store: bandung
    credentials: of_bandung
    tap: {config: {b: 2}, catalog: bandung.json}
    target: {stock_buffer: 2}
"""
SLIPS: Final = {
    "not YAML": ("at_once: 4", "at_once: [", "stores.yml is not YAML: "),
    "empty": (LISTED, "", "line 1: None is not of type 'object'"),
    "a misspelt key": (
        "credentials: of_bandung",
        "credentails: of_bandung",
        "line 13: unknown key 'credentails'; did you mean 'credentials'?",
    ),
    "a key from nowhere": (
        "at_once: 4",
        "at_once: 4\n  zzz: 1",
        "line 7: unknown key 'zzz'; known are partner, credentials, at_once,",
    ),
    "a missing key": (
        "  at_once: 4\n",
        "",
        "line 4: 'at_once' is a required property",
    ),
    "a wrong type": ("at_once: 4", "at_once: many", "line 6: at_once: 'many' is not of type"),
    "a name that no task may have": (
        "store: jakarta",
        "store: Jakarta Pusat",
        "line 10: store: 'Jakarta Pusat' does not match",
    ),
    "a secret": (
        "target: {stock_buffer: 1}",
        "target: {store_token: stkn_1}",
        "line 2: 'store_token' does not belong here: credentials",
    ),
    "a limit without whose it is": (
        "  limit_is_for: partner\n",
        "",
        "line 4: 'limit_is_for' is a dependency of 'requests_per_minute'",
    ),
    "a limit of nobody": (
        "limit_is_for: partner",
        "limit_is_for: shop",
        "line 8: limit_is_for: 'shop' is not one of ['partner', 'store']",
    ),
    "a limit below one for each": (
        "requests_per_minute: 10",
        "requests_per_minute: 3",
        "line 7: is less than one for each store: lower at_once",
    ),
    "two stores of one name": (
        "store: bandung",
        "store: jakarta",
        "line 12: two entries have the store 'jakarta'",
    ),
    "a store without a tap": (
        "command: [tap], ",
        "",
        "line 10: jakarta has no tap: set `command` in `tap`",
    ),
}
"""What is written in place of what, and what is said of it."""


def listed(tmp_path: Path, text: str) -> Path:
    """Write a list of stores."""
    path = tmp_path / "stores.yml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(("of", "to", "said"), SLIPS.values(), ids=SLIPS)
def test_a_slip_is_said_with_its_line(tmp_path: Path, of: str, to: str, said: str) -> None:
    """Nothing runs from a list with a slip; the message has the line, and the nearest known key."""
    assert of in LISTED
    with pytest.raises(StoresError) as refused:
        read(listed(tmp_path, LISTED.replace(of, to)))
    assert said in str(refused.value)


def test_all_slips_are_said_at_once(tmp_path: Path) -> None:
    """A line for each, in the order of the file."""
    text = LISTED.replace("at_once: 4", "at_once: 0").replace("credentials: of_", "secret: of_")
    with pytest.raises(StoresError) as refused:
        read(listed(tmp_path, text))
    lines = [int(line.split("line ")[1].split(":")[0]) for line in str(refused.value).splitlines()]
    assert len(lines) > 3
    assert lines == sorted(lines)


def test_a_store_has_its_own_settings_over_the_common_ones(tmp_path: Path) -> None:
    """The tap's configuration is merged key by key; a catalog is seen from the list's folder."""
    (partner,) = read(listed(tmp_path, LISTED))
    jakarta, bandung = partner.stores

    assert (partner.partner, partner.at_once) == ("one", 4)
    assert jakarta == Store(
        "jakarta",
        "one",
        {"partner": "of_one", "store": "of_jakarta", "tap": "source"},
        {"command": ["tap"], "config": {"a": 1, "b": 1}},
        {"stock_buffer": 1, "requests_per_minute": 2},
    )
    assert bandung.tap["config"] == {"a": 1, "b": 2}
    assert bandung.tap["catalog"] == str(tmp_path / "bandung.json")
    assert bandung.target["stock_buffer"] == 2


@pytest.mark.parametrize(("whose", "share"), [("partner", 2), ("store", 10)])
def test_a_limit_is_shared_by_the_stores_or_each_of_them_has_it(
    tmp_path: Path, whose: str, share: int
) -> None:
    """A partner's is divided by how many of its stores run at once, and rounded down."""
    text = LISTED.replace("limit_is_for: partner", f"limit_is_for: {whose}")
    (partner,) = read(listed(tmp_path, text))
    assert [store.target["requests_per_minute"] for store in partner.stores] == [share, share]


def test_without_a_limit_a_run_has_none(tmp_path: Path) -> None:
    """The target's own setting stays unset."""
    text = LISTED.replace("  requests_per_minute: 10\n  limit_is_for: partner\n", "")
    (partner,) = read(listed(tmp_path, text))
    assert "requests_per_minute" not in partner.stores[0].target


def test_the_example_can_be_used() -> None:
    """It shows a limit of a partner, and one of each store."""
    nusantara, kepulauan = read(EXAMPLE)
    assert {store.target["requests_per_minute"] for store in nusantara.stores} == {60}
    assert {store.target["requests_per_minute"] for store in kepulauan.stores} == {60}
    assert [store.store for store in nusantara.stores] == ["jakarta", "bandung"]


def test_a_list_can_be_checked_by_hand(tmp_path: Path) -> None:
    """The module, run as a command, writes the pools of a good list, or what is wrong."""
    good = checked(listed(tmp_path, LISTED))
    assert json.loads(good.stdout) == {"tocobagus_one": {"slots": 4, "description": "one"}}
    wrong = checked(listed(tmp_path, LISTED.replace("at_once: 4", "at_once: 0")))
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("stores.yml, line 6: at_once: 0 is less than the minimum")


def checked(path: Path) -> subprocess.CompletedProcess[str]:
    """Run the module as a command."""
    command = [sys.executable, str(EXAMPLE.with_name("stock_stores.py")), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
