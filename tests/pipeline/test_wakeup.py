"""The one place to wait: it ends at once when there is news, from wherever."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from target_tocobagus.pipeline.wakeup import WakeUp

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = 10.0
"""Seconds that no test waits: whatever would wait so long is ended by something else."""


@pytest.fixture(autouse=True)
def _no_time_passes() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < LONG


@pytest.fixture
def wakeup() -> Iterator[WakeUp]:
    """A pipe to oneself."""
    made = WakeUp()
    yield made
    made.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A tap's pipe: its reading and its writing end."""
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def test_a_call_before_the_wait_ends_it(wakeup: WakeUp) -> None:
    """A call before the wait ends that wait, and no other."""
    wakeup.wake()
    assert wakeup.wait(LONG) is False
    began = time.monotonic()
    wakeup.wait(0.2)
    assert time.monotonic() - began >= 0.19


def test_many_calls_are_one(wakeup: WakeUp) -> None:
    """Many calls end one wait, and never block the caller."""
    for _ in range(100_000):
        wakeup.wake()
    assert wakeup.wait(LONG) is False


def test_another_thread_ends_the_wait(wakeup: WakeUp) -> None:
    """A call of another thread ends a wait without a limit."""
    speaker = threading.Thread(target=wakeup.wake)
    speaker.start()
    assert wakeup.wait(None) is False
    speaker.join()


def test_a_signals_handler_ends_the_wait(wakeup: WakeUp) -> None:
    """A call of a signal's handler ends a wait without a limit, and no other."""
    before = signal.signal(signal.SIGALRM, lambda *_: wakeup.wake())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        assert wakeup.wait(None) is False
        began = time.monotonic()
        wakeup.wait(0.2)
        assert time.monotonic() - began >= 0.19
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_input_ends_the_wait(wakeup: WakeUp, pipe: tuple[int, int]) -> None:
    """A source that can be read ends the wait, and stays unread."""
    os.write(pipe[1], b"x")
    assert wakeup.wait(LONG, pipe[0]) is True
    assert os.read(pipe[0], 10) == b"x"


def test_the_end_of_input_ends_the_wait(wakeup: WakeUp, pipe: tuple[int, int]) -> None:
    """A source whose writer is gone can be read: there is its end."""
    os.close(pipe[1])
    assert wakeup.wait(LONG, pipe[0]) is True


def test_input_and_a_call_at_once(wakeup: WakeUp, pipe: tuple[int, int]) -> None:
    """The source can be read, and the call does not end a second wait."""
    os.write(pipe[1], b"x")
    wakeup.wake()
    assert wakeup.wait(LONG, pipe[0]) is True
    assert wakeup.wait(0) is False


@pytest.mark.parametrize("seconds", [0, 0.01, -5.0])
def test_time_ends_the_wait(wakeup: WakeUp, pipe: tuple[int, int], seconds: float) -> None:
    """Without news the time passes, and a time that has passed is none."""
    assert wakeup.wait(seconds, pipe[0]) is False


def test_a_file_can_always_be_read(wakeup: WakeUp) -> None:
    """A regular file never makes anyone wait."""
    with open(__file__, "rb") as file:  # noqa: PTH123  # a descriptor is wanted
        assert wakeup.wait(None, file.fileno()) is True


def test_a_call_after_the_end_is_harmless() -> None:
    """A call after the end of the run is ignored without an error."""
    wakeup = WakeUp()
    wakeup.close()
    wakeup.wake()
