"""Any script of faults ends with the promises kept: the API in memory, the threads real."""

from __future__ import annotations

import logging
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from target_tocobagus.api.transport import Dependencies
from target_tocobagus.core.errors import DeliveryError
from tests.delivery.scripted_api import DISTORTED, FAULTS, Act, Rules, ScriptedApi
from tests.delivery.scripted_run import Do, Run, Say, make_settings
from tests.delivery.witness import Witness

if TYPE_CHECKING:
    import pytest

    from target_tocobagus.core.model import Identifier

EXAMPLES: Final = int(os.environ.get("DELIVERY_EXAMPLES", "320"))

PHASES: Final = (Phase.explicit, Phase.reuse, Phase.generate)
"""Without shrinking: what threads did cannot be done again at will, and a plan is short."""

IDENTIFIERS: Final[tuple[Identifier, ...]] = (
    ("sku", "a"),
    ("sku", "b"),
    ("id", "a"),
    ("externalId", "c"),
    ("sku", "d"),
)
REFUSING: Final = (200, 400, 404, 409, 422)
"""Statuses with which an API may refuse a request by a code."""

PLACES: Final = ("A", "B", "C")


class Plan(NamedTuple):
    """An example: what the tap says, how the target is set, and what goes wrong."""

    steps: list[Say | Do]
    batch_rows: int
    in_flight: int
    wait: float
    script: list[Act]
    refuses: int
    poison: int
    single: frozenset[Identifier]
    most_bytes: int | None
    skews_ms: tuple[int, ...]
    status: int = 400
    poisoned: frozenset[Identifier] = frozenset()
    closed_after: int | None = None


SAYS: Final = st.builds(
    Say,
    identifier=st.sampled_from(IDENTIFIERS),
    places=st.one_of(
        st.just((None,)),
        st.lists(st.sampled_from(PLACES), min_size=1, max_size=3, unique=True).map(tuple),
    ),
    zero=st.sampled_from([False, False, False, True]),
)
BROADCASTS: Final = st.builds(
    Say,
    identifier=st.sampled_from(IDENTIFIERS),
    places=st.just(PLACES),
    broadcast=st.just(value=True),
)
DOES: Final = st.sampled_from(["state", "state", "service", "pause", "pause", "bad", "skip"]).map(
    Do
)
ACTS: Final = st.builds(
    Act,
    fault=st.sampled_from(["", *FAULTS]),
    delay=st.sampled_from([0.0, 0.0005, 0.002]),
    rows=st.lists(st.integers(0, 6), min_size=1, max_size=3).map(tuple),
)
SCRIPTS: Final = st.lists(ACTS, min_size=4, max_size=24).filter(
    lambda script: sum(bool(act.fault) for act in script) >= 2
)
PLANS: Final = st.builds(
    Plan,
    steps=st.lists(st.one_of(SAYS, SAYS, SAYS, BROADCASTS, DOES, DOES), min_size=12, max_size=60),
    batch_rows=st.integers(1, 7),
    in_flight=st.integers(1, 8),
    wait=st.sampled_from([0.0, 0.0, 0.002]),
    script=SCRIPTS,
    refuses=st.sampled_from([0, 0, 7, 11]),
    poison=st.sampled_from([0, 0, 0, 9]),
    single=st.frozensets(st.sampled_from(IDENTIFIERS), max_size=2),
    most_bytes=st.sampled_from([None, None, None, 150]),
    skews_ms=st.sampled_from([(0,), (0,), (0,), (400_000,), (0, 400_000), (0, 0, -3_600_000)]),
    status=st.sampled_from(REFUSING),
)

POISONED: Final[tuple[Identifier, ...]] = tuple(("sku", f"p{number}") for number in range(24))
"""Items for which the API refuses the whole request: more in a row than are taken for chance."""

BURSTS: Final = st.permutations(POISONED).map(lambda each: [Say(item, (None,)) for item in each])
BLAMES: Final = st.builds(
    Plan,
    steps=st.tuples(
        st.lists(st.one_of(SAYS, SAYS, DOES), min_size=3, max_size=12),
        BURSTS,
        st.lists(st.one_of(SAYS, DOES), max_size=6),
        BURSTS,
        st.lists(st.one_of(SAYS, DOES), max_size=6),
    ).map(lambda parts: [step for part in parts for step in (*part, Do("state"))]),
    batch_rows=st.integers(1, 7),
    in_flight=st.sampled_from([1, 1, 2, 4]),
    wait=st.sampled_from([0.0, 0.0, 0.002]),
    script=st.lists(ACTS, max_size=12),
    refuses=st.sampled_from([0, 7]),
    poison=st.just(0),
    single=st.frozensets(st.sampled_from(IDENTIFIERS), max_size=1),
    most_bytes=st.none(),
    skews_ms=st.just((0,)),
    status=st.sampled_from(REFUSING),
    poisoned=st.just(frozenset(POISONED)),
    closed_after=st.sampled_from([None, None, 20, 40]),
)


def every(nth: int) -> frozenset[int]:
    """Choose the quantities of every nth record; of none for 0."""
    return frozenset(q for q in range(10, 1000) if nth and q // 10 % nth == nth - 1)


def carry_out(plan: Plan, directory: str, seen: Counter[str]) -> tuple[Run, ScriptedApi]:
    """Run a plan, and count what came to pass in it."""
    witness = Witness()
    rules = Rules(
        refused=every(plan.refuses),
        poison=every(plan.poison),
        single=plan.single,
        most_bytes=plan.most_bytes,
        skews_ms=plan.skews_ms,
        status=plan.status,
        poisoned=plan.poisoned,
        closed_after=plan.closed_after,
    )
    api = ScriptedApi(plan.script, rules, witness)

    def count_demand(step: Say) -> None:
        seen["asked for while in flight"] += step.identifier in api.in_flight

    outside = Dependencies(api.clock, api.send, jitter=lambda: 0.0, state_seconds=0.0)
    path = Path(directory) / "rejects"
    path.unlink(missing_ok=True)
    configured = make_settings(
        batch_size_rows=plan.batch_rows,
        max_in_flight=plan.in_flight,
        batch_wait_seconds=plan.wait,
        max_retry_seconds=20,
        rejects_path=str(path),
    )
    run = Run(configured, outside, witness).play(plan.steps, count_demand)
    totals = run.pipeline.totals
    seen.update(api.happened)
    seen["refused as a whole"] += api.happened[str(plan.status)]
    seen["superseded"] += totals.superseded
    seen["retries"] += totals.retries
    seen["rejected"] += totals.rejected
    seen["states"] += len(run.states)
    seen["runs"] += 1
    seen["ended well"] += run.error is None
    return run, api


def check_sums(run: Run) -> None:
    """Check promise 3, against a count of the test's own."""
    totals = run.pipeline.totals
    assert totals.updates == run.witness.given
    if run.error is None:
        assert totals.unsettled == 0


def check_batch_ids(run: Run, api: ScriptedApi, plan: Plan) -> None:
    """Check the list in the last STATE: all of this run, each worker's in their order."""
    if run.error or not run.states:
        return
    told = [batch_id for ids in api.batches.values() for batch_id in ids]
    if Do("state") == plan.steps[-1]:
        assert sorted(run.batch_ids) == sorted(told[-100:])
    for ids in api.batches.values():
        kept = [batch_id for batch_id in run.batch_ids if batch_id in ids]
        assert kept == ids[: len(kept)]


def test_any_script_of_faults_ends_with_every_promise_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever fails, remote is source or a named reject, and no STATE runs ahead of its rows."""
    caplog.set_level(logging.CRITICAL, "target-tocobagus")
    check_coverage(keep_promises(PLANS, EXAMPLES))


def keep_promises(plans: st.SearchStrategy[Plan], examples: int) -> Counter[str]:
    """Carry out plans, hold each run to the promises, and count what came to pass."""
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as directory:

        @settings(
            max_examples=examples,
            deadline=None,
            phases=PHASES,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        @given(plan=plans)
        def law(plan: Plan) -> None:
            run, api = carry_out(plan, directory, seen)
            assert not run.witness.broken, run.witness.broken
            assert run.error is None or isinstance(run.error, DeliveryError)
            check_sums(run)
            check_batch_ids(run, api, plan)
            if run.error is None:
                run.witness.compares(api.stock)
                assert not run.witness.broken, run.witness.broken
            elif "request of its own" in str(run.error):
                seen["stopped for the request"] += 1
                check_blame(run, api, plan)

        law()
    return seen


def check_blame(run: Run, api: ScriptedApi, plan: Plan) -> None:
    """Check that a run that stopped for the request rejected no row for it.

    With one request at a time: else the API cannot tell in which order its answers were heard.
    """
    if plan.in_flight == 1:
        levels = [level for level in api.blamed if level[2]]
        assert levels
        assert not [level for level in levels if run.witness.was_rejected(*level)]


def test_every_promise_is_kept_whether_rows_or_requests_are_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whether items or the API refuse whole requests, no newer value is overwritten to tell."""
    caplog.set_level(logging.CRITICAL, "target-tocobagus")
    seen = keep_promises(BLAMES, EXAMPLES // 4)
    least = {
        "retest": seen["runs"] // 4,
        "stopped for the request": seen["runs"] // 40,
        "ended well": seen["runs"] // 4,
        "rejected": 10 * seen["runs"],
    }
    missing = {what: (seen[what], few) for what, few in least.items() if seen[what] < few}
    assert not missing, (missing, seen)


def check_coverage(seen: Counter[str]) -> None:
    """Check that the examples were worth something: what the promises are about came to pass."""
    least: dict[str, Any] = {
        "superseded": 5 * seen["runs"],
        "retries": 3 * seen["runs"],
        "asked for while in flight": seen["runs"],
        "states": seen["runs"],
        "ended well": 0.9 * seen["runs"],
        "AUTH_003": 10,
        "413": 3,
        "refused as a whole": 30,  # by whichever of the statuses: each alone is drawn too seldom
        "divided": 10,
        **dict.fromkeys((*FAULTS, *DISTORTED), 10),
    }
    missing = {what: (seen[what], few) for what, few in least.items() if seen[what] < few}
    assert not missing, (missing, seen)
