"""``tocobagus report``: a page for a shop's owner, and for the person who is called.

``command`` reads the ledger, ``health`` judges it, ``charts`` draws, ``page`` fills the template
``page.html``. All texts are in ``texts``.
"""
