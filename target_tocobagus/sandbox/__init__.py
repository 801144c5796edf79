"""The sandbox: a stand-in for the partner API, for tests, benchmarks and first steps.

It is another program in the same package: it follows the API's documentation and imports nothing of
the target. If both shared one ``sign()``, no test would notice a wrong signature.

A request's way through the files::

    server ─ app ─┬─ faults             waits, closes the connection, changes the answer
                  ├─ partner            the API: routes, checks, applies, answers
                  │    ├─ auth          who sends the request, and is it signed
                  │    ├─ inventory     what each row means, and whether it exists
                  │    └─ state         stock, what is remembered, and the scenario
                  │         └─ visits   the requests, and the rows that were refused
                  ├─ views              what is shown under ``/_sandbox/``
                  │    ├─ live          what has changed, as events
                  │    ├─ search        stock by text
                  │    ├─ detail        one request; ``diagnosis``: why its signature is wrong
                  │    └─ switches      the scenarios that the page offers
                  └─ page               ``page.html``

``messages`` has a request as it was read, and its answer until it is sent. ``scenario`` describes
the faults. ``command`` is the command line. ``handle`` starts a sandbox, and asks what has come.

The source of each fact is given beside it: *documented* (the endpoint's page or the partner
guide), *inferred* (follows from those) or *invented* (the sandbox had to choose).
"""

BASE_PATH = "/api/v1"
"""The text before every path of the API (documented)."""

VIEWS_PATH = "/_sandbox"
"""The path of the sandbox's views (invented; the real API has none)."""
