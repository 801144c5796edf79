"""``tocobagus demo``: sends real streams to a stand-in for the API."""
