"""From batches to outcomes: workers, retries, limits, one outcome for each row.

Its files:

    shared            what the threads share, and the lock that guards it
    scheduler         which worker sends the next batch, and when
    worker            the workers: pick a batch, send it, handle the reply
    permits           waits for permission to send; waits between attempts
    throttle          limits: those that are set, and those learnt from answers
    request_part      what goes into one request: a batch, or what it was divided into
    books             what the workers ask a ledger and tell it; nothing without one
    ledger_books      the same with one
    retry             what to do after an attempt, and how long to wait; pure
    settle            reads a reply: each row's outcome and code; pure
    reply_fields      the fields of a reply other than its rows
    verdict           each item of a part: accepted, refused, unknown, again; pure
    reply_handler     carries out a verdict: settles rows, queues parts to be sent again
    suspects          rows that were refused without being named
    accepted_items    the items that the API accepted last: they test a request
    outcomes          counts outcomes, and says what STATE must not cover
    rejections        rejected rows, kept until they are written
    reject_writer     writes them in its own thread

If an answer is lost, `retry` sends the part again, `verdict` names the items that the API may have
changed, and `ledger_books` tells the ledger, which keeps them in doubt (`batches/recording`).
"""
