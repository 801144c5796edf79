"""``tocobagus ledger``: what an operator may look at and change in the memory across runs."""
