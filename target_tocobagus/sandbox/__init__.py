"""The sandbox: a stand-in for the partner API, for tests, benchmarks and first steps.

It is another program, that only travels in the same package: it reads the API's documentation by
itself and imports nothing of the target. If both shared one ``sign()``, a wrong signature would
agree with itself.

A request's way through the files::

    server ─ app ─┬─ state                  which fault, if any, hits this request
      │           ├─ faults ─ connection    waiting, dropping, wrong or damaged answers
      │           └─ partner                the API: routes, checks, applies, answers
      │                ├─ auth              who asks, and is it signed
      │                ├─ inventory         what each row says, and whether it exists
      │                └─ world             the stock, and what is remembered
      └─ visitors ─ views                   what is shown under ``/_sandbox/``, and to whom

``scenario`` says what to do wrong; ``testing`` starts it for a
test, which speaks to it through its ``handle``.

The source of each fact is given beside it: *documented* (the endpoint's page or the partner
guide), *inferred* (follows from those) or *invented* (the sandbox had to choose).
"""

BASE_PATH = "/api/v1"
"""The text before every path of the API (documented)."""

VIEWS_PATH = "/_sandbox"
"""Where the sandbox shows what it saw (invented; the real API has no such thing)."""
