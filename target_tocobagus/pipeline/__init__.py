"""One run: its stages wired together, and the place where the main thread waits.

stages        the stages of a run, and how they are wired
run           takes outcomes of mapping, completes them, hands rows to the workers
handover      where the main thread hands them over, and waits for room
poller        between two rows: signals, errors, questions, STATE, progress
wakeup        one place to wait: for input, a thread, a signal, a time
watches       the columns that the mappings of a run rely on
mentions      levels that records name without a row to send
shutdown      the end of a run: of the input, after an error, or after a signal
last_lines    what a run logs at its end
zeros         sends levels that are gone from a stream as 0, for an operator
"""
