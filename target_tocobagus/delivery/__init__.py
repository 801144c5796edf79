"""From batches to outcomes: workers, retries, limits, one outcome for each row.

shared            what the threads share, and the lock that guards it
scheduler         which worker sends the next batch, and when
worker            the workers: pick a batch, send it, handle the reply
permits           a worker's permission to send
throttle          limits learnt from the API's answers
request_part      what goes into one request: a batch, or what it was divided into
books             what the workers ask the ledger, and tell it
ledger_books      the same, where there is a ledger
retry             what to do after an attempt; pure
settle            a reply turned into one outcome for each row
reply_fields      the fields of a reply other than its rows
verdict           what an answer means for each item of a part; pure
reply_handler     carries it out: settles rows, queues parts to be sent again
suspects          rows that were refused without being named
accepted_items    the items that the API accepted last: they test a request
outcomes          one outcome for each row, and what STATE must not cover yet
rejections        made of errors, and kept until they are written down
reject_writer     writes them in its own thread
"""
