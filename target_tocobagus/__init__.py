"""Singer target that sends stock to the Tocobagus (Toco) partner API.

The way of a record, room by room; imports run only from a room to those below it:

    cli/            the command `tocobagus`: a folder for each subcommand, or for several
    __main__.py     start-up: Ctrl-C, garbage collector, the log's queue
    target.py       TargetTocobagus, and
    sinks.py        its sink: where Singer people look first
    singer/         stdin to messages; with target and sinks the only place that knows singer_sdk
    pipeline/       one run: the stages wired together, and the one place to wait
    completion/     rows that need the memory across runs: lookups, sums, complete lists
    delivery/       batches to outcomes: workers, retries, limits
    ledger/         the memory across runs: what the API accepted last, and what is in doubt
    report/         what a person or a rerun needs: rejects, totals, progress, the log
    state/          STATE, never ahead
    api/            one signed PATCH
    window/         the newest value of each item and warehouse
    recognition/    which stream holds stock, if the configuration does not say; pure
    mapping/        record to outcomes: Stock, Part, Skipped, RecordError; pure
    config/         settings, and what is wrong with them
    core/           the values, errors and text that all others use
    sandbox/        another program: the API, read independently
"""

__version__ = "0.2.0"
