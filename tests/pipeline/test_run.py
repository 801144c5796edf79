"""Rows that were taken in, and not handed over yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from target_tocobagus.core.model import Stock, Stream
from target_tocobagus.pipeline.poller import Poller
from target_tocobagus.pipeline.run import Pipeline
from target_tocobagus.pipeline.stages import wire
from target_tocobagus.pipeline.wakeup import WakeUp
from tests.ledger.desk import settings_of

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
