"""``tocobagus report``: a page for a shop's owner, and for the person who is called.

``command`` reads the ledger, ``health`` judges the store, ``charts`` draws, ``page`` fills
``page.html``. All texts are in ``texts``.
"""
