"""`tocobagus check`: each check yields findings, and the page shows them.

    command     the options, the order of the checks, and the secrets to blank out
    settings    the settings, checked as by a run, and the file of rejected rows
    ledger      the ledger, and whether its parts are those of these mappings
    mappings    the mappings, tried on a recorded stream or a catalog
    network     the way to the API: proxy, name, connection, certificate, an answer
    signature   signed reads, in the configured form and others
    answers     the meaning of an answer, and the difference of the clocks
    http        one read over HTTP, as the target's client makes it
    catalogue   the texts of all findings, and what to do about each
    page        a finding, and how it is shown to a person

Nothing here writes to the API.
"""
