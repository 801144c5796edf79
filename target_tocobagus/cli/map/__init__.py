"""``tocobagus map``: the mapping of each stream in a file.

Its files:

    command        the options, and the exit code
    stream_file    reads a file: a Singer stream, or a catalog
    survey         a file's streams, read until nothing new is expected
    advisor        which mapping a stream would have, and what its user should know
    stream_view    a stream: its mapping, outcomes of its records, sums of its parts
    names          what looked up identifiers stand for
    sums           adds up the parts of a stream
    text           what is said of streams; their mappings as YAML or JSON
    page           the whole, for a person at a terminal
"""
