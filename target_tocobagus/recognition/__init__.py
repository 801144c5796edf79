"""Which stream holds stock, if the configuration does not say; pure.

    recognise       the answer for a stream: recognised, a question, or not stock
    known_taps      the streams of known taps; a new one is a row of `known_taps.json`
    drafts          a mapping for a person to check, and the doubts about it
    candidates      the fields that may hold item, quantity and location, the likeliest first
    fields          the fields of a stream, by its SCHEMA and its records
    vocabulary      the words that names consist of, in five languages
    questions       what a run asks its user, and when it ends because of that
    stream_router   the mapping of each stream of a run: the user's, a recognised one, or none
    yaml_lines      a mapping as lines to paste into a configuration

A stream is never sent on a guess; see the invariants of `recognise`.
"""
