"""The file or the server that a ledger is in. All errors of SQLAlchemy end here.

Its files:

    database        opens it: SQLite or PostgreSQL
    connections     a run's connections: one that writes, and one that reads
    reading         opens it to be looked at, without its lock
    run_lock        one run at a time for each store
    schema          the tables as they are now; a new column needs a step, too
    migrate         brings older tables to `HEAD`, this program's version, by
    migrations/     a step for each version
    sources         the numbers of streams under their mappings, and the columns that came
    by_items        queries for many items at once
"""
