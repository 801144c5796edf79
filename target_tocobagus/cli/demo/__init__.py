"""``tocobagus demo``: real streams, sent to a stand-in for the API."""
