"""Completes rows by the memory across runs: lookups, sums of parts, complete lists.

Its files:

    completion        the steps of a flush: pairs, sums, complete lists
    resolved          `PartRecord`: a record of a part; `Resolved`: what became of it
    lookups           what identifiers stand for, by the pairs of another stream
    new_pairs         the pairs that have come since the last flush
    unnamed_rows      rows with `lookup` get an identifier, wait, or are rejected
    waiting_rows      rows without a pair, until the end of the run; not kept longer
    changed_pairs     levels and parts follow the pairs that have changed
    moved             which levels go to another item, and the RECORD of one
    sums              adds up parts by stock: the sum that is to be sent
    stream_sums       one stream of parts: what came, and what waits for the end
    changed_sums      the stocks of which parts have come in a flush
    last_sums         the sums that wait for the end of the input
    mixed_sources     stocks that one mapping adds up and another one sets
    complete_lists    the locations that a complete list leaves out
    completed         what became of rows; the pipeline takes it in
"""
