"""Any scenario of the sandbox ends with the promises kept: a real client, a real socket."""

from __future__ import annotations

import itertools
import logging
import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from target_tocobagus.api.client import Client, Clock
from target_tocobagus.api.transport import Dependencies
from target_tocobagus.config.settings import Credentials
from target_tocobagus.core.errors import DeliveryError
from target_tocobagus.core.model import NoReply, Reply
from tests.delivery.scripted_api import read_rows
from tests.delivery.scripted_run import Do, Run, Say, make_settings
from tests.delivery.witness import Witness
from tests.local_sandbox import Limits, running

if TYPE_CHECKING:
    import pytest

    from target_tocobagus.core.model import Identifier
    from tests.local_sandbox import Sandbox

EXAMPLES: Final = int(os.environ.get("DELIVERY_EXAMPLES", "320")) // 8
PHASES: Final = (Phase.explicit, Phase.reuse, Phase.generate)
"""Without shrinking: what threads did cannot be done again at will, and a plan is short."""

TIMEOUT: Final = 0.3

SKUS: Final[tuple[Identifier, ...]] = (("sku", "a"), ("sku", "b"), ("externalId", "c"))
SAYS: Final = st.builds(
    Say,
    identifier=st.sampled_from(SKUS),
    places=st.one_of(
        st.just((None,)),
        st.lists(st.sampled_from(["A", "B"]), min_size=1, max_size=2, unique=True).map(tuple),
    ),
    zero=st.sampled_from([False, False, False, True]),
)
DOES: Final = st.sampled_from(["state", "service", "pause", "pause"]).map(Do)
FAULTS: Final = st.sampled_from(
    [
        {"drop_before": "rst"},
        {"drop_before": "fin"},
        {"drop_after": "rst"},
        {"drop_after": "fin"},
        {"hang": True},
        {"hang": True, "apply": True},
        {"status": 500},
        {"status": 503, "apply": True, "retry_after": 0},
        {"status": 429, "retry_after": 0, "retry_after_date": True},
        {"html": True},
        {"html": True, "apply": True},
        {"truncate": 40},
        {"cut": 60},
        {"omit_rows": [0, 2]},
        {"both_lists": [0]},
        {"twice": [1]},
        {"extra_rows": [9, -1]},
        {"drop_batch_id": True},
        {"rows_status": 422, "success": False},
        {"max_items": 1},
        {"status": 400},
        {"reject": [{"rows": [0], "code": "INV_001"}]},
        {"reject_multi_warehouse": {"code": "INV_009"}},
        {"latency_ms": 10},
        {"drip_ms": 0.05, "drip_headers": True},
    ]
)
RULES: Final = st.lists(
    st.tuples(st.integers(1, 14), FAULTS), min_size=2, max_size=9, unique_by=lambda rule: rule[0]
)


class Line:
    """A real client, whose answers the witness hears of."""

    def __init__(self, client: Client, witness: Witness) -> None:
        self._client = client
        self._witness = witness

    def send(self, body: bytes) -> Reply | NoReply:
        """Make one attempt."""
        rows = read_rows(body)
        reply = self._client.send(body)
        for index in _clearly_accepted(reply):
            if 0 <= index < len(rows):
                identifier, levels = rows[index]
                for place, quantity in levels.items():
                    self._witness.accepts(identifier, place, quantity)
        return reply


def _clearly_accepted(reply: Reply | NoReply) -> list[int]:
    if isinstance(reply, NoReply) or not isinstance(reply.body, dict):
        return []
    data = reply.body.get("data") or {"acceptedRows": (), "errors": []}
    accepted = [row if isinstance(row, int) else row["rowIndex"] for row in data["acceptedRows"]]
    named = Counter([*accepted, *(entry["rowIndex"] for entry in data["errors"])])
    return [index for index in accepted if named[index] == 1]


def open_run(sandbox: Sandbox, path: Path | None, **changes: Any) -> Run:
    """Open a run against a sandbox."""
    witness = Witness()
    clock = Clock()
    configured = make_settings(
        api_url=sandbox.api_url,
        credentials=Credentials(**sandbox.credentials),
        rejects_path=path and str(path),
        **{"request_timeout_seconds": TIMEOUT, "max_retry_seconds": 20, **changes},
    )
    assert configured.credentials
    client = Client(configured, configured.credentials, clock)
    line = Line(client, witness)
    outside = Dependencies(clock, line.send, jitter=lambda: 0.0, state_seconds=0.0)
    return Run(configured, outside, witness)


def look_up(sandbox: Sandbox, witness: Witness) -> None:
    """Hold what the sandbox has seen against the promises."""
    visits = sandbox.requests()
    answered = {visit["number"]: visit["answeredMs"] for visit in visits if visit["status"] == 200}
    for update in sandbox.history():
        if update.request in answered:
            identifier: Any = (update.kind, update.identifier)
            witness.applies(identifier, update.warehouse, update.stock)
    until: dict[Identifier, float] = {}
    for visit in visits:
        for identifier, _ in read_rows(visit["body"].encode()):
            if visit["arrivedMs"] < until.get(identifier, 0):
                witness.broken.append(f"{identifier} is in two requests at once")
            until[identifier] = visit["answeredMs"] or 0


def test_any_scenario_ends_with_every_promise_kept(caplog: pytest.LogCaptureFixture) -> None:
    """The same law holds with the real client, whatever happens on the wire."""
    caplog.set_level(logging.CRITICAL, "target-tocobagus")
    seen: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory() as directory,
        running(limits=Limits(bodies=True)) as sandbox,
    ):

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            phases=PHASES,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(
            steps=st.lists(st.one_of(SAYS, SAYS, DOES), min_size=12, max_size=40),
            rows=st.integers(1, 7),
            in_flight=st.integers(1, 8),
            rules=RULES,
            skew_ms=st.sampled_from([0, 0, 0, -400_000]),
        )
        def law(
            steps: list[Say | Do],
            rows: int,
            in_flight: int,
            rules: list[tuple[int, dict[str, Any]]],
            skew_ms: int,
        ) -> None:
            played = [{"when": {"requests": number}, "fault": fault} for number, fault in rules]
            sandbox.reset()
            sandbox.set_scenario({"rules": played, "skew_ms": skew_ms, "latency_ms": 1})
            path = Path(directory) / "rejects"
            path.unlink(missing_ok=True)
            run = open_run(
                sandbox,
                path,
                batch_size_rows=rows,
                max_in_flight=in_flight,
                batch_wait_seconds=0,
            )
            run.play(steps)
            look_up(sandbox, run.witness)
            if run.error is None:
                stock: Any = sandbox.stock()
                run.witness.compares(stock)
            assert not run.witness.broken, run.witness.broken
            assert run.error is None or isinstance(run.error, DeliveryError)
            totals = run.pipeline.totals
            assert totals.updates == run.witness.given
            assert run.error or totals.unsettled == 0
            seen["runs"] += 1
            seen["ended well"] += run.error is None
            seen["superseded"] += totals.superseded
            seen["retries"] += totals.retries
            seen.update(name for visit in sandbox.requests() for name in visit["faults"])

        law()
    assert seen["ended well"] >= 0.8 * seen["runs"], seen
    assert seen["superseded"] >= seen["runs"], seen
    assert seen["retries"] >= seen["runs"], seen
    assert len(seen) >= 4 + 12, seen


def test_an_update_that_is_applied_late_is_the_limit_of_what_can_be_promised() -> None:
    """The last accepted value is the newest, though the API may apply an older one after it."""
    late = {"when": {"requests": 1}, "fault": {"apply_late_ms": 700}}
    with running({"rules": [late]}) as sandbox:
        run = open_run(sandbox, None, batch_size_rows=1, batch_wait_seconds=0)
        sku: Identifier = ("sku", "a")
        steps: list[Say | Do] = [Say(sku, (None,)), Do("service"), Say(sku, (None,)), Do("state")]

        def await_first(_: Say) -> None:
            while run.witness.given and not sandbox.health()["requests"]:
                time.sleep(0.002)

        run.play(steps, await_first)
        assert run.error is None
        assert run.states == [2]
        assert sandbox.stock()[sku] == {None: 20}
        accepted = [update.stock for update in sandbox.history()]
        assert accepted == [10, 20]
        assert [visit["status"] for visit in sandbox.requests()] == [None, 200, 200]
        while len(sandbox.history()) < 3:
            time.sleep(0.02)
        assert sandbox.stock()[sku] == {None: 10}
        assert run.pipeline.totals.accepted == 2


def test_each_attempt_is_signed_anew() -> None:
    """A retry carries the time at which it is made, and a signature of its own."""
    faults = [{"latency_ms": 20, "drop_before": "rst"}, {"latency_ms": 20, "status": 500}]
    rules = [{"when": {"requests": n}, "fault": fault} for n, fault in enumerate(faults, 1)]
    with running({"rules": rules}, limits=Limits(bodies=True)) as sandbox:
        run = open_run(sandbox, None, batch_wait_seconds=0)
        run.play([Say(("sku", "a"), ("A", "B")), Do("state")])
        visits = sandbox.requests()
        assert len({visit["body"] for visit in visits}) == 1
        stamps = [int(visit["headers"]["x-timestamp"]) for visit in visits]
        assert [later - earlier >= 20 for earlier, later in itertools.pairwise(stamps)] == [
            True
        ] * 2
        assert run.states == [1]


def test_a_date_in_retry_after_is_read_by_the_servers_clock() -> None:
    """A machine whose clock is an hour behind waits a second where it is asked for one."""
    later = {"status": 503, "retry_after": 1, "retry_after_date": True}
    rules = [{"when": {"requests": 2}, "fault": later}]
    with running({"skew_ms": 3_600_000, "rules": rules}) as sandbox:
        run = open_run(sandbox, None, batch_wait_seconds=0)
        run.play([Say(("sku", "a"), (None,)), Do("state")])
        assert run.error is None
        assert [visit["status"] for visit in sandbox.requests()] == [401, 503, 200]
