"""Values, errors and text that every other room uses.

Its files:

    model           the values, from a mapped record to a settled row
    errors          the errors that end a run, by what to do next
    versions        versions of a row (`newer_by`), and which of two is older
    json_lines      decodes lines of JSON, with exact numbers
    foreign_text    makes foreign text safe to show
    plural          numbers, durations and lists in messages
    deferred_log    a logger for code that runs under a lock
    collector       keeps the garbage collector out of imports
"""
