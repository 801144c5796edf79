"""The newest value of each item at each location, until it is sent.

buffer     rows on their way in, those of one item together
pending    what has come for one identifier
newest     takes rows in: the newest value of each level
window     leases batches, and releases what is settled
ready      what can be picked, in the order of sending
"""
