"""The sandbox: a stand-in for the partner API, for tests, benchmarks and first steps.

It is another program, that only travels in the same package: it reads the API's documentation by
itself and imports nothing of the target. If both shared one ``sign()``, a wrong signature would
agree with itself.

A request's way through the files::

    server ─ app ─┬─ play ─ matching           which fault, if any, hits this request
      │           ├─ partner                   the API: routes, checks, applies, answers
      │           │    ├─ auth ─ signature     who asks, and is it signed
      │           │    ├─ inventory ─ items    what each row says
      │           │    ├─ catalogue            whether it exists
      │           │    └─ stock                what every warehouse holds
      │           └─ faults ─ distorting       the answer made wrong, late, slow or absent
      └─ connection                            what HTTP has no words for: a reset, half a header

``scenario`` says what to do wrong, ``state`` holds what changes, ``journal`` remembers, ``views``
shows it under ``/_sandbox/``, ``openapi`` describes it; ``testing`` starts it for a test, which
speaks to it through its ``handle``.

Where a fact comes from is said where it stands: *documented* (the endpoint's page or the partner
guide), *inferred* (follows from those) or *invented* (the sandbox had to choose).
"""

BASE_PATH = "/api/v1"
"""What stands before every path of the API (documented)."""

VIEWS_PATH = "/_sandbox"
"""Where the sandbox shows what it saw (invented; the real API has no such thing)."""
