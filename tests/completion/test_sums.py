"""Rows that wait to be completed hold STATE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from target_tocobagus.core.errors import DeliveryError
from target_tocobagus.core.model import Part
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.stages import wire
from target_tocobagus.pipeline.wakeup import WakeUp
from tests.laws.test_parts import summing
from tests.ledger.desk import settings_of
from tests.ledger.world import LOTS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("has_failed", [True, False])
def test_no_state_covers_a_row_that_waits(tmp_path: Path, *, has_failed: bool) -> None:
    """A worker's error ends the run, and the row is not given to the ledger any more."""
    states: list[str] = []
    wakeup = WakeUp()
    pipeline = Pipeline(wire(settings_of(str(tmp_path / "l.db")), wakeup, emit=states.append))
    pipeline.maps_nothing = False
    pipeline.completion.sums.begin(LOTS, summing())
    pipeline.position = 1
    pipeline.take([Part("1", ((("sku", "a"), None, "1"),))], LOTS, b"")
    if has_failed:
        pipeline.stages.shared.fail(error := DeliveryError("no"))
    pipeline.checkpoint({"bookmark": msgspec.Raw(b"1")})
    pipeline.flush()
    assert pipeline.completion.sums.lowest == 1
    assert len(pipeline.completion.sums.waiting) == has_failed
    pipeline.abort(error if has_failed else DeliveryError("no"))
    wakeup.close()
    assert states == []
