"""How a run ends when it cannot go on: what still happens then, and what no longer may."""

from __future__ import annotations

import errno
import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from target_tocobagus.api.transport import Dependencies
from target_tocobagus.core.errors import (
    CredentialError,
    DeliveryError,
    InputError,
    LedgerError,
    OutputError,
    Stopped,
    run_all,
)
from target_tocobagus.core.model import NoReply, RecordError, Rejection, Reply, Stream
from tests.delivery.desk import Attempt, Desk, names, refusing
from tests.delivery.scripted_api import Act, Rules, ScriptedApi
from tests.delivery.scripted_run import Do, Run, Say, make_settings, scripted
from tests.delivery.witness import Witness

if TYPE_CHECKING:
    from pathlib import Path

HOUR_MS = 3_600_000


def test_after_a_fatal_error_no_request_begins() -> None:
    """A refused credential stops every worker: those that wait, and those that would retry."""
    desk = Desk(batch_size_rows=1, max_in_flight=4, jitter=0.1)
    desk.put(*names("a", 20))
    attempts = desk.gather(4)
    attempts[0].answer(refusing(500))
    attempts[1].answer(refusing(401, "AUTH_010"))
    desk.until(lambda: desk.shared.error)
    attempts[2].accept()
    attempts[3].answer(refusing(503))
    desk.until(lambda: desk.shared.quiet)
    desk.expect_silence(0.3)
    assert isinstance(desk.shared.error, CredentialError)
    assert desk.totals.accepted == 1


def test_the_first_fatal_error_is_the_one_that_is_told() -> None:
    """What fails after it is its consequence."""
    desk = Desk(batch_size_rows=1, max_in_flight=2)
    desk.put("a", "b")
    first, second = desk.gather(2)
    first.answer(refusing(401, "AUTH_010"))
    desk.until(lambda: desk.shared.error)
    second.answer(refusing(302))
    desk.until(lambda: desk.shared.quiet)
    assert "AUTH_010" in str(desk.shared.error)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_nothing_and_settles_what_is_in_flight(number: int) -> None:
    """After a signal what waits is dropped, what is in flight settles, and no request begins."""
    acts = [Act(delay=0.4)] * 100
    run, api = scripted(acts, batch_size_rows=1, max_in_flight=2, batch_wait_seconds=0)
    sent = []

    def stop() -> None:
        time.sleep(0.1)
        sent.append(len(api.bodies))
        run.stop(number)

    threading.Thread(target=stop).start()
    steps: list[Say | Do] = []
    for sku in names("a", 50):
        steps += [Say(("sku", sku), (None,)), Do("state"), Do("service")]
    began = time.monotonic()
    run.play(steps)
    assert isinstance(run.error, Stopped)
    assert run.error.exit_code == 128 + number
    assert time.monotonic() - began < 4
    assert sent == [2]
    assert len(api.bodies) == 2
    assert run.states == [2]
    assert run.pipeline.totals.accepted == 2
    assert not run.witness.broken


def test_a_disk_that_stands_still_holds_up_no_state_and_no_signal(tmp_path: Path) -> None:
    """While a rejected row is being written, what was safe goes out and a signal is met."""
    run, _ = scripted(batch_wait_seconds=0, rejects_path=str(tmp_path / "rejects"))
    written, gate = threading.Event(), threading.Event()

    def stand_still(rejection: Rejection) -> None:  # noqa: ARG001  # the form of the method
        written.set()
        gate.wait(30)

    run.pipeline.stages.rejects.write = stand_still  # type: ignore[method-assign]  # the disk
    threading.Timer(1.0, lambda: run.stop(signal.SIGTERM)).start()
    steps: list[Say | Do] = [Say(("sku", "a"), (None,)), Do("state"), Do("bad"), Do("state")]
    run.play([*steps, *[Do("pause")] * 100_000])
    gate.set()
    assert written.is_set()
    assert isinstance(run.error, Stopped)
    assert run.states[-1:] == [1]
    assert (run.pipeline.totals.accepted, run.pipeline.totals.unsettled) == (1, 1)


def test_a_row_that_cannot_be_synced_is_covered_by_no_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One failed fsync ends the run, and no later one makes good what the kernel dropped."""
    run, _ = scripted(batch_wait_seconds=0, rejects_path=str(tmp_path / "rejects"))
    fsync = os.fsync

    def fail_once(_: int) -> None:
        monkeypatch.setattr(os, "fsync", fsync)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail_once)  # the disk is what is swapped
    steps: list[Say | Do] = [Say(("sku", "a"), (None,)), Do("state"), Do("pause"), Do("bad")]
    for sku in names("b", 50):
        steps += [Say(("sku", sku), (None,)), Do("state"), Do("pause"), Do("bad")]
    run.play(steps)
    assert "(Input/output error)" in str(run.error)
    assert os.fsync is fsync
    assert set(run.states) <= {1}
    assert not run.witness.broken


@pytest.mark.parametrize("fatal", [False, True])
@pytest.mark.parametrize("closing", [False, True])
def test_the_first_error_is_reported_and_the_later_ones_are_logged(
    caplog: pytest.LogCaptureFixture, *, fatal: bool, closing: bool
) -> None:
    """A broken line, then a refused credential, a verdict, sums that do not close: each is said."""
    witness = Witness()
    api = ScriptedApi([], Rules(), witness)
    send = (lambda _: refusing(401, "AUTH_010")) if fatal else api.send
    run = Run(make_settings(max_rejected_rows=0), Dependencies(api.clock, send), witness)
    run.say(Say(("sku", "a"), (None,)))
    run.pipeline.take([RecordError("BAD_QUANTITY", "unreadable")], Stream("stock"), b"")
    if closing:
        run.pipeline.totals.updates += 1
    broken = InputError("Line 4 of the input is not JSON")
    with caplog.at_level(logging.ERROR, "target-tocobagus"):
        assert run.pipeline.end_after(broken) is broken
    later = " ".join(caplog.messages)
    assert ("AUTH_010" in later) is fatal
    assert ("totals do not add up" in later) is closing
    assert ("max_rejected_rows" in later) is not fatal
    assert "Line 4" not in later
    assert broken.exit_code == (2 if fatal else 1)


@pytest.mark.parametrize(("later", "told"), [("is moved", []), ("is full", ["is full"])])
def test_an_error_that_comes_twice_is_told_once(
    caplog: pytest.LogCaptureFixture, later: str, told: list[str]
) -> None:
    """Two threads and the closing of a file may meet the same error; the command tells it last."""

    def close() -> None:
        raise OutputError(later)

    run, _ = scripted()
    run.pipeline.stages.shared.fail(OutputError("is moved"))  # as a worker does
    with caplog.at_level(logging.ERROR, "target-tocobagus"):
        first = run.pipeline.end_after(OutputError(later))
        run_all([close], first)
    assert str(first) == "is moved"
    assert caplog.messages == told * 2


def test_an_error_that_was_there_before_a_broken_line_is_the_first() -> None:
    """A worker's fatal error that reading had not noticed yet, or a signal's, comes first."""
    for number in (None, signal.SIGTERM):
        run, _ = scripted()
        fatal = DeliveryError("nothing more can be sent")
        if number is None:
            run.pipeline.stages.shared.fail(fatal)  # as a worker does
        else:
            run.stop(number)
        first = run.pipeline.end_after(InputError("Line 4 of the input is not JSON"))
        assert first is fatal if number is None else isinstance(first, Stopped)


@pytest.mark.parametrize(
    ("error", "sent"), [(InputError("not JSON"), 1), (LedgerError("no"), 0), (OutputError("no"), 0)]
)
def test_only_after_an_error_of_the_input_what_came_before_it_is_sent(
    error: Exception, sent: int
) -> None:
    """Without its ledger or its output a run sends nothing more."""
    run, api = scripted()
    run.say(Say(("sku", "a"), (None,)))
    assert run.pipeline.end_after(error) is error
    assert len(api.bodies) == sent


def test_a_signal_hands_no_row_on() -> None:
    """A row that was read and not yet handed to the workers begins no request after a signal."""
    for _ in range(30):
        run, api = scripted(batch_size_rows=1, batch_wait_seconds=0)
        run.say(Say(("sku", "a"), (None,)))
        run.pipeline.flush()
        run.abort(Stopped(signal.SIGTERM), Say(("sku", "b"), (None,)))
        sent = {identifier for rows in api.bodies for identifier, _ in rows}
        assert sent <= {("sku", "a")}
        assert run.pipeline.totals.unsettled == 2 - len(sent)


def test_a_request_that_hangs_holds_up_no_end() -> None:
    """After a fatal error what is in flight gets five seconds, and not more."""
    witness = Witness()
    gate = threading.Event()
    api = ScriptedApi([], Rules(), witness)
    hung = threading.Event()

    def send(body: bytes) -> Reply | NoReply:
        if b"hangs" in body:
            hung.set()
            gate.wait(20)
            return NoReply(timed_out=True, cause="hung")
        hung.wait(5)
        return refusing(403)

    run = Run(
        make_settings(batch_size_rows=1, max_in_flight=2, batch_wait_seconds=0),
        Dependencies(api.clock, send),
        witness,
    )
    threading.Timer(6.5, gate.set).start()
    ended: list[float] = []
    steps: list[Say | Do] = [
        Say(("sku", "hangs"), (None,)),
        Say(("sku", "a"), (None,)),
        Do("state"),
    ]
    began = time.monotonic()
    run.play(steps, ended=lambda: ended.append(time.monotonic() - began))
    assert isinstance(run.error, CredentialError)
    assert 4.9 < ended[0] < 6.4
    assert run.states == []
    assert run.pipeline.totals.unsettled == 2


def test_an_answer_after_the_end_changes_nothing() -> None:
    """An answer that comes after the totals were closed is ignored."""
    desk = Desk(batch_size_rows=1, max_in_flight=1)
    desk.put("a")
    late = desk.next()
    desk.shared.abandon()
    desk.shared.ignore_late_replies()
    late.accept()
    desk.until(lambda: desk.shared.quiet)
    assert desk.totals.accepted == 0
    assert desk.window.unsettled() == 1


def test_the_row_that_the_server_fails_on_is_found() -> None:
    """After `max_retry_seconds` of 5xx, others being accepted, only the poison row is rejected."""

    def answer(attempt: Attempt) -> None:
        time.sleep(0.005)
        if "poison" in attempt.skus:
            attempt.answer(refusing(500))
        else:
            attempt.accept()

    desk = Desk(batch_size_rows=8, max_in_flight=2, max_retry=0.3, jitter=0.02, answer=answer)
    desk.put(*names("a", 5), "poison", *names("b", 2))
    until = time.monotonic() + 0.45
    number = 0
    while time.monotonic() < until:
        number += 1
        desk.put(*names(f"c{number}-", 8))
        time.sleep(0.01)
    desk.accept_until_settled()
    assert [rejection.code for rejection in desk.written] == ["SERVER_ERROR"]
    assert desk.written[0].updates == ((("sku", "poison"), None),)
    assert desk.totals.accepted == 7 + 8 * number
    tries = [attempt.at for attempt in desk.attempts if "poison" in attempt.skus]
    assert tries[-1] - tries[0] >= 0.3


def test_the_row_is_found_though_all_others_were_accepted_long_ago() -> None:
    """Many failures of one batch are not an outage: its other rows prove that."""

    def answer(attempt: Attempt) -> None:
        if "poison" in attempt.skus:
            attempt.answer(refusing(500))
        else:
            time.sleep(0.02)
            attempt.accept()

    desk = Desk(batch_size_rows=8, max_in_flight=2, max_retry=0.3, jitter=0.0, answer=answer)
    desk.put(*names("a", 5), "poison", *names("b", 10))
    desk.accept_until_settled()
    assert [rejection.code for rejection in desk.written] == ["SERVER_ERROR"]
    assert desk.totals.accepted == 15
    assert len([attempt for attempt in desk.attempts if "poison" in attempt.skus]) > 25


def test_an_outage_rejects_nothing() -> None:
    """Where nothing is accepted any more, no row is to blame: the run fails, and all come again."""
    accepted: list[Attempt] = []

    def answer(attempt: Attempt) -> None:
        if len(accepted) < 3:
            accepted.append(attempt)
            attempt.accept()
        else:
            attempt.answer(refusing(500))

    desk = Desk(batch_size_rows=8, max_in_flight=3, max_retry=0.3, jitter=0.05, answer=answer)
    desk.put(*names("a", 100))
    desk.until(lambda: desk.shared.error)
    desk.until(lambda: desk.shared.quiet)
    assert isinstance(desk.shared.error, DeliveryError)
    assert desk.written == []
    assert desk.totals.accepted == 24
    assert desk.window.unsettled() == 76
    assert len(desk.attempts) < 200


@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize(
    "skews_ms",
    [
        (0, HOUR_MS),
        (HOUR_MS, 0),
        (HOUR_MS, 0, 0),
        (0, 0, -HOUR_MS),
        (HOUR_MS, 2 * HOUR_MS),
        (*[-HOUR_MS] * 5, *[0] * 500),
    ],
)
def test_a_clock_that_differs_or_changes_ends_no_run(
    skews_ms: tuple[int, ...], in_flight: int
) -> None:
    """Of servers that take turns one may have a wrong clock; and a clock may be set in mid-run."""
    run, api = scripted(
        rules=Rules(skews_ms=skews_ms),
        batch_size_rows=1,
        max_in_flight=in_flight,
        batch_wait_seconds=0,
        max_retry_seconds=10,
    )
    run.play([*(Say(("sku", sku), (None,)) for sku in names("a", 20)), Do("state")])
    assert run.error is None
    assert run.states == [20]
    assert api.happened["AUTH_003"] > 0
    assert len(api.bodies) < 20 * 5


def test_a_clock_that_no_other_server_shares_is_not_followed_to_its_year() -> None:
    """A `currentTime` of the year 3000 ends the run, and this machine's clock holds to the end."""
    rules = Rules(skews_ms=(975 * 365 * 24 * HOUR_MS,))
    run, api = scripted(rules=rules, batch_wait_seconds=0)
    run.play([Say(("sku", "a"), (None,)), Do("state")])
    assert isinstance(run.error, CredentialError)
    assert "more than a day apart" in str(run.error)
    assert (api.clock.offset_ms, len(api.bodies), run.states) == (0, 1, [])
