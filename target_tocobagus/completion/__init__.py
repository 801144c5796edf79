"""Completes rows by the memory across runs: lookups, sums of parts, complete lists.

completion        the rows of one pass that need it, from their record to the window
resolved          rows that are parts, and what becomes of them
lookups           what identifiers stand for, by the pairs of another stream
new_pairs         the pairs that have come since the last flush
unnamed_rows      rows get the identifiers of their pairs
changed_pairs     levels and parts follow the pairs that have changed
moved             the record of a level that has followed its pair
sums              of parts the sum that is to be sent
stream_sums       the streams whose rows are parts, and what of them has gone out
changed_sums      the stocks of which parts have come
last_sums         the sums that wait for the end of the input
mixed_sources     stocks that one mapping adds up and another one sets
complete_lists    the locations that a complete list leaves out
completed         what became of rows; the pipeline takes it in
"""
