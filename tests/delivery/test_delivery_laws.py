"""Any script of faults ends with the promises kept: the API in memory, the threads real."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

# The tests are no package; what they share is found by its own name.
sys.path.insert(0, str(Path(__file__).parent))

from delivery_api import DISTORTED, FAULTS, Act, Rules, ScriptedApi
from delivery_run import Do, Run, Say, make_settings
from delivery_witness import Witness

from target_tocobagus.errors import DeliveryError
from target_tocobagus.sending import Outside

if TYPE_CHECKING:
    import pytest

    from target_tocobagus.model import Identifier

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
    skew_ms: int


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
DOES: Final = st.sampled_from(["state", "state", "breathe", "pause", "pause", "bad", "skip"]).map(
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
    skew_ms=st.sampled_from([0, 0, 0, 400_000]),
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
        skew_ms=plan.skew_ms,
    )
    api = ScriptedApi(plan.script, rules, witness)

    def count_demand(step: Say) -> None:
        seen["asked for while in flight"] += step.identifier in api.in_flight

    outside = Outside(api.clock, api.send, jitter=lambda: 0.0, state_seconds=0.0)
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
    tally = run.pipeline.tally
    seen.update(api.happened)
    seen["superseded"] += tally.superseded
    seen["retries"] += tally.retries
    seen["rejected"] += tally.rejected
    seen["states"] += len(run.states)
    seen["runs"] += 1
    seen["ended well"] += run.error is None
    return run, api


def check_sums(run: Run) -> None:
    """Check promise 3, against a count of the test's own."""
    tally = run.pipeline.tally
    assert tally.updates == run.witness.given
    if run.error is None:
        assert tally.unsettled == 0


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
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as directory:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            phases=PHASES,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        @given(plan=PLANS)
        def law(plan: Plan) -> None:
            run, api = carry_out(plan, directory, seen)
            assert not run.witness.broken, run.witness.broken
            assert run.error is None or isinstance(run.error, DeliveryError)
            check_sums(run)
            check_batch_ids(run, api, plan)
            if run.error is None:
                run.witness.compares(api.stock)
                assert not run.witness.broken, run.witness.broken

        law()
    check_coverage(seen)


def check_coverage(seen: Counter[str]) -> None:
    """Check that the examples were worth something: what the promises are about came to pass."""
    least: dict[str, Any] = {
        "superseded": 5 * seen["runs"],
        "retries": 3 * seen["runs"],
        "asked for while in flight": seen["runs"],
        "states": seen["runs"],
        "ended well": 0.9 * seen["runs"],
        "AUTH_003": 10,
        "413": 10,
        "400": 10,
        "divided": 10,
        **dict.fromkeys((*FAULTS, *DISTORTED), 10),
    }
    missing = {what: (seen[what], few) for what, few in least.items() if seen[what] < few}
    assert not missing, (missing, seen)
