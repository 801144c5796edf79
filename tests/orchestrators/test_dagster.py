"""Dagster runs the stores of its example, from tap-postgres to the sandbox: `make dagster`."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from tests.orchestrators.processes import most_at_once
from tests.orchestrators.running_dagster import Dagster, running_dagster
from tests.orchestrators.shops import AT_ONCE, ROWS, TOKEN, Shops, shops
from tests.postgres import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

STORES: Final = int(os.environ.get("STORES", "6"))
RETRIES: Final = 3

pytestmark = [
    pytest.mark.orchestrator,
    pytest.mark.timeout(1200),
    pytest.mark.skipif("DAGSTER" not in os.environ, reason="`make dagster` runs these"),
]


class Played(NamedTuple):
    """Two rounds, and what was there between them; the facts are those of `dagster_facts.py`."""

    dagster: Dagster
    shops: Shops
    first: dict[str, Any]
    shown: dict[str, dict[str, int]]
    source: dict[str, dict[str, int]]
    sent: dict[str, int]
    second: dict[str, Any]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """A round with all troubles, in which a run is killed; a round after they were mended."""
    folder = tmp_path_factory.mktemp("dagster")
    with ExitStack() as stack:
        database = stack.enter_context(running_postgres())
        there = stack.enter_context(shops(STORES, database, folder / "stores"))
        env = {
            **there.environment(),
            "TOCOBAGUS_RETRY_SECONDS": "1",
            "TOCOBAGUS_SCHEDULE": "* * * * *",
        }
        binaries = Path(os.environ["DAGSTER"])
        dagster = stack.enter_context(
            running_dagster(binaries, database, folder / "home", there, env)
        )
        dagster.start_daemon(there.logins())
        first = play(dagster, there)
        shown = {name: there.shown(name) for name in there.names}
        source = {name: there.source(name) for name in there.names}
        sent = {name: len(there.sent(name)) for name in there.names}
        dagster.started.end()
        there.mend()
        there.sell()
        logins = there.logins()
        if wrong := there.named("wrong token"):
            logins[f"tocobagus_{wrong}"] = (there.client_id(wrong), TOKEN.format(store=wrong))
        dagster.start_daemon(logins)
        second = play(dagster, there, after=len(first["runs"]))
        yield Played(dagster, there, first, shown, source, sent, second)


def play(dagster: Dagster, there: Shops, after: int = 0) -> dict[str, Any]:
    """Play a round and its checks; the run of a slow store is killed after its first STATE."""
    began = time.monotonic()
    dagster.begin()  # up to a minute, until the schedules tick
    slow = there.named("slow")
    if slow and not after:
        there.kill_half_way(slow)
    facts = dagster.end(
        lambda found: not slow or statuses(found["runs"][after:], slow)[-1:] == ["SUCCESS"]
    )
    seconds = time.monotonic() - began
    runs = facts["runs"][after:]
    dagster.check()
    facts = dagster.end()
    print(  # noqa: T201  # the figures that `make dagster` shows
        f"\nDagster, {len(there.names)} stores: {seconds:.0f} s, {len(runs)} runs,"
        f" {sum(run['attempts'] - 1 for run in runs)} retries,"
        f" {sum(len(there.sent(name)) for name in there.names)} levels sent so far"
    )
    return {**facts, "runs": facts["runs"][after:]}


def of_store(facts: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Give the runs of a store."""
    return [run for run in facts["runs"] if run["partition"] == name]


def statuses(runs: list[dict[str, Any]], name: str) -> list[str]:
    """Tell how a store's runs have ended."""
    return [run["status"] for run in runs if run["partition"] == name]


def checked(facts: dict[str, Any], partner: str) -> dict[str, list[Any]]:
    """Give the checks of a partner: whether each has passed, and what it told."""
    (run,) = [run for run in facts["runs"] if run["job"] == f"check_stock_{partner}"]
    checks: dict[str, list[Any]] = run["checks"]
    return checks


def needed(name: str | None) -> str:
    """Give a store's name; skip where there are too few stores to have it."""
    return name or pytest.skip("there are too few stores for this trouble")


def test_the_stores_that_are_well_are_untouched(played: Played) -> None:
    """Whatever happens to others, they succeed at the first attempt, with all of their stock."""
    for name in played.shops.well:
        (run,) = of_store(played.first, name)
        assert (run["status"], run["attempts"]) == ("SUCCESS", 1)
        assert run["summary"]["retries"] == 0
        assert played.shown[name] == played.source[name]


def test_a_wrong_token_is_not_tried_again(played: Played) -> None:
    """Exit 2 fails the run at once, neither the step nor the run is repeated."""
    (run,) = of_store(played.first, needed(played.shops.named("wrong token")))
    assert (run["status"], run["attempts"]) == ("FAILURE", 1)
    assert "AUTH_006" in run["error"]


def test_a_tap_that_dies_is_tried_again(played: Played) -> None:
    """The run fails after the last attempt, with the summary of what was sent."""
    name = needed(played.shops.named("dying tap"))
    (run,) = of_store(played.first, name)
    assert (run["status"], run["attempts"]) == ("FAILURE", RETRIES + 1)
    assert run["error"] == "exit 1: the tap ended with 1"
    assert run["summary"]["unchanged"] > 0
    assert 0 < len(played.shown[name]) < ROWS


def test_a_run_that_was_killed_is_taken_up_at_its_state(played: Played) -> None:
    """Dagster starts another, which sends no more than what the STATE left open."""
    name = needed(played.shops.named("slow"))
    killed, taken_up = of_store(played.first, name)
    assert (killed["status"], taken_up["status"]) == ("FAILURE", "SUCCESS")
    assert taken_up["taken_up"]
    assert taken_up["summary"]["records"] < 6_000
    assert played.shown[name] == played.source[name]


def test_a_store_that_is_told_to_wait_stops_no_other(played: Played) -> None:
    """Its 429s are its own: it sends again, and the others (see above) never had to."""
    name = needed(played.shops.named("refused"))
    (run,) = of_store(played.first, name)
    assert run["status"] == "SUCCESS"
    assert run["summary"]["retries"] > 0
    assert played.shown[name] == played.source[name]


def test_the_second_round_heals(played: Played) -> None:
    """All stores show what their source has, and those that were well sent only what changed."""
    assert {run["status"] for run in played.second["runs"]} == {"SUCCESS"}
    for name in played.shops.names:
        assert played.shops.shown(name) == played.shops.source(name)
    for name in played.shops.well:
        new = played.shops.sent(name)[played.sent[name] :]
        assert sorted(new) == [f"SKU-{n}" for n in range(1, 6)]


def test_each_store_has_a_state_of_its_own(played: Played) -> None:
    """In Dagster's own storage, where a run on any machine finds it."""
    for name in played.shops.names:
        assert list(played.second["states"][name]["bookmarks"]) == [f"{name}-stock_levels"]


def test_checks_name_the_stores_that_are_not_well(played: Played) -> None:
    """A store whose target has never ended well is late; once all have, the checks pass."""
    wrong = played.shops.named("wrong token")
    passed, late = checked(played.first, "nusantara")["freshness"]
    assert late == ({wrong: "last good run: never"} if wrong else {})
    assert passed == (wrong is None)
    for partner in set(played.shops.partner.values()):
        found = checked(played.second, partner)
        assert {name: passed for name, (passed, _) in found.items()} == {
            "freshness": True,
            "rejected": True,
            "guard": True,
        }


@pytest.mark.parametrize("partner", AT_ONCE)
def test_a_pool_bounds_how_many_stores_of_a_partner_run_at_once(
    played: Played, partner: str
) -> None:
    """Never more than at_once."""
    for facts in (played.first, played.second):
        runs = [run for run in facts["runs"] if run["job"] == f"sync_stock_{partner}"]
        assert most_at_once([(run["begin"], run["end"]) for run in runs]) <= AT_ONCE[partner]


def test_nothing_tells_a_secret(played: Played) -> None:
    """Neither the logs of the runs nor the daemon's."""
    played.shops.assert_untold(played.dagster.home)
