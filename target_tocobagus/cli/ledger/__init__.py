"""``tocobagus ledger``: what an operator may look at and change in the memory across runs.

Its files:

    command            `status`, `check`, `absent`, `forget`, `prune`
    page               what a ledger holds, on a terminal, in a log or as JSON
    absent             the list of `absent`, and the way from it to the API
    explain_command    `tocobagus explain`, and which steps it shows
    explain_page       the steps, changes, parts and refusals of an item
    past_commands      `tocobagus history`, `batch` and `rejects`
    past_page          runs, what was in a batch, rows that are refused
    shared             their options, and how they end
"""
