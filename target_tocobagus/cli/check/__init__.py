"""`tocobagus check`: each check yields findings, and the page shows them.

    command     the options, and what is blanked out
    signature   all checks in their order, and signed reads in the configured form and others
    settings    the settings as a run would judge them, and the file of rejected rows
    mappings    the mappings, tried on a recorded stream or a catalog
    network     the way to the API: proxy, name, connection, certificate
    http        one read over HTTP, as the target's client makes it
    answers     the meaning of an answer, and how far the server's clock is off
    catalogue   all that can be found, each with what to do about it
    page        a finding, and how it is shown to a person

Nothing here writes to the API.
"""

ENVIRONMENT = "ENV"
"""In place of a configuration file, the SDK takes this for settings from the environment."""
