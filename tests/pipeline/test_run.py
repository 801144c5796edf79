"""What was taken in, and not handed over yet."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import pytest

from target_tocobagus.api.client import Clock
from target_tocobagus.api.transport import Dependencies
from target_tocobagus.core.errors import DeliveryError
from target_tocobagus.core.model import Part, Skipped, Stream
from target_tocobagus.pipeline.poller import Poller
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.stages import wire
from target_tocobagus.pipeline.wakeup import WakeUp
from tests.delivery.desk import SILENCE, accepting, at_once
from tests.delivery.scripted_run import Run, Say, make_settings
from tests.delivery.witness import Witness
from tests.laws.test_parts import summing
from tests.ledger.desk import settings_of
from tests.ledger.world import LOTS

if TYPE_CHECKING:
    from pathlib import Path

    from target_tocobagus.completion.completed import Completed
    from target_tocobagus.core.model import Reply
    from target_tocobagus.window.buffer import RowBuffer


@pytest.mark.parametrize(
    ("fails", "flushes", "is_emitted"),
    [
        ("never", 0, False),
        ("never", 1, True),
        ("before", 1, False),
        ("during", 1, False),
        ("by raising", 2, False),
    ],
)
def test_a_state_counts_once_all_before_it_is_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str, flushes: int, *, is_emitted: bool
) -> None:
    """Of a skipped row the ledger must know first: one that was rejected before must not come."""
    states: list[str] = []
    wakeup = WakeUp()
    settings = settings_of(str(tmp_path / "l.db"))
    pipeline = Pipeline(wire(settings, wakeup, emit=states.append))
    shared, raised = pipeline.stages.shared, [ValueError()] if fails == "by raising" else []

    def complete(_: RowBuffer) -> list[Completed]:
        if raised:
            raise raised.pop()
        if fails == "during":
            shared.fail(DeliveryError("no"))
        return []

    monkeypatch.setattr(pipeline.completion, "complete", complete)
    pipeline.maps_nothing = False
    pipeline.position = 1
    pipeline.take([Skipped("deleted", ended=((("sku", "a"), None),))], Stream("stock"), b"")
    pipeline.checkpoint({"bookmark": msgspec.Raw(b"1")})
    if fails == "before":
        shared.fail(DeliveryError("no"))
    for _ in range(flushes):
        with suppress(ValueError):
            pipeline.flush()
    Poller(pipeline.stages, pipeline).emit_safe()
    assert bool(states) == is_emitted
    wakeup.close()


def test_rows_between_which_states_come_are_completed_together(tmp_path: Path) -> None:
    """A tap may write a STATE after each row, and each question to the ledger takes its time."""
    wakeup = WakeUp()
    settings = settings_of(str(tmp_path / "l.db"))
    pipeline = Pipeline(wire(settings, wakeup, emit=lambda _: None))
    pipeline.completion.sums.begin(LOTS, summing())
    for number in range(1, 4):
        pipeline.position = number
        pipeline.take([Part(str(number), ((("sku", "a"), None, "1"),))], LOTS, b"")
        pipeline.checkpoint({"bookmark": msgspec.Raw(b"1")})
    assert len(pipeline.completion.sums.waiting) == 3
    pipeline.flush()
    assert not pipeline.completion.sums.waiting
    wakeup.close()


def test_while_the_tap_is_silent_each_full_batch_goes_at_once() -> None:
    """Also to an API that answers at once, for which a full batch else waits while rows come."""
    tap_reads, api_writes = os.pipe()
    sent = []

    def send(body: bytes) -> Reply:
        sent.append(body)
        os.write(api_writes, b"\n")  # this tap says no more before the API has the last row
        return at_once(accepting(1))

    settings = make_settings(batch_size_rows=1, batch_wait_seconds=600)
    run = Run(settings, Dependencies(Clock(), send, jitter=lambda: 0.0), Witness())
    for count, sku in enumerate("abc"):
        run.say(Say(("sku", sku), (None,)))
        run.pipeline.flush()
        if run.pipeline.stages.shared.throttle.is_quick:
            time.sleep(SILENCE)
            assert len(sent) == count
        run.pipeline.wait_for_input(tap_reads)
        os.read(tap_reads, 1)
        run.pipeline.handover.settle()
    assert run.pipeline.stages.shared.throttle.is_quick
    assert run.play(()).error is None
    os.close(tap_reads)
    os.close(api_writes)
