"""STATE, never ahead of the rows that it covers.

Its files:

    checkpoints    the tap's STATEs that wait, and how one is read and written
    gate           whether STATE may go out, by what `pipeline/poller` asks; pure
    writer         writes the newest that is safe
"""
