"""The memory across runs: what the API accepted last, and what is in doubt.

    maintenance.py  what an operator changes in it: forgetting levels, deleting old history
    opening.py      opens it for one run of a store
    ledger.py       a store's ledger, during that run
    dry_run.py      the parts and pairs of a dry run
    inspection/     what a person asks of it
    batches/        the way of a batch: compared, marked, answered
    guard/          no run takes more of the stock to 0 than it may
    pairs/          lookups: which item a `match` stands for
    parts/          sums: the parts of stocks that are added up
    levels/         what is known of each level: accepted, in doubt, named, refused
    database/       the file or the server that it is in

Imports run from each of these to those below it.

The way of a batch, and what a later run does if the process dies or an answer is lost there. A
*flight* is written before its request leaves, with the levels of the batch. A *mark* says that a
level may hold a value which the ledger does not know; marked levels are never unchanged.

| instant                               | kept by then              | the next run           |
|---------------------------------------|---------------------------|------------------------|
| before the marks (picked, compared)   | what was accepted before  | compares, sends        |
| after the marks, before the request   | a flight with the batch   | marks its levels       |
| the request has left, or was applied  | a flight                  | marks its levels       |
| the reply has come, is not recorded   | a flight                  | marks its levels       |
| recorded, identifiers not released    | the new values, no flight | compares: unchanged    |
| released, no STATE yet                | the same                  | the rows come again:   |
|                                       |                           | unchanged              |
| an answer is lost, then an acceptance | the value, with its mark  | sends it once more     |
| an answer is lost, then a refusal     | the old value, with a mark| sends                  |
| an answer is lost, the run gives up   | the old value, with a mark| sends                  |

A start turns what flights are left into marks; that is all that a crash needs.
"""
