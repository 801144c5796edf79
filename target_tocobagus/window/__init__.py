"""The newest value of each item at each location, until it is settled.

Its files:

    buffer     rows on their way in, those of one item together
    pending    `Item`: the updates of one identifier
    newest     takes rows in: the newest value of each level
    window     leases batches, and releases what is settled
    ready      what can be picked: stock-outs first, then the oldest
"""
