"""`tocobagus check`: each check yields findings, and the page shows them.

    command     the options, and what is blanked out
    sequence    all checks, in their order
    settings    the settings as a run would judge them, and the file of rejected rows
    mappings    the mappings, tried on a recorded stream or a catalog
    network     the way to the API: proxy, name, connection, certificate
    http        one read over HTTP, as the target's client makes it
    answers     the meaning of an answer, and how far the server's clock is off
    signature   signed reads, in the configured form and the other ones
    catalogue   all that can be found, each with what to do about it
    finding     the result of a check
    page        shows findings to a person

Nothing here writes to the API.
"""

ENVIRONMENT = "ENV"
"""In place of a configuration file, the SDK takes this for settings from the environment."""
