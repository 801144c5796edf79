"""The file or the server that a ledger is in. All errors of SQLAlchemy end here.

database        opens it: SQLite or PostgreSQL
connections     a run's connections: one that writes, and one that reads
reading         opens it to be looked at, without its lock
run_lock        one run at a time for each store
schema          the tables
migrate         brings them to this program's version, by
migrations/     a step for each
by_items        questions about many items at once
"""
