"""``tocobagus map``: the mapping of each stream in a file."""
