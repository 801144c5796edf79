"""Airflow runs the stores of its example, from tap-postgres to the sandbox: `make airflow`."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from tests.orchestrators.processes import most_at_once, until
from tests.orchestrators.running_airflow import WORKERS, Airflow, running_airflow
from tests.orchestrators.shops import AT_ONCE, ROWS, TOKEN, Alerts, Shops, shops
from tests.postgres import running_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXECUTOR: Final = os.environ.get("EXECUTOR", "LocalExecutor")
STORES: Final = int(os.environ.get("STORES", "3"))
RETRIES: Final = 2

pytestmark = [
    pytest.mark.orchestrator,
    pytest.mark.timeout(1200),
    pytest.mark.skipif("AIRFLOW" not in os.environ, reason="`make airflow` runs these"),
    pytest.mark.skipif(
        EXECUTOR == "CeleryExecutor" and not shutil.which("redis-server"),
        reason="CeleryExecutor is left out: there is no Redis; sudo apt-get install redis-server",
    ),
]


class Round(NamedTuple):
    """A round that has ended.

    Attributes:
        state: Of the round as a whole.
        tasks: Each store's.
        tries: All tries of each store's task.
        sent: The SKUs that each store was sent in it.
    """

    state: str
    tasks: dict[str, dict[str, Any]]
    tries: dict[str, list[dict[str, Any]]]
    sent: dict[str, list[str]]


class Played(NamedTuple):
    """Two rounds, and what was there between them."""

    airflow: Airflow
    shops: Shops
    alerts: Alerts
    first: Round
    states: dict[str, dict[str, Any] | None]
    shown: dict[str, dict[str, int]]
    source: dict[str, dict[str, int]]
    second: Round
    third: Round | None


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """A round with all troubles, in which a task is killed; a round after they were mended."""
    folder = tmp_path_factory.mktemp("airflow")
    with ExitStack() as stack:
        database = stack.enter_context(running_postgres())
        there = stack.enter_context(shops(STORES, database, folder / "stores"))
        alerts = stack.enter_context(Alerts().listening())
        env = {
            **there.environment(),
            "TOCOBAGUS_ALERT_URL": alerts.url,
            "TOCOBAGUS_DEADLINE_SECONDS": "5",
            "TOCOBAGUS_RETRIES": str(RETRIES),
            "TOCOBAGUS_RETRY_SECONDS": "1",
            "TOCOBAGUS_SCHEDULE": "",
        }
        binaries = Path(os.environ["AIRFLOW"])
        airflow = stack.enter_context(
            running_airflow(binaries, EXECUTOR, database, folder / "home", env)
        )
        airflow.connect(there.logins())
        first = play(airflow, there)
        states = {name: airflow.state(name) for name in there.names}
        shown = {name: there.shown(name) for name in there.names}
        source = {name: there.source(name) for name in there.names}
        there.mend()
        there.sell()
        if wrong := there.named("wrong token"):
            login = (there.client_id(wrong), TOKEN.format(store=wrong))
            airflow.connect({f"tocobagus_{wrong}": login})
        second = play(airflow, there)
        third = play_without_a_worker(airflow, there) if EXECUTOR == "CeleryExecutor" else None
        yield Played(airflow, there, alerts, first, states, shown, source, second, third)


def play(airflow: Airflow, there: Shops, disturb: Callable[[], object] | None = None) -> Round:
    """Play a round; the task of a slow store is killed once its first STATE is kept."""
    before = {name: len(there.sent(name)) for name in there.names}
    began = time.monotonic()
    run = airflow.begin()
    if disturb is not None:
        until(disturb, "something to disturb")
    slow = there.named("slow")
    if slow and airflow.state(slow) is None:
        there.kill_half_way(slow)
    state = airflow.end(run)
    seconds = time.monotonic() - began
    tasks = airflow.tasks(run)
    tries = {name: airflow.tries(task) for name, task in tasks.items()}
    sent = {name: there.sent(name)[before[name] :] for name in there.names}
    count = sum(map(len, tries.values()))
    print(  # noqa: T201  # the figures that `make airflow` shows
        f"\n{EXECUTOR}, {len(tasks)} stores: {state} in {seconds:.0f} s, {count} tries,"
        f" {count - len(tasks)} retries, {sum(map(len, sent.values()))} levels sent"
    )
    return Round(state, tasks, tries, sent)


def play_without_a_worker(airflow: Airflow, there: Shops) -> Round:
    """Play a round in which a worker is killed as a whole while it runs a store."""

    def kill() -> str | None:
        for target in [each for name in there.names for each in there.targets(name)]:
            with suppress(OSError):  # it has ended
                return airflow.started.kill_above(target)
        return None

    there.sell()
    return play(airflow, there, disturb=kill)


def needed(name: str | None) -> str:
    """Give a store's name; skip where there are too few stores to have it."""
    return name or pytest.skip("there are too few stores for this trouble")


def test_the_stores_that_are_well_are_untouched(played: Played) -> None:
    """Whatever happens to others, they succeed at the first try, with all of their stock."""
    for name in played.shops.well:
        assert played.first.tasks[name]["state"] == "success"
        assert len(played.first.tries[name]) == 1
        assert played.shown[name] == played.source[name]
        assert played.airflow.summary(played.first.tasks[name])["retries"] == 0


def test_a_wrong_token_is_not_tried_again(played: Played) -> None:
    """Exit 2 fails the task at once, and whoever is told gets the error."""
    name = needed(played.shops.named("wrong token"))
    assert played.first.tasks[name]["state"] == "failed"
    assert len(played.first.tries[name]) == 1
    assert played.states[name] is None
    (alert,) = played.alerts.of(name)
    assert (alert["exit_code"], alert["tries"]) == (2, 1)
    assert "AUTH_006" in alert["error"]


def test_a_tap_that_dies_is_tried_again(played: Played) -> None:
    """After the last try it is told, with the summary of what was sent."""
    name = needed(played.shops.named("dying tap"))
    assert played.first.tasks[name]["state"] == "failed"
    assert len(played.first.tries[name]) == RETRIES + 1
    (alert,) = played.alerts.of(name)
    assert (alert["exit_code"], alert["tries"]) == (1, RETRIES + 1)
    assert alert["error"] == "exit 1: the tap ended with 1"
    assert alert["summary"]["unchanged"] > 0
    assert 0 < len(played.shown[name]) < ROWS


def test_a_task_that_was_killed_is_taken_up_at_its_state(played: Played) -> None:
    """Its second try finds the ledger free, and sends no more than what the STATE left open."""
    name = needed(played.shops.named("slow"))
    assert played.first.tasks[name]["state"] == "success"
    assert len(played.first.tries[name]) > 1
    assert played.shown[name] == played.source[name]
    assert played.airflow.summary(played.first.tasks[name])["records"] < 6_000


def test_a_store_that_is_told_to_wait_stops_no_other(played: Played) -> None:
    """Its 429s are its own: it sends again, and the others (see above) never had to."""
    name = needed(played.shops.named("refused"))
    assert played.first.tasks[name]["state"] == "success"
    assert played.airflow.summary(played.first.tasks[name])["retries"] > 0
    assert played.shown[name] == played.source[name]


def test_the_second_round_heals(played: Played) -> None:
    """All stores show what their source has, and those that were well sent only what changed."""
    assert played.second.state == "success"
    assert {task["state"] for task in played.second.tasks.values()} == {"success"}
    for name in played.shops.names:
        assert played.shops.shown(name) == played.shops.source(name)
    for name in played.shops.well:
        assert sorted(played.second.sent[name]) == [f"SKU-{n}" for n in range(1, 6)]


def test_each_store_has_a_state_of_its_own(played: Played) -> None:
    """Where any worker finds it; it is of that store's stream."""
    for name in played.shops.names:
        state = played.airflow.state(name)
        assert state
        assert list(state["bookmarks"]) == [f"{name}-stock_levels"]


@pytest.mark.parametrize("partner", AT_ONCE)
def test_a_pool_bounds_how_many_stores_of_a_partner_run_at_once(
    played: Played, partner: str
) -> None:
    """Never more than at_once, and where enough of them wait, as many."""
    for rounds in (played.first, played.second):
        names = [name for name in played.shops.names if played.shops.partner[name] == partner]
        spans = [
            (each["start_date"], each["end_date"]) for name in names for each in rounds.tries[name]
        ]
        assert most_at_once(spans) <= AT_ONCE[partner]
        if len(names) > 2 * AT_ONCE[partner]:
            assert most_at_once(spans) == AT_ONCE[partner]


def test_a_round_that_is_late_is_told(played: Played) -> None:
    """The deadline has passed before the first round was over."""
    late = [alert for alert in played.alerts.told if alert["alert"] == "late"]
    assert len({alert["dag_run"] for alert in late}) == len(late)
    assert late


def test_a_store_is_seen_by_its_name(played: Played) -> None:
    """In place of a number that would change with the list."""
    assert sorted(played.first.tasks) == played.shops.names


@pytest.mark.skipif(EXECUTOR != "CeleryExecutor", reason="there are no workers")
def test_both_workers_have_run_stores(played: Played) -> None:
    """Each may run any store: nothing of a store is on a machine."""
    for worker in WORKERS:
        assert "execute_workload" in played.airflow.started.log(worker)


@pytest.mark.skipif(EXECUTOR != "CeleryExecutor", reason="there are no workers")
def test_stores_of_a_killed_worker_are_taken_up_by_the_other(played: Played) -> None:
    """With all its processes gone at once, each of its stores is tried again, and shows all."""
    assert played.third
    assert played.third.state == "success"
    assert any(len(tries) > 1 for tries in played.third.tries.values())
    for name in played.shops.names:
        assert played.shops.shown(name) == played.shops.source(name)


def test_nothing_tells_a_secret(played: Played) -> None:
    """Neither the tasks' logs nor those of Airflow's parts."""
    played.shops.assert_untold(played.airflow.home)
