"""What `tocobagus check` finds out: each check yields findings, and a page shows them.

    configuring                    the settings, as a run would read and judge them
    surveyed                       what the mappings make of a recorded stream or a catalog
    conversation ─┬─ routing       the way to the API: directly, or by the environment's proxy
                  ├─ sockets       does the name resolve, does the place take a connection
                  ├─ reaching      … and what that means
                  ├─ door          one read over HTTP, as the target's client would make it
                  ├─ forms         how it is signed, and how else it might be
                  ├─ answering     what the answer means
                  └─ timing        how far the server's clock is from this machine's
    disk                           can rejected rows be written down
    page                           all of it, for a person

`configuring`, `surveyed`, `sockets`, `door` and `disk` are doors; `conversation` sets the order of
what is asked; the others take values and give values. `observed` holds the values that doors give,
`finding` what comes of them, and `advice` is the table of all that can be found, each with what to
do about it. Nothing here writes to the API.
"""

ENVIRONMENT = "ENV"
"""Stands in place of a configuration file for settings from the environment: the SDK's word."""
