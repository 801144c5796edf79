"""One run: its stages wired together, and the place where the main thread waits.

Its files:

    stages        the stages of a run, and how they are wired
    run           takes outcomes of mapping, completes them, hands rows to the workers
    handover      hands rows to the workers, and waits for room
    poller        what is due between rows: STATE, signals, questions, progress
    wakeup        one place to wait: for input, a thread, a signal, a time
    watches       the columns that must come, and whether they came
    mentions      levels that records name without a row to send
    shutdown      the end of a run: of the input, after an error, after a signal
    last_lines    the last lines of the log, and the metrics file
    zeros         sends absent levels as 0 (`tocobagus ledger absent --zero`)

The way of a signal: `singer/sdk`, `target.stop`, `wakeup`, `poller.fatal_error`, `shutdown`.
"""
