"""What a person asks of a ledger; read without its lock, and without a change to it.

contents        what it holds, store by store
overview        a store at a glance
item_history    all of one item: its levels, how they came about, what is refused
past            runs, what was in a batch, rows that are refused still
soundness       whether it is sound
trial           whether a run could open it
wanted          which levels a person means, and what may have been meant
"""
