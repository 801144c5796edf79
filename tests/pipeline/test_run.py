"""Rows that were taken in, and not handed over yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from target_tocobagus.core.model import Part, Stock, Stream
from target_tocobagus.pipeline.poller import Poller
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.stages import wire
from target_tocobagus.pipeline.wakeup import WakeUp
from tests.laws.test_parts import summing
from tests.ledger.desk import settings_of
from tests.ledger.world import LOTS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("rows", [0, 1])
def test_a_row_holds_state_from_the_moment_it_is_taken_in(tmp_path: Path, rows: int) -> None:
    """Also if STATE is looked for before it is handed over, as while pairs of a lookup change."""
    states: list[str] = []
    wakeup = WakeUp()
    pipeline = Pipeline(wire(settings_of(str(tmp_path / "l.db")), wakeup, emit=states.append))
    pipeline.maps_nothing = False
    pipeline.position = 1
    pipeline.take([Stock(("sku", "a"), None, 1)] * rows, Stream("stock"), b"")
    pipeline.checkpoint({"bookmark": msgspec.Raw(b"1")})
    Poller(pipeline.stages, pipeline).emit_safe()
    assert len(states) == 1 - rows
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
    assert pipeline.lowest == 1
    pipeline.flush()
    assert not pipeline.completion.sums.waiting
    wakeup.close()
